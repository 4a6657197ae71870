/*
 * Internal key (rocksdb db/dbformat.h):
 *   user key [ | u64 timestamp ] | u64 (sequence << 8 | type)
 * Ordered by user key, then by that last word descending. Sequences have 56 bits.
 */

/** Bytes of sequence and type after each user key. */
export const KEY_TRAILER = 8;

/** Sequence numbers have 56 bits: the last byte of an internal key's trailer is its type. */
export const MAX_SEQUENCE = (1n << 56n) - 1n;

/** Value types that tables hold, by their byte. */
export const VALUE_TYPE = {
  delete: 0x00,
  put: 0x01,
  merge: 0x02,
  singleDelete: 0x07,
  rangeDelete: 0x0f,
  blobIndex: 0x11,
  deleteWithTimestamp: 0x14,
  entity: 0x16,
  timedPut: 0x18,
  /** Pebble's: a put over an older deletion, range keys, a deletion that knows the size of what it deletes. */
  setWithDelete: 0x12,
  rangeKeyDelete: 0x13,
  rangeKeyUnset: 0x14,
  rangeKeySet: 0x15,
  sizedDelete: 0x17,
} as const;

const NAMES = new Map<number, string>([
  [0x00, 'delete'],
  [0x01, 'put'],
  [0x02, 'merge'],
  [0x07, 'single-delete'],
  [0x0f, 'range-delete'],
  [0x11, 'blob-index'],
  [0x14, 'delete-with-timestamp'],
  [0x16, 'entity'],
  [0x18, 'timed-put'],
]);

/** Names of types that mean something else in Pebble, or nothing elsewhere. */
const PEBBLE_NAMES = new Map<number, string>([
  [VALUE_TYPE.setWithDelete, 'set-with-delete'],
  [VALUE_TYPE.rangeKeyDelete, 'range-key-delete'],
  [VALUE_TYPE.rangeKeyUnset, 'range-key-unset'],
  [VALUE_TYPE.rangeKeySet, 'range-key-set'],
  [VALUE_TYPE.sizedDelete, 'sized-delete'],
]);

/** A value type as people write it: `put`, or its hex byte where a table must not hold it. */
export function valueTypeName(type: number, dialect?: string): string {
  const own = dialect === 'pebble' ? PEBBLE_NAMES.get(type) : undefined;
  return own ?? NAMES.get(type) ?? `0x${type.toString(16).padStart(2, '0')}`;
}

/** What data blocks may hold, as a table for hot loops: 1 legal, 0 illegal. Range tombstones have their own block. */
export const ROCKSDB_POINT_TYPES = typeTable(0x00, 0x01, 0x02, 0x07, 0x11, 0x14, 0x16, 0x18);
export const LEVELDB_POINT_TYPES = typeTable(0x00, 0x01);
export const PEBBLE_POINT_TYPES = typeTable(0x00, 0x01, 0x02, 0x07, 0x12, 0x17);

function typeTable(...types: number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const type of types) table[type] = 1;
  return table;
}

interface ParsedKey {
  userKey: Uint8Array;
  sequence: bigint;
  type: number;
}

/** Takes an internal key apart (views, no copies); undefined when it is shorter than its trailer. */
export function parseInternalKey(key: Uint8Array): ParsedKey | undefined {
  if (key.length < KEY_TRAILER) return undefined;
  const split = key.length - KEY_TRAILER;
  const word = new DataView(key.buffer, key.byteOffset + split, KEY_TRAILER).getBigUint64(0, true);
  return { userKey: key.subarray(0, split), sequence: word >> 8n, type: Number(word & 0xffn) };
}

/** User key, sequence and type as one internal key. */
export function internalKey(userKey: Uint8Array, sequence: bigint, type: number): Uint8Array {
  const key = new Uint8Array(userKey.length + KEY_TRAILER);
  key.set(userKey);
  new DataView(key.buffer).setBigUint64(userKey.length, (sequence << 8n) | BigInt(type), true);
  return key;
}

/** No internal key stands before it: that of no bytes, with the highest sequence. */
export const LOWEST_KEY = internalKey(new Uint8Array(0), MAX_SEQUENCE, 0xff);

/** The sequence of an internal key. */
export function sequenceOf(key: Uint8Array): bigint {
  const at = key.length - KEY_TRAILER;
  const word = new DataView(key.buffer, key.byteOffset + at, KEY_TRAILER).getBigUint64(0, true);
  return word >> 8n;
}

/** The user key of an internal key, as a view. */
export function userKeyOf(key: Uint8Array): Uint8Array {
  return key.subarray(0, key.length - KEY_TRAILER);
}

/** True for the artificial key that a range tombstone's end gives the MANIFEST: the end itself does not belong. */
export function isExclusiveEnd(key: Uint8Array): boolean {
  return key[key.length - KEY_TRAILER] === 0x0f && sequenceOf(key) === MAX_SEQUENCE;
}
