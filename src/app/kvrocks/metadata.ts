// Values of column family `metadata` (kvrocks src/storage/redis_metadata.cc), integers big-endian:
//
//   u8 flags | expire | value                                          string, JSON
//   u8 flags | expire | u64 version | size | fields of the type        all others
//
// Bit 7 of the flags: expire is u64 milliseconds and size u64, else u32 seconds and u32. Low four bits: the type. Databases
// of before and after 2.9 mix both.

/** Types by number, named as TYPE names them. */
export const valueTypes: Readonly<Record<number, string>> = {
  1: 'string',
  2: 'hash',
  3: 'list',
  4: 'set',
  5: 'zset',
  6: 'bitmap',
  7: 'sortedint',
  8: 'stream',
  9: 'MBbloom--',
  10: 'ReJSON-RL',
  11: 'hyperloglog',
  12: 'TDIS-TYPE',
  13: 'timeseries',
};

export const STRING = 1;
export const LIST = 3;
export const STREAM = 8;
export const JSON_DOCUMENT = 10;

export interface Metadata {
  /** A number of `valueTypes`. */
  type: number;
  /** Milliseconds since 1970; 0 for never. */
  expire: bigint;
  /** Absent for string and JSON. */
  version?: bigint;
  size?: bigint;
  /** The value of a string or the document of JSON with its format byte; else the fields of the type. */
  rest: Uint8Array;
  /** Head and tail of a list. */
  list?: { head: bigint; tail: bigint };
}

/** Decodes a value of column family `metadata`. `undefined` for any other bytes. */
export function decodeMetadata(bytes: Uint8Array): Metadata | undefined {
  const flags = bytes[0] ?? 0;
  const type = flags & 0x0f;
  const wide = (flags & 0x80) !== 0;
  if ((flags & 0x70) !== 0 || !(type in valueTypes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const head = wide ? 9 : 5;
  if (bytes.length < head) return undefined;
  const expire = wide ? view.getBigUint64(1) : 1000n * BigInt(view.getUint32(1));
  if (type === STRING || type === JSON_DOCUMENT) return { type, expire, rest: bytes.subarray(head) };
  const end = head + 8 + (wide ? 8 : 4);
  if (bytes.length < end) return undefined;
  const version = view.getBigUint64(head);
  const size = wide ? view.getBigUint64(head + 8) : BigInt(view.getUint32(head + 8));
  const metadata: Metadata = { type, expire, version, size, rest: bytes.subarray(end) };
  if (type === LIST) {
    if (bytes.length < end + 16) return undefined;
    metadata.list = { head: view.getBigUint64(end), tail: view.getBigUint64(end + 8) };
  }
  return metadata;
}

const DOUBLE = new DataView(new ArrayBuffer(8));
const SIGN = 1n << 63n;

/** A score of a sorted set: 8 bytes that sort as the numbers do. */
export function decodeScore(bytes: Uint8Array): number | undefined {
  if (bytes.length < 8) return undefined;
  const stored = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  DOUBLE.setBigUint64(0, stored & SIGN ? stored ^ SIGN : ~stored & 0xffff_ffff_ffff_ffffn);
  return DOUBLE.getFloat64(0);
}
