import path from 'node:path';
import { slotOf } from '../../src/app/kvrocks/key.js';
import { type BatchOpInput, encodeBatch } from '../../src/encode/batch/encode.js';
import { LogWriter } from '../../src/encode/log/writer.js';
import { type FileSet, fixture, withTemporaryDirectory, writeFileSet } from './files.js';

/*
 * Keys and values as Kvrocks writes them, for databases that break one rule. The directory is that of a real server
 * (fixtures/kvrocks-master), its log is written anew.
 */

export const FAMILY = {
  default: 0,
  metadata: 1,
  zset_score: 2,
  pubsub: 3,
  propagate: 4,
  stream: 5,
  search: 6,
} as const;

export const TYPE = {
  string: 1,
  hash: 2,
  list: 3,
  set: 4,
  zset: 5,
  bitmap: 6,
  sortedint: 7,
  stream: 8,
  bloom: 9,
  json: 10,
  hyperloglog: 11,
} as const;

export const MIDDLE = 0x7fff_ffff_ffff_ffffn;
/** 2026-01-01, as a version begins. */
const VERSION = (1_767_225_600_000_000n << 11n) | 7n;

type Bytes = string | Uint8Array;
const bytes = (text: Bytes) => (typeof text === 'string' ? Buffer.from(text) : text);

export function u64(...numbers: bigint[]): Buffer {
  const out = Buffer.alloc(8 * numbers.length);
  for (const [i, number] of numbers.entries()) out.writeBigUInt64BE(BigInt.asUintN(64, number), 8 * i);
  return out;
}

export const u32 = (number: number) => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(number);
  return out;
};

const u16 = (number: number) => {
  const out = Buffer.alloc(2);
  out.writeUInt16BE(number);
  return out;
};

/** A score as it is stored: sorts as the number does. */
export function score(number: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeDoubleBE(number);
  if (out[0] & 0x80) for (let i = 0; i < 8; i++) out[i] ^= 0xff;
  else out[0] |= 0x80;
  return out;
}

export interface KeyOptions {
  namespace?: string;
  /** The slot that is written; none without it. */
  slot?: number;
  version?: bigint;
}

export interface MetadataOptions extends KeyOptions {
  size?: number;
  expire?: bigint;
  /** After what all types have. */
  fields?: Uint8Array;
  /** u32 seconds and size, as before 2.9. */
  narrow?: boolean;
}

function head({ namespace = '__namespace', slot }: KeyOptions): Buffer[] {
  return [
    Buffer.from([namespace.length]),
    Buffer.from(namespace),
    ...(slot === undefined ? [] : [u16(slot)]),
  ];
}

export const ownSlot = (key: string) => slotOf(Buffer.from(key));

export const metadataKey = (key: Bytes, options: KeyOptions = {}) =>
  Buffer.concat([...head(options), bytes(key)]);

export function elementKey(key: Bytes, subkey: Bytes, options: KeyOptions = {}): Buffer {
  const { version = VERSION } = options;
  return Buffer.concat([...head(options), u32(bytes(key).length), bytes(key), u64(version), bytes(subkey)]);
}

/** Metadata of any type but string and JSON. */
export function metadataValue(type: number, options: MetadataOptions): Buffer {
  const { size = 0, expire = 0n, version = VERSION, fields = Buffer.alloc(0), narrow = false } = options;
  const flags = Buffer.from([narrow ? type : type | 0x80]);
  const [time, count] = narrow ? [u32(Number(expire / 1000n)), u32(size)] : [u64(expire), u64(BigInt(size))];
  return Buffer.concat([flags, time, u64(version), count, fields]);
}

export const put = (family: keyof typeof FAMILY, key: Uint8Array, value: Bytes = ''): BatchOpInput => ({
  kind: 'put',
  columnFamily: FAMILY[family],
  key,
  value: bytes(value),
});
export const del = (family: keyof typeof FAMILY, key: Uint8Array): BatchOpInput => ({
  kind: 'delete',
  columnFamily: FAMILY[family],
  key,
});

export const metadata = (key: Bytes, type: number, options: MetadataOptions): BatchOpInput =>
  put('metadata', metadataKey(key, options), metadataValue(type, options));
export const element = (
  key: Bytes,
  subkey: Bytes,
  value: Bytes = '',
  options: KeyOptions = {},
): BatchOpInput => put('default', elementKey(key, subkey, options), value);

export const string = (key: Bytes, value: Bytes, options: KeyOptions = {}): BatchOpInput =>
  put('metadata', metadataKey(key, options), Buffer.concat([Buffer.from([0x81]), u64(0n), bytes(value)]));
