import type { Effect } from '../app/redis/effect.js';
import { isError } from './expectation.js';
import { textOf } from './streams.js';
import type { RespValue } from './value.js';

/** What a command did to one key. */
interface KeyEffects {
  key: Uint8Array;
  effects: Effect[];
  /** So many of them were changes; the rest may have been so before. */
  changed: number;
  /** All of them may have been so before. */
  idle?: true;
}

/** What an acknowledged command did, or why that cannot be told from it. */
type Outcome = { keys: KeyEffects[] } | { undecided: string };

type Words = readonly Uint8Array[];
type Reading = (words: Words, reply: RespValue | undefined) => Outcome;

const NOTHING: Outcome = { keys: [] };
const undecided = (why: string): Outcome => ({ undecided: why });
const upper = (word: Uint8Array | undefined) =>
  Buffer.from(word ?? [])
    .toString('latin1')
    .toUpperCase();
const numberIn = (reply: RespValue | undefined) =>
  reply?.type === ':' || reply?.type === '#'
    ? Number(textOf(reply).replace('t', '1').replace('f', '0'))
    : undefined;

function one(key: Uint8Array, effects: Effect[], changed = effects.length): Outcome {
  const idle = changed === 0 && { idle: true as const };
  return { keys: effects.length === 0 ? [] : [{ key, effects, changed: Math.max(1, changed), ...idle }] };
}

/** Arguments two by two; `undefined` when one is left. */
function pairs(words: Words): [Uint8Array, Uint8Array][] | undefined {
  if (words.length === 0 || words.length % 2 !== 0) return undefined;
  return Array.from({ length: words.length / 2 }, (_, i) => [words[2 * i], words[2 * i + 1]]);
}

const malformed = undecided('its arguments are not those of the command');

const string: Reading = ([, key, value], reply) =>
  value === undefined ? malformed : reply?.nil ? NOTHING : one(key, [{ kind: 'value', value }]);

/** SET: with NX or XX nil means that nothing was done, with GET it says what there was before. */
const set: Reading = (words, reply) => {
  const options = words.slice(3).map(upper);
  if (options.includes('GET') && (options.includes('NX') || options.includes('XX')))
    return undecided('with GET the reply does not say whether it was done');
  return options.includes('GET') ? string(words, undefined) : string(words, reply);
};

/** Commands whose integer says whether they did anything. */
const ifOne =
  (reading: Reading): Reading =>
  (words, reply) =>
    numberIn(reply) === 0 ? NOTHING : reading(words, reply);

/** The reply is the value that the key has from then on. */
const counted: Reading = ([, key], reply) =>
  reply?.bytes === undefined
    ? undecided('the value that it led to is not in the reply')
    : one(key, [{ kind: 'value', value: reply.bytes }]);

const countedField: Reading = ([, key, part], reply) =>
  reply?.bytes === undefined
    ? undecided('the value that it led to is not in the reply')
    : one(key, [{ kind: 'field', part, value: reply.bytes }]);

const hash: Reading = ([, key, ...rest], reply) => {
  const fields = pairs(rest);
  if (fields === undefined) return malformed;
  // a field named twice has the last value
  const last = new Map(
    fields.map(([part, value]) => [Buffer.from(part).toString('latin1'), { part, value }]),
  );
  const effects = [...last.values()].map(({ part, value }): Effect => ({ kind: 'field', part, value }));
  // HMSET says OK whether it changed anything or not
  return one(key, effects, numberIn(reply) ?? (reply === undefined ? effects.length : 0));
};

const parts =
  (kind: Effect['kind']): Reading =>
  ([, key, ...rest], reply) =>
    one(
      key,
      rest.map((part) => ({ kind, part })),
      numberIn(reply),
    );

/** A score as a number writes itself; the member is kept as it is. */
function scoreEffect(score: Uint8Array, part: Uint8Array): Effect {
  const text = upper(score)
    .replace(/^\+?INF(INITY)?$/, 'Infinity')
    .replace(/^-INF(INITY)?$/, '-Infinity');
  return { kind: 'score', part, value: Buffer.from(String(Number(text))) };
}

const scores: Reading = ([, key, ...rest], reply) => {
  const flags = ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'];
  const from = rest.findIndex((word) => !flags.includes(upper(word)));
  const options = rest.slice(0, Math.max(0, from)).map(upper);
  const members = pairs(rest.slice(Math.max(0, from)));
  if (members === undefined) return malformed;
  if (options.some((option) => option !== 'CH'))
    return undecided(`with ${options[0]} the reply does not say what was changed`);
  return one(
    key,
    members.map(([score, part]) => scoreEffect(score, part)),
    numberIn(reply),
  );
};

const elements: Reading = ([, key, ...values]) =>
  one(
    key,
    values.map((value) => ({ kind: 'element', value })),
  );

