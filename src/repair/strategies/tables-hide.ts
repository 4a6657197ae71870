import type { Database } from '../../engine/database.js';
import type { LiveTable, Version } from '../../format/manifest/version.js';
import { internalKey, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { Refusal } from '../refusal.js';
import { isOlder, type KeyRange, keysIn, type OlderKey, overlapping } from './tables-older.js';

/** Keys that are hidden one by one; where more would be, one tombstone goes over the whole range. */
const MOST_POINTS = 100_000;

/** What a reader must not see although it is still there. */
export interface Hidden {
  /** Deletions of single keys, internal keys in order. */
  points: Uint8Array[];
  ranges: { start: Uint8Array; end: Uint8Array; sequence: bigint }[];
}

/** Where a table lost entries. */
export interface LostRange {
  range: KeyRange;
  /** False: the lost block does not hold the key, as the filter of the table proves. Absent without a filter. */
  mayHold?(key: Uint8Array): boolean;
}

/** Looks into the tables that stay. */
export interface Neighbours {
  database: Database;
  version: Version;
  table: LiveTable;
  comparator: string;
}

/**
 * What hides older versions of the keys that a lost block may have held. Each such key gets a deletion one above its newest
 * older version: the lost version, deletion or not, was newer still, and whatever is newer than that stays visible. A key that the
 * filter denies, or whose older version is newer than everything in the table, was not in the block and stays as it is.
 */
export async function hideOlder(at: Neighbours, { range, mayHold }: LostRange): Promise<Hidden> {
  const hidden: Hidden = { points: [], ranges: [] };
  const older = tablesAround(at, range, (other) => isOlder(other, at.table));
  if (older.length === 0) return hidden;
  const { database, version, table } = at;
  let seen = 0;
  for await (const { key, sequence } of keysIn(database, version, table.columnFamily, older, range)) {
    if (mayHold === undefined && ++seen > MOST_POINTS) return { points: [], ranges: await cover(at, range) };
    if (sequence >= table.largestSequence || mayHold?.(key) === false) continue;
    hidden.points.push(internalKey(key, above(sequence, table), VALUE_TYPE.delete));
    if (hidden.points.length > MOST_POINTS) return { points: [], ranges: await cover(at, range) };
  }
  return hidden;
}

/** Hides what range tombstones of a table may have covered in older tables; entries of the table itself stay. */
export async function hideUnderLostTombstones(at: Neighbours, range: KeyRange): Promise<Hidden> {
  const { database, version, table } = at;
  const ranges: Hidden['ranges'] = [];
  const older = tablesAround(at, range, (other) => isOlder(other, table));
  for await (const { key, sequence } of keysIn(database, version, table.columnFamily, older, range)) {
    if (sequence >= table.largestSequence) continue;
    ranges.push({ start: key, end: successor(key, at), sequence: above(sequence, table) });
    if (ranges.length > MOST_POINTS) return { points: [], ranges: await cover(at, range) };
  }
  return { points: [], ranges };
}

/**
 * The sequence of a deletion over an older version. On level 0 the engine wants the sequences of a table apart from those of the
 * ones before it, and whatever is newer than the table is above all of them.
 */
function above(sequence: bigint, { level, smallestSequence }: LiveTable): bigint {
  return level === 0 && sequence < smallestSequence ? smallestSequence : sequence + 1n;
}

/** One tombstone over the range, with lower ones where a newer table holds a key at a lower sequence. */
async function cover(at: Neighbours, range: KeyRange): Promise<Hidden['ranges']> {
  const { database, version, table } = at;
  const newer = tablesAround(at, range, (other) => isOlder(table, other)).filter(
    (other) => other.smallestSequence <= table.largestSequence,
  );
  const low: OlderKey[] = [];
  for await (const found of keysIn(database, version, table.columnFamily, newer, range)) {
    if (found.sequence <= table.largestSequence) low.push(found);
  }
  const ranges: Hidden['ranges'] = [];
  let start = range.from;
  for (const { key, sequence } of low) {
    ranges.push({ start, end: key, sequence: table.largestSequence });
    if (sequence > 0n) ranges.push({ start: key, end: successor(key, at), sequence: sequence - 1n });
    start = successor(key, at);
  }
  const end = range.closed ? successor(range.to, at) : range.to;
  ranges.push({ start, end, sequence: table.largestSequence });
  return ranges.filter((each) => Buffer.compare(each.start, each.end) < 0);
}

function tablesAround(
  { version, table, comparator }: Neighbours,
  range: KeyRange,
  wanted: (other: LiveTable) => boolean,
): LiveTable[] {
  const tables = version.columnFamilies.get(table.columnFamily)?.tables.values() ?? [];
  return overlapping(tables, comparator, range).filter(
    (other) => other.number !== table.number && wanted(other),
  );
}

/** The key right behind another one, which only the bytewise order has. */
function successor(key: Uint8Array, { comparator, table }: Neighbours): Uint8Array {
  if (comparator !== '' && comparator !== 'leveldb.BytewiseComparator') {
    throw new Refusal(
      'refused',
      `what table ${table.number} lost cannot be kept hidden in the order ${comparator}`,
      '--on-lost-tombstones accept lets what was deleted there come back',
    );
  }
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
