import type { LeftAlone, RebuildOptions } from '../../rebuild.js';
import type { KeyElements } from '../check/key-elements.js';
import { DEFAULT_NAMESPACE, decodeUserKey, slotOf } from '../key.js';
import { decodeScore, LIST, STREAM } from '../metadata.js';
import { ENTRY_ID, streamFields, streamId } from '../stream.js';
import type { BrokenKey } from './broken-keys.js';
import { reasonNotToRebuild } from './rebuild.js';

type Word = string | Uint8Array;
type Command = Uint8Array[];

const command = (...words: Word[]): Command =>
  words.map((word) => (typeof word === 'string' ? Buffer.from(word) : word));

const HASH = 2;
const SET = 4;
const SORTED_SET = 5;
const SORTED_INTEGERS = 7;

/** How elements of a type are added, and the words for one of them. */
const adding: Readonly<
  Record<number, { name: string; words(subkey: Uint8Array, value: Uint8Array): Word[] } | undefined>
> = {
  [HASH]: { name: 'HSET', words: (field, value) => [field, value] },
  [SET]: { name: 'SADD', words: (member) => [member] },
  [SORTED_SET]: { name: 'ZADD', words: (member, score) => [scoreText(score), member] },
  [SORTED_INTEGERS]: { name: 'SIADD', words: (id) => [String(u64(id))] },
  [LIST]: { name: 'RPUSH', words: (_, element) => [element] },
};

const u64 = (bytes: Uint8Array) =>
  bytes.length < 8 ? 0n : new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);

function scoreText(bytes: Uint8Array): string {
  return String(decodeScore(bytes) ?? 0).replace('Infinity', 'inf');
}

/** Why no commands rebuild a key; `undefined` when they do. */
export async function reasonNotToEmit(
  broken: BrokenKey,
  elements: KeyElements | undefined,
  options: RebuildOptions,
): Promise<LeftAlone | undefined> {
  const left = reasonNotToRebuild(broken, elements, options);
  if (left !== undefined || elements === undefined) return left;
  const { namespace } = decodeUserKey(elements.metadataKey, elements.slots) ?? {};
  if (Buffer.from(namespace ?? []).toString() !== DEFAULT_NAMESPACE)
    return {
      reason: 'it is in a namespace, which takes its own connection: the repair of the files does it',
    };
  if (temporaryName(elements) === undefined)
    return { reason: 'there is no name for a copy in its slot: the repair of the files does it' };
  if (elements.metadata.type !== STREAM) return undefined;
  let groups = false;
  await elements.walk('stream', (subkey) => {
    groups ||= subkey.length !== ENTRY_ID;
    return !groups;
  });
  return groups
    ? { reason: 'its consumer groups would be lost: the repair of the files keeps them' }
    : undefined;
}

/**
 * Commands that make a key anew from its elements: under another name, which then takes the place of the key at once. Of a key
 * without elements, the one that removes it.
 */
export async function* rebuildingKey(elements: KeyElements): AsyncGenerator<Command> {
  const { metadata, userKey } = elements;
  const copy = temporaryName(elements)!;
  let begun = false;
  for await (const words of additions(elements, copy)) {
    if (!begun) yield command('DEL', copy);
    begun = true;
    yield words;
  }
  if (!begun) {
    yield command('DEL', userKey);
    return;
  }
  if (metadata.expire !== 0n) yield command('PEXPIREAT', copy, String(metadata.expire));
  yield command('RENAME', copy, userKey);
}

async function* additions(elements: KeyElements, copy: Uint8Array): AsyncGenerator<Command> {
  const { type } = elements.metadata;
  if (type === STREAM) {
    yield* entries(elements, copy);
    return;
  }
  const add = adding[type];
  if (add === undefined) return;
  for await (const piece of elements.pieces('default'))
    yield command(add.name, copy, ...piece.flatMap(([subkey, value]) => add.words(subkey, value)));
}

async function* entries(elements: KeyElements, copy: Uint8Array): AsyncGenerator<Command> {
  for await (const piece of elements.pieces('stream')) {
    for (const [subkey, value] of piece) {
      const fields = streamFields(value);
      if (fields !== undefined) yield command('XADD', copy, streamId(subkey) ?? '*', ...fields);
    }
  }
}

/** A name that the key's copy has for a moment; in a cluster one of the same slot. `undefined` where none is found. */
function temporaryName({ metadataKey, slots, userKey }: KeyElements): Uint8Array | undefined {
  const suffix = Buffer.from(':kvdoctor-rebuilt');
  const behind = Buffer.concat([userKey, suffix]);
  if (!slots) return behind;
  const { slot } = decodeUserKey(metadataKey, true) ?? {};
  const tagged = Buffer.concat([Buffer.from('{'), userKey, Buffer.from('}'), suffix]);
  return [behind, tagged].find((name) => slotOf(name) === slot);
}