const popped: Reading = ([, key], reply) =>
  reply?.nil || reply?.items?.length === 0 ? NOTHING : one(key, [{ kind: 'popped' }]);

const expiry: Reading = ([, key]) => one(key, [{ kind: 'expiry' }], 0);

const gone: Reading = ([, ...names], reply) => {
  const count = numberIn(reply) ?? (reply?.nil ? 0 : names.length);
  if (count === 0) return NOTHING;
  return { keys: names.map((key) => ({ key, effects: [{ kind: 'no-key' }], changed: 1 })) };
};

/** Members that the reply names. */
const takenOut: Reading = ([, key], reply) => {
  const members = (reply?.items ?? (reply === undefined ? [] : [reply])).flatMap(({ bytes }) => bytes ?? []);
  return one(
    key,
    members.map((part) => ({ kind: 'no-member', part })),
  );
};

const entry: Reading = ([, key], reply) =>
  reply?.bytes === undefined || reply.nil ? NOTHING : one(key, [{ kind: 'entry', part: reply.bytes }]);

const readings: Readonly<Record<string, Reading>> = {
  SET: set,
  SETEX: ([name, key, , value], reply) => string([name, key, value], reply),
  PSETEX: ([name, key, , value], reply) => string([name, key, value], reply),
  SETNX: ifOne(string),
  GETSET: (words) => string(words, undefined),
  MSET: ([, ...rest]) => {
    const all = pairs(rest);
    if (all === undefined) return malformed;
    return { keys: all.map(([key, value]) => ({ key, effects: [{ kind: 'value', value }], changed: 1 })) };
  },
  MSETNX: ifOne(([name, ...rest], reply) => readings.MSET([name, ...rest], reply)),
  INCR: counted,
  INCRBY: counted,
  DECR: counted,
  DECRBY: counted,
  INCRBYFLOAT: counted,
  HSET: hash,
  HMSET: hash,
  HSETNX: ifOne(hash),
  HINCRBY: countedField,
  HINCRBYFLOAT: countedField,
  HDEL: ifOne(parts('no-field')),
  SADD: ifOne(parts('member')),
  SREM: ifOne(parts('no-member')),
  SPOP: takenOut,
  ZADD: scores,
  ZINCRBY: ([, key, , part], reply) =>
    reply?.bytes === undefined ? malformed : one(key, [scoreEffect(reply.bytes, part)]),
  ZREM: ifOne(parts('no-score')),
  LPUSH: elements,
  RPUSH: elements,
  LPUSHX: ifOne(elements),
  RPUSHX: ifOne(elements),
  LSET: ([, key, , value]) => one(key, [{ kind: 'element', value }]),
  LPOP: popped,
  RPOP: popped,
  DEL: gone,
  UNLINK: gone,
  GETDEL: gone,
  EXPIRE: ifOne(expiry),
  PEXPIRE: ifOne(expiry),
  EXPIREAT: ifOne(expiry),
  PEXPIREAT: ifOne(expiry),
  PERSIST: ifOne(expiry),
  XADD: entry,
};

/** What a command did that was acknowledged so. */
export function outcomeOf(words: Words, reply: RespValue): Outcome {
  if (isError(reply) || words.length < 2) return NOTHING;
  const reading = readings[upper(words[0])];
  if (reading === undefined) return undecided('kvdoctor does not follow this command');
  const outcome = reading(words, reply);
  const whole = 'undecided' in outcome || outcome.keys.every(({ effects }) => effects.every(isWhole));
  return whole ? outcome : malformed;
}

const withPart = new Set<Effect['kind']>([
  ...(['field', 'member', 'score', 'entry', 'no-field', 'no-member', 'no-score'] as const),
]);
const withValue = new Set<Effect['kind']>(['value', 'field', 'score', 'element']);

/** A command with too few arguments has been acknowledged only in a capture that is not what it seems. */
function isWhole({ kind, part, value }: Effect): boolean {
  return (part !== undefined || !withPart.has(kind)) && (value !== undefined || !withValue.has(kind));
}

/** What a command did that a batch is the work of (see app/redis/replies.ts): these have no reply. */
export function effectsOfCommand(words: Words): KeyEffects[] {
  const name = upper(words[0]);
  if (words.length < 2) return [];
  const [, key, id] = words;
  if (name === 'XADD') return [{ key, effects: [{ kind: 'entry', part: id }], changed: 1 }];
  const outcome = readings[name]?.(words, undefined);
  return outcome !== undefined && 'keys' in outcome ? outcome.keys : [];
}

/** Two effects are the same when this is. */
export function effectId({ kind, part, value }: Effect): string {
  const text = (bytes: Uint8Array | undefined) =>
    bytes === undefined ? '' : `${bytes.length}:${Buffer.from(bytes).toString('latin1')}`;
  return `${kind} ${text(part)} ${text(value)}`;
}
