import type { BatchOp } from '../../format/batch/batch.js';
import type { KvrocksFamily } from './families.js';
import { DEFAULT_NAMESPACE, decodeSubkey, decodeUserKey } from './key.js';
import type { KvrocksLayout } from './layout.js';
import { decodeMetadata, decodeScore, JSON_DOCUMENT, STRING } from './metadata.js';
import { ENTRY_ID, streamFields, streamId } from './stream.js';

/** A command that operations of a batch are the work of. */
export interface KvrocksCommand {
  words: Uint8Array[];
  /** The words are the whole command: typed again they do the same. Else arguments are missing, such as the items of PFADD. */
  exact: boolean;
  /** Absent for the default namespace. */
  namespace?: string;
  /** Operations of the batch that it made, and where they begin in the batch. */
  operations: number;
  offset: number;
}

/** A put or delete with its key taken apart. */
interface Change {
  op: BatchOp;
  family: KvrocksFamily | undefined;
  deletes: boolean;
  namespace?: Uint8Array;
  key: Uint8Array;
  subkey: Uint8Array;
  value: Uint8Array;
}

/** Operations from one log data to the next. */
interface Piece {
  /** The words of the log data; none where a command writes none. */
  log: string[];
  changes: Change[];
  offset: number;
}

const NOTHING = new Uint8Array(0);
const utf8 = new TextDecoder();
const bytesOf = (text: string | number | bigint): Uint8Array => Buffer.from(String(text));

/** The words of LogData that each list command writes as its second word. */
const listCommands: Readonly<Record<string, string>> = {
  0: 'LSET',
  1: 'LINSERT',
  2: 'LTRIM',
  3: 'LPOP',
  4: 'RPOP',
  5: 'LREM',
  6: 'LPUSH',
  7: 'RPUSH',
  12: 'LMOVE',
};

/**
 * The Redis commands that a batch is the work of, in its order. In a batch that does not decode to its end: those of the
 * operations before. The same change made by other commands (MSET for SET, HMSET for HSET) has the simplest name.
 */
export function commandsOf(ops: readonly BatchOp[], layout: KvrocksLayout): KvrocksCommand[] {
  return pieces(ops, layout).flatMap(commandsOfPiece);
}

function pieces(ops: readonly BatchOp[], layout: KvrocksLayout): Piece[] {
  const found: Piece[] = [];
  for (const op of ops) {
    if (op.kind === 'log-data') {
      const words = utf8.decode(op.key).split(' ');
      if (words[0] !== 'r') found.push({ log: words, changes: [], offset: op.offset });
      continue;
    }
    if (!op.counted) continue;
    if (found.length === 0) found.push({ log: [], changes: [], offset: op.offset });
    found.at(-1)!.changes.push(changeOf(op, layout));
  }
  return found;
}

function changeOf(op: BatchOp, { families, slots }: KvrocksLayout): Change {
  const family = families.get(op.columnFamily);
  const deletes = op.kind === 'delete' || op.kind === 'single-delete' || op.kind === 'range-delete';
  const common = { op, family, deletes, subkey: NOTHING, value: op.value ?? NOTHING };
  if (family === 'metadata') {
    const decoded = decodeUserKey(op.key, slots);
    if (decoded !== undefined) return { ...common, namespace: decoded.namespace, key: decoded.key };
  } else if (family === 'default' || family === 'zset_score' || family === 'stream') {
    const decoded = decodeSubkey(op.key, slots);
    if (decoded !== undefined)
      return { ...common, namespace: decoded.namespace, key: decoded.key, subkey: decoded.subkey };
  }
  return { ...common, key: op.key };
}

/** Changes in runs of one user key. */
function byKey(changes: readonly Change[]): Change[][] {
  const runs: Change[][] = [];
  for (const change of changes) {
    const run = runs.at(-1);
    const same = run !== undefined && Buffer.compare(run[0].key, change.key) === 0;
    if (same && sameNamespace(run[0], change)) run.push(change);
    else runs.push([change]);
  }
  return runs;
}

function sameNamespace(a: Change, b: Change): boolean {
  return Buffer.compare(a.namespace ?? NOTHING, b.namespace ?? NOTHING) === 0;
}

function commandsOfPiece({ log, changes, offset }: Piece): KvrocksCommand[] {
  return byKey(changes).flatMap((run) => {
    const [{ namespace, op }] = run;
    const name = namespace && utf8.decode(namespace);
    const made = wordsOf(log, run);
    return made.map(({ words, exact = true }, i) => ({
      words: words.map((word) => (typeof word === 'string' ? bytesOf(word) : word)),
      exact,
      ...(name !== undefined && name !== DEFAULT_NAMESPACE && { namespace: name }),
      operations: i === 0 ? run.length : 0,
      offset: log.length > 0 ? offset : op.offset,
    }));
  });
}

interface Made {
  words: (string | Uint8Array)[];
  exact?: boolean;
}