export const json = (key: Bytes, document: Bytes, format = 0): BatchOpInput =>
  put(
    'metadata',
    metadataKey(key),
    Buffer.concat([Buffer.from([0x8a]), u64(0n), Buffer.from([format]), bytes(document)]),
  );

export function hash(
  key: Bytes,
  fields: Record<string, string>,
  options: MetadataOptions = {},
): BatchOpInput[] {
  const names = Object.keys(fields);
  return [
    ...names.map((name) => element(key, name, fields[name], options)),
    metadata(key, TYPE.hash, { size: names.length, ...options }),
  ];
}

export function set(key: Bytes, members: readonly string[], options: MetadataOptions = {}): BatchOpInput[] {
  return [
    ...members.map((member) => element(key, member, '', options)),
    metadata(key, TYPE.set, { size: members.length, ...options }),
  ];
}

export function sortedIntegers(
  key: Bytes,
  ids: readonly bigint[],
  options: MetadataOptions = {},
): BatchOpInput[] {
  return [
    ...ids.map((id) => element(key, u64(id), '', options)),
    metadata(key, TYPE.sortedint, { size: ids.length, ...options }),
  ];
}

export const indexed = (key: Bytes, member: string, number: number): BatchOpInput =>
  put('zset_score', elementKey(key, Buffer.concat([score(number), Buffer.from(member)])));

export function sortedSet(
  key: Bytes,
  scores: Record<string, number>,
  options: MetadataOptions = {},
): BatchOpInput[] {
  const members = Object.entries(scores);
  return [
    ...members.flatMap(([member, number]) => [
      element(key, member, score(number)),
      indexed(key, member, number),
    ]),
    metadata(key, TYPE.zset, { size: members.length, ...options }),
  ];
}

export const listFields = (head: number, tail: number) => u64(MIDDLE + BigInt(head), MIDDLE + BigInt(tail));
export const listElement = (key: Bytes, index: number, value: string): BatchOpInput =>
  element(key, u64(MIDDLE + BigInt(index)), value);

/** A list whose first element stands `from` after the middle. */
export function list(
  key: Bytes,
  elements: readonly string[],
  from = 0,
  options: MetadataOptions = {},
): BatchOpInput[] {
  return [
    ...elements.map((value, i) => listElement(key, from + i, value)),
    metadata(key, TYPE.list, {
      size: elements.length,
      fields: listFields(from, from + elements.length),
      ...options,
    }),
  ];
}

export function bitmap(key: Bytes, fragments: Record<string, Uint8Array>, size: number): BatchOpInput[] {
  return [
    ...Object.entries(fragments).map(([offset, bits]) => element(key, offset, bits)),
    metadata(key, TYPE.bitmap, { size }),
  ];
}

export function hyperLogLog(key: Bytes, segments: Record<string, number>): BatchOpInput[] {
  return [
    ...Object.entries(segments).map(([segment, size]) => element(key, segment, Buffer.alloc(size, 1))),
    metadata(key, TYPE.hyperloglog, { fields: Buffer.from([0]) }),
  ];
}

export function bloom(key: Bytes, filters: readonly number[], said = filters): BatchOpInput[] {
  const rate = Buffer.alloc(8);
  rate.writeDoubleBE(0.01);
  const total = said.reduce((sum, size) => sum + size, 0);
  return [
    ...filters.map((size, i) => element(key, u16(i), Buffer.alloc(size))),
    metadata(key, TYPE.bloom, {
      fields: Buffer.concat([u16(said.length), u16(2), u32(100), rate, u32(total)]),
    }),
  ];
}

const sized = (text: string) => Buffer.concat([u64(BigInt(text.length)), Buffer.from(text)]);
const MARK = Buffer.alloc(8, 0xff);
export const streamPart = (key: Bytes, subkey: Bytes, value: Bytes): BatchOpInput =>
  put('stream', elementKey(key, subkey), value);
export const streamGroup = (key: Bytes, group: string, consumers: number, pending: number): BatchOpInput =>
  streamPart(
    key,
    Buffer.concat([MARK, Buffer.from([1]), sized(group)]),
    u64(BigInt(consumers), BigInt(pending), 1n, 0n, -1n, 0n),
  );
export const streamConsumer = (key: Bytes, group: string, name: string, pending: number): BatchOpInput =>
  streamPart(
    key,
    Buffer.concat([MARK, Buffer.from([2]), sized(group), sized(name)]),
    u64(BigInt(pending), 1n, 1n),
  );
