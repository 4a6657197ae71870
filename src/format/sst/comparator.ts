import { compareIdbKeys } from './idb-order.js';
import {
  cockroachSuffix,
  compareCockroach,
  compareTestkeys,
  type SuffixStart,
  testkeysSuffix,
} from './suffix-order.js';

/** Orders that look into keys: the application's, and kvdoctor knows them. */
type FieldOrder = 'idb' | 'cockroach' | 'testkeys';

type CompareRanges = (
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
) => number;

const FIELD_ORDERS: Record<FieldOrder, CompareRanges> = {
  idb: compareIdbKeys,
  cockroach: compareCockroach,
  testkeys: compareTestkeys,
};

/** How user keys of a column family are ordered (rocksdb util/comparator.cc). */
export interface Comparator {
  name: string;
  /** `unknown`: written by the application, so kvdoctor checks no order across different keys. */
  order: 'bytewise' | 'reverse' | FieldOrder | 'unknown';
  /** Bytes of user-defined timestamp at the end of each user key: 8 for `.u64ts`, else 0. */
  timestampSize: number;
}

const BYTEWISE = 'leveldb.BytewiseComparator';
const REVERSE = 'rocksdb.ReverseBytewiseComparator';
/** Chromium's IndexedDB. */
export const IDB_COMPARATOR = 'idb_cmp1';
const FIELDS: Partial<Record<string, FieldOrder>> = {
  [IDB_COMPARATOR]: 'idb',
  cockroach_comparator: 'cockroach',
  'pebble.internal.testkeys': 'testkeys',
};
const U64_TIMESTAMP = '.u64ts';
/** Before 4.10 tables name the comparator of internal keys (rocksdb db/dbformat.h), after which the user's stands. */
const INTERNAL = 'rocksdb.InternalKeyComparator:';

/** What is said after the name of an application's comparator of which tables have shown the order: see engine/shown-order.ts. */
const SHOWN = {
  bytewise: ' in byte order',
  reverse: ' in reverse byte order',
  unknown: ' in an order of its own',
} as const;

/** The order that the tables of a database with an unknown comparator show; `unknown`: none that kvdoctor has. */
export type ShownOrder = keyof typeof SHOWN;

export function withShownOrder(name: string, order: ShownOrder): string {
  return name + SHOWN[order];
}

/** A comparator's name as files have it, and the order that tables have shown for it. */
export function shownOrderOf(name: string): { name: string; shown?: ShownOrder } {
  for (const shown of ['reverse', 'bytewise', 'unknown'] as const)
    if (name.endsWith(SHOWN[shown])) return { name: name.slice(0, -SHOWN[shown].length), shown };
  return { name };
}

/**
 * Whether tables speak for an unknown name: LevelDB opens a directory with its own comparator unless the program brings another,
 * and keys in the order of their bytes, or no keys, are what its own one leaves.
 */
export function isApplicationsOrder(shown: ShownOrder | undefined): boolean {
  return shown === 'reverse' || shown === 'unknown';
}

/** The comparator of that name; bytewise, RocksDB's default, when no name is known. */
export function comparatorNamed(stated?: string): Comparator {
  const name = (stated?.startsWith(INTERNAL) ? stated.slice(INTERNAL.length) : stated) || BYTEWISE;
  const timestamped = name.endsWith(U64_TIMESTAMP);
  const base = timestamped ? name.slice(0, -U64_TIMESTAMP.length) : name;
  const order =
    base === BYTEWISE
      ? 'bytewise'
      : base === REVERSE
        ? 'reverse'
        : ((Object.hasOwn(FIELDS, base) ? FIELDS[base] : shownOrderOf(base).shown) ?? 'unknown');
  return { name, order, timestampSize: timestamped && order !== 'unknown' ? 8 : 0 };
}

/** Compares keys in an order that looks into them; `undefined` for the others. */
export function fieldOrder(order: Comparator['order']): CompareRanges | undefined {
  return order === 'bytewise' || order === 'reverse' || order === 'unknown' ? undefined : FIELD_ORDERS[order];
}

/** Where the suffix begins that filters of Pebble leave out of a key; `undefined` where none is left out. */
export function suffixStart(order: Comparator['order']): SuffixStart | undefined {
  return order === 'cockroach' ? cockroachSuffix : order === 'testkeys' ? testkeysSuffix : undefined;
}

/** The same comparator over keys whose timestamps were stripped when the table was written. */
export function withoutTimestamps(comparator: Comparator): Comparator {
  return { ...comparator, timestampSize: 0 };
}

/** Bytewise order of two byte ranges: negative, 0 or positive; a prefix comes before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array, aEnd = a.length, bEnd = b.length): number {
  const shorter = Math.min(aEnd, bEnd);
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return aEnd - bEnd;
}

/**
 * Orders two user keys (timestamps included where the comparator has them, the newer one first). Undefined when the order
 * is the application's and the keys differ.
 */
export function compareUserKeys(
  comparator: Comparator,
  a: Uint8Array,
  b: Uint8Array,
  aEnd = a.length,
  bEnd = b.length,
): number | undefined {
  return compareUserKeyRanges(comparator, a, 0, aEnd, b, 0, bEnd);
}

/** The same for `a[aStart, aEnd)` and `b[bStart, bEnd)`. */
export function compareUserKeyRanges(
  comparator: Comparator,
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number | undefined {
  const { order, timestampSize } = comparator;
  const byFields = fieldOrder(order);
  if (byFields !== undefined) return byFields(a, aStart, aEnd, b, bStart, bEnd);
  const aLength = Math.max(0, aEnd - aStart - timestampSize);
  const bLength = Math.max(0, bEnd - bStart - timestampSize);
  const shorter = Math.min(aLength, bLength);
  let byKey = aLength - bLength;
  for (let i = 0; i < shorter; i++) {
    if (a[aStart + i] === b[bStart + i]) continue;
    byKey = a[aStart + i] - b[bStart + i];
    break;
  }
  if (byKey !== 0) return order === 'unknown' ? undefined : order === 'reverse' ? -byKey : byKey;
  for (let i = 1; i <= timestampSize; i++) {
    const difference = (b[bEnd - i] ?? 0) - (a[aEnd - i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Orders two internal keys: user key, then sequence and type descending (rocksdb db/dbformat.h). */
export function compareInternalKeys(
  comparator: Comparator,
  a: Uint8Array,
  b: Uint8Array,
): number | undefined {
  const byUser = compareUserKeys(comparator, a, b, a.length - 8, b.length - 8);
  if (byUser !== 0) return byUser;
  for (let i = 1; i <= 8; i++) {
    const difference = b[b.length - i] - a[a.length - i];
    if (difference !== 0) return difference;
  }
  return 0;
}