function wordsOf(log: readonly string[], run: readonly Change[]): Made[] {
  const [{ family, key, deletes, value, op }] = run;
  if (family === 'pubsub') return deletes ? [] : [{ words: ['PUBLISH', key, value] }];
  if (family === 'propagate')
    return [{ words: [deletes ? 'kvrocks:forget' : 'kvrocks:keep', key], exact: false }];
  if (op.kind === 'range-delete')
    return [{ words: [family === 'metadata' ? 'FLUSHDB' : 'kvrocks:delete-range'], exact: false }];
  if (family === undefined || family === 'search' || family === 'index')
    return [{ words: ['kvrocks:index', key], exact: false }];
  const metadata = run.find((change) => change.family === 'metadata');
  const rest = run.filter((change) => change.family !== 'metadata');
  if (rest.length === 0 && metadata?.deletes && log[0] !== '3') return [{ words: ['DEL', key] }];
  switch (log[0]) {
    case '0':
    case '1':
    case '10':
      return metadata === undefined ? unknown(key) : whole(log, metadata);
    case '2':
      return members(rest, key, 'HSET', 'HDEL', ({ subkey, value: field }) => [subkey, field]);
    case '3':
      return listWords(log, rest, key);
    case '4':
      return members(rest, key, 'SADD', 'SREM', ({ subkey }) => [subkey]);
    case '5':
      return members(
        rest.filter((change) => change.family === 'default'),
        key,
        'ZADD',
        'ZREM',
        ({ subkey, value: score }) => [scoreText(score), subkey],
      );
    case '6':
      return bitWords(log, rest, key);
    case '7':
      return members(rest, key, 'SIADD', 'SIREM', ({ subkey }) => [String(idOf(subkey))]);
    case '8':
      return streamWords(rest, key);
    case '9':
      return [{ words: ['BF.ADD', key], exact: false }];
    case '11':
      return [{ words: ['PFADD', key], exact: false }];
    default:
      return metadata !== undefined && rest.length === 0 ? whole(log, metadata) : unknown(key);
  }
}

function scoreText(bytes: Uint8Array): string {
  return String(decodeScore(bytes)).replace('Infinity', 'inf');
}

const unknown = (key: Uint8Array): Made[] => [{ words: ['kvrocks:change', key], exact: false }];

/** SET, JSON.SET, or the new time of a key that is otherwise left as it is. */
function whole(log: readonly string[], { key, value, deletes }: Change): Made[] {
  if (deletes) return [{ words: ['DEL', key] }];
  const metadata = decodeMetadata(value);
  if (metadata === undefined) return unknown(key);
  const { type, expire, rest } = metadata;
  if (log[0] === '0' && log[1] === '8')
    return [{ words: expire === 0n ? ['PERSIST', key] : ['PEXPIREAT', key, String(expire)] }];
  if (type === STRING)
    return [{ words: ['SET', key, rest, ...(expire > 0n ? ['PXAT', String(expire)] : [])] }];
  if (type !== JSON_DOCUMENT) return unknown(key);
  return [{ words: ['JSON.SET', key, '$', rest.subarray(1)], exact: rest[0] === 0 }];
}

/** Puts and deletes of members, newest argument first on disk. */
function members(
  changes: readonly Change[],
  key: Uint8Array,
  add: string,
  remove: string,
  words: (change: Change) => (string | Uint8Array)[],
): Made[] {
  const puts = changes.filter(({ deletes }) => !deletes);
  const deletes = changes.filter((change) => change.deletes);
  const made: Made[] = [];
  if (deletes.length > 0) made.push({ words: [remove, key, ...deletes.map(({ subkey }) => subkey)] });
  if (puts.length > 0) made.push({ words: [add, key, ...puts.flatMap(words)] });
  return made.length > 0 ? made : unknown(key);
}

function listWords(log: readonly string[], elements: readonly Change[], key: Uint8Array): Made[] {
  const command = listCommands[log[1]];
  if (command === undefined) return unknown(key);
  const put = elements.filter(({ deletes }) => !deletes).map(({ value }) => value);
  const gone = elements.length - put.length;
  if (command === 'LPUSH' || command === 'RPUSH')
    return [{ words: [command, key, ...put], exact: put.length > 0 }];
  if (command === 'LPOP' || command === 'RPOP')
    return [{ words: [command, key, ...(gone > 1 ? [String(gone)] : [])], exact: gone > 0 }];
  if (command === 'LSET') return [{ words: [command, key, log[2] ?? '', ...put] }];
  if (command === 'LTRIM') return [{ words: [command, key, ...log.slice(2)] }];
  // words are joined by blanks that words may hold themselves, and LMOVE changes two keys
  return [{ words: [command, key, ...log.slice(2)], exact: command === 'LREM' && log.length === 4 }];
}

/** Bits of a bitmap stand in fragments of 1 KiB, the lowest first in each byte. */
function bitWords(log: readonly string[], [fragment]: readonly Change[], key: Uint8Array): Made[] {
  const offset = Number(log[2]);
  if (log[1] !== '9' || fragment === undefined || !Number.isSafeInteger(offset))
    return [{ words: ['BITFIELD', key], exact: false }];
  const byte = fragment.value[Math.floor(offset / 8) % 1024] ?? 0;
  return [{ words: ['SETBIT', key, String(offset), String((byte >> (offset % 8)) & 1)] }];
}

function idOf(subkey: Uint8Array): bigint {
  return subkey.length < 8 ? 0n : new DataView(subkey.buffer, subkey.byteOffset, 8).getBigUint64(0);
}

function streamWords(entries: readonly Change[], key: Uint8Array): Made[] {
  const own = entries.filter(({ subkey }) => subkey.length === ENTRY_ID);
  const id = ({ subkey }: Change) => streamId(subkey) ?? '';
  const deleted = own.filter(({ deletes }) => deletes);
  const made: Made[] = deleted.length > 0 ? [{ words: ['XDEL', key, ...deleted.map(id)] }] : [];
  for (const entry of own) {
    if (entry.deletes) continue;
    const fields = streamFields(entry.value);
    made.push({ words: ['XADD', key, id(entry), ...(fields ?? [])], exact: fields !== undefined });
  }
  return made.length > 0 ? made : [{ words: ['XGROUP', key], exact: false }];
}
