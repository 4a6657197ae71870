/**
 * The order of a column family's internal keys (rocksdb db/dbformat.h, util/comparator.cc): ascending by key as the
 * comparator has it, then newest first, timestamp and trailer descending.
 *
 *     internal key = key | timestamp u64, where the comparator's name ends in `.u64ts` | trailer u64
 *     trailer      = sequence << 8 | value type
 *
 * Trailers are kept as two unsigned 32-bit halves (`high` = sequence >> 24, `low` = sequence << 8 | type), so that no
 * loop that runs per entry needs a bigint.
 */
import { comparatorNamed, fieldOrder } from '../format/sst/comparator.js';
import type { BlockIndex } from '../format/sst/index-block.js';

/** The upper 32 bits of a trailer. */
export function trailerHigh(sequence: bigint): number {
  return Number((sequence >> 24n) & 0xffffffffn);
}

/** The lower 32 bits of a trailer. */
export function trailerLow(sequence: bigint, type: number): number {
  return ((Number(sequence & 0xffffffn) << 8) | type) >>> 0;
}

export function sequenceOfTrailer(high: number, low: number): bigint {
  return (BigInt(high) << 24n) | BigInt(low >>> 8);
}

/** A user key with its sequence and type: a bound, a place to seek to. */
export interface KeyPosition {
  userKey: Uint8Array;
  high: number;
  low: number;
}

/** Takes an encoded internal key apart, as a view. `undefined` when it is shorter than its trailer. */
export function keyPosition(internalKey: Uint8Array): KeyPosition | undefined {
  const at = internalKey.length - 8;
  if (at < 0) return undefined;
  const view = new DataView(internalKey.buffer, internalKey.byteOffset + at, 8);
  return {
    userKey: internalKey.subarray(0, at),
    high: view.getUint32(4, true),
    low: view.getUint32(0, true),
  };
}

/** Compares `a[aFrom, aTo)` with `b[bFrom, bTo)`: negative, 0 or positive. */
type CompareRange = (
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
) => number;

/**
 * The first block that may hold a key, `key[0, keyTo)`: the first whose separator does not come before it. `tail`: bytes after the
 * key in a separator.
 */
export function firstBlockFor(
  index: BlockIndex,
  tail: number,
  compareKeys: CompareRange,
  key: Uint8Array,
  keyTo: number,
): number {
  let low = 0;
  let high = index.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const separator = index.separator(middle);
    const length = Math.max(0, separator.length - tail);
    if (compareKeys(separator, 0, length, key, 0, keyTo) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const compareForward: CompareRange = (a, aFrom, aTo, b, bFrom, bTo) => {
  const aLength = aTo - aFrom;
  const bLength = bTo - bFrom;
  const shared = Math.min(aLength, bLength);
  for (let i = 0; i < shared; i++) {
    const difference = a[aFrom + i] - b[bFrom + i];
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
};

const compareReverse: CompareRange = (a, aFrom, aTo, b, bFrom, bTo) =>
  compareForward(b, bFrom, bTo, a, aFrom, aTo);

/** Newer timestamps come first, whichever way the keys go. Keys shorter than a timestamp count as all key. */
function withTimestamp(compareKeys: CompareRange): CompareRange {
  return (a, aFrom, aTo, b, bFrom, bTo) => {
    if (aTo - aFrom < 8 || bTo - bFrom < 8) return compareKeys(a, aFrom, aTo, b, bFrom, bTo);
    const byKey = compareKeys(a, aFrom, aTo - 8, b, bFrom, bTo - 8);
    if (byKey !== 0) return byKey;
    for (let i = 1; i <= 8; i++) {
      const difference = b[bTo - i] - a[aTo - i];
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

/** How a column family orders its keys. */
export interface KeyOrder {
  readonly comparator: string;
  /** False for an application's own comparator: keys are then taken bytewise, which may be wrong. */
  readonly known: boolean;
  /** Bytes of user-defined timestamp at the end of each user key: 0 or 8. */
  readonly timestampSize: number;
  /** -1 where larger keys come first, 0 where the order is not that of their bytes. */
  readonly direction: 1 | -1 | 0;
  /** Compares user keys with their timestamps. */
  readonly compareUserKeys: CompareRange;
  /** Compares keys from which timestamps have been taken off. */
  readonly compareKeys: CompareRange;
}

/** The order that a comparator's name stands for. */
export function keyOrder(comparator: string): KeyOrder {
  const { order, timestampSize } = comparatorNamed(comparator);
  const byFields = fieldOrder(order);
  const compareKeys = order === 'reverse' ? compareReverse : (byFields ?? compareForward);
  return {
    comparator,
    known: order !== 'unknown',
    timestampSize,
    direction: order === 'reverse' ? -1 : byFields !== undefined ? 0 : 1,
    compareUserKeys: timestampSize > 0 ? withTimestamp(compareKeys) : compareKeys,
    compareKeys,
  };
}

/** Compares internal keys: user key, then newest first. */
export function comparePositions(order: KeyOrder, a: KeyPosition, b: KeyPosition): number {
  const byKey = order.compareUserKeys(a.userKey, 0, a.userKey.length, b.userKey, 0, b.userKey.length);
  if (byKey !== 0) return byKey;
  return a.high !== b.high ? b.high - a.high : b.low - a.low;
}

/** The position before every version of `key` (without timestamp). */
export function beforeKey(key: Uint8Array, order: KeyOrder): KeyPosition {
  const userKey = new Uint8Array(key.length + order.timestampSize).fill(0xff);
  userKey.set(key);
  return { userKey, high: 0xffffffff, low: 0xffffffff };
}