export const streamPending = (key: Bytes, group: string, id: bigint, name: string): BatchOpInput =>
  streamPart(
    key,
    Buffer.concat([MARK, Buffer.from([3]), sized(group), u64(id, 0n)]),
    Buffer.concat([u64(1n, 1n), sized(name)]),
  );

export interface StreamOptions extends MetadataOptions {
  lastGenerated?: bigint;
  first?: bigint;
  last?: bigint;
  groups?: number;
}

/** A stream of entries with these milliseconds, each with a field `f`. */
export function stream(key: Bytes, ids: readonly bigint[], options: StreamOptions = {}): BatchOpInput[] {
  const [first = 0n] = ids;
  const last = ids.at(-1) ?? 0n;
  const given = { lastGenerated: last, first, last, groups: 0, ...options };
  const fields = u64(
    ...[given.lastGenerated, 0n, first, 0n, 0n, 0n, given.first, 0n, given.last, 0n],
    BigInt(ids.length),
    BigInt(given.groups),
  );
  return [
    ...ids.map((id) => streamPart(key, u64(id, 0n), Buffer.from([1, 0x66, 1, 0x76]))),
    metadata(key, TYPE.stream, { size: ids.length, fields, ...options }),
  ];
}

/** Log data: the words of a command, `3 6` for LPUSH. */
export const log = (words: string): BatchOpInput => ({
  kind: 'log-data',
  columnFamily: 0,
  key: Buffer.from(words),
});

/** A directory of Kvrocks that holds what the batches put there, and nothing else. */
export function kvrocksFiles(batches: readonly (readonly BatchOpInput[])[]): FileSet {
  const files = fixture('kvrocks-master/db');
  const writer = new LogWriter({ number: 10n });
  let sequence = 1n;
  const records = batches.map((ops) => {
    const record = writer.record(encodeBatch({ sequence, ops })).slice();
    sequence += BigInt(ops.filter(({ kind }) => kind !== 'log-data').length);
    return record;
  });
  return files.set('000010.log', Buffer.concat(records));
}

/**
 * What two threads leave that wrote into one batch while its count and its operations stayed whole: each command is there, and
 * the metadata of the one that began first comes last (apache/kvrocks#2766).
 */
export function mixedBatches(): BatchOpInput[][] {
  const listAt = (key: string, from: number, to: number): BatchOpInput =>
    metadata(key, TYPE.list, { size: to - from, fields: listFields(from, to) });
  const pop = (key: string, index: number) => del('default', elementKey(key, u64(MIDDLE + BigInt(index))));
  return [
    [log('3 6'), listElement('jobs', -1, 'job:1'), listElement('jobs', -2, 'job:2'), listAt('jobs', -2, 0)],
    // LPUSH jobs job:3, and the BRPOP that it woke took it before its metadata was written
    [
      log('3 6'),
      listElement('jobs', -3, 'job:3'),
      log('3 3'),
      pop('jobs', -3),
      listAt('jobs', -2, 0),
      listAt('jobs', -3, 0),
    ],
    [
      log('3 7'),
      ...['a', 'b', 'c', 'd'].map((id, i) => listElement('mail', i, `mail:${id}`)),
      listAt('mail', 0, 4),
    ],
    // RPUSH and LPOP, and of the pop a delete that belongs to another element
    [log('3 3'), pop('mail', 1), listAt('mail', 0, 4)],
    [
      log('5'),
      ...['job:7', 'job:8'].flatMap((job, i) => [
        element('delayed', job, score(10 + i)),
        indexed('delayed', job, 10 + i),
      ]),
      metadata('delayed', TYPE.zset, { size: 2 }),
    ],
    // ZADD delayed 12 job:9 and BZPOPMIN, which took job:7: the size is that of the command that began first
    [
      log('5'),
      element('delayed', 'job:9', score(12)),
      log('5'),
      del('default', elementKey('delayed', 'job:7')),
      del('zset_score', elementKey('delayed', Buffer.concat([score(10), Buffer.from('job:7')]))),
      metadata('delayed', TYPE.zset, { size: 1 }),
      metadata('delayed', TYPE.zset, { size: 3 }),
    ],
    [log('2'), ...hash('job:3', { status: 'queued', origin: 'jobs' })],
  ];
}

/** Runs `body` with such a directory. */
export function withKvrocks<T>(
  batches: readonly (readonly BatchOpInput[])[],
  body: (dir: string) => Promise<T>,
): Promise<T> {
  return withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(kvrocksFiles(batches), dir);
    return body(dir);
  });
}
