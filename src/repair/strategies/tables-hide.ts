import type { Database } from '../../engine/database.js';
import type { LiveTable, Version } from '../../format/manifest/version.js';
import { IDB_COMPARATOR } from '../../format/sst/comparator.js';
import { internalKey, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { type KeyOrder, keyOrder } from '../../lsm/key-order.js';
import { isOlder, type KeyRange, overlapping } from '../../lsm/older-tables.js';
import type { Pace } from '../pace.js';
import { Refusal } from '../refusal.js';
import { keysIn, type OlderKey } from './tables-older.js';

/** Keys that are hidden one by one; where more would be, one tombstone goes over the whole range. */
const MOST_POINTS = 100_000;

/** What a reader must not see although it is still there. */
export interface Hidden {
  /** Deletions of single keys, internal keys in order. */
  points: Uint8Array[];
  ranges: { start: Uint8Array; end: Uint8Array; sequence: bigint }[];
  /** Keys whose older values may show, at most, where nothing can hide them. */
  mayShow?: number;
}

/** Where a table lost entries. */
export interface LostRange {
  range: KeyRange;
  /** Where it stands in the table, bytes. */
  offset?: number;
  /** False: the lost block does not hold the key, as the filter of the table proves. Absent without a filter. */
  mayHold?(key: Uint8Array): boolean;
}

/** Looks into the tables that stay. */
export interface Neighbours {
  database: Database;
  version: Version;
  table: LiveTable;
  comparator: string;
  pace: Pace;
}

/**
 * Adds to `hidden` what hides older versions of the keys that lost blocks may have held; `gaps` in the order of keys. Each such
 * key gets a deletion one above its newest older version: the lost version, deletion or not, was newer still, and whatever is
 * newer than that stays visible. A key that the filter denies, or whose older version is newer than everything in the table, was
 * not in the block and stays as it is.
 */
export async function hideOlder(at: Neighbours, gaps: readonly LostRange[], hidden: Hidden): Promise<void> {
  for (const near of neighboursOf(gaps)) await hideIn(at, near, hidden);
}

/** Gaps in runs: between those of one run so little holds that walking over it costs less than opening tables again. */
function neighboursOf(gaps: readonly LostRange[]): LostRange[][] {
  const runs: LostRange[][] = [];
  for (const gap of gaps) {
    const before = runs.at(-1)?.at(-1);
    const near =
      before?.offset !== undefined && gap.offset !== undefined && gap.offset - before.offset < NEAR;
    if (near) runs.at(-1)!.push(gap);
    else runs.push([gap]);
  }
  return runs;
}

async function hideIn(at: Neighbours, gaps: readonly LostRange[], hidden: Hidden): Promise<void> {
  const range: KeyRange = { ...gaps.at(-1)!.range, from: gaps[0].range.from };
  const older = tablesAround(at, range, (other) => isOlder(other, at.table));
  if (older.length === 0) return;
  const { database, version, table } = at;
  const order = keyOrder(at.comparator);
  let current = 0;
  let seen = 0;
  let found: Uint8Array[] = [];
  const endGap = () => {
    for (const key of found) hidden.points.push(key);
    [found, seen] = [[], 0];
    current++;
  };
  for await (const { key, sequence } of keysIn(database, version, table.columnFamily, older, range)) {
    await at.pace.step();
    while (current < gaps.length && isPast(key, gaps[current].range, order)) endGap();
    if (current === gaps.length) return;
    const gap = gaps[current];
    if (isBefore(key, gap.range, order) || seen > MOST_POINTS) continue;
    if (gap.mayHold === undefined) seen++;
    if (sequence < table.largestSequence && gap.mayHold?.(key) !== false) {
      found.push(internalKey(key, above(sequence, table), VALUE_TYPE.delete));
      seen = Math.max(seen, found.length);
    }
    if (seen <= MOST_POINTS) continue;
    if (database.dialect === 'leveldb') throw tooManyToHide(table);
    found = [];
    for (const covering of await cover(at, gap.range)) hidden.ranges.push(covering);
  }
  endGap();
}

/**
 * Adds to `hidden` what keeps undo logs of Chromium's IndexedDB from coming back in place of what lost blocks held: the browser would
 * play them when it opens the database, and so take back what was written after their transactions had ended.
 */
export async function hideUndoLogs(
  at: Neighbours,
  gaps: readonly LostRange[],
  hidden: Hidden,
): Promise<void> {
  if (at.comparator !== IDB_COMPARATOR) return;
  const logs = gaps.map((gap) => ({
    ...gap,
    mayHold: (key: Uint8Array) => isUndoLog(key) && gap.mayHold?.(key) !== false,
  }));
  try {
    await hideOlder(at, logs, hidden);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    hidden.points = [];
  }
}

/** Metadata and log of a scope, which is a transaction (chromium components/services/storage/indexed_db/scopes/leveldb_scopes_coding.h). */
function isUndoLog(key: Uint8Array): boolean {
  const isScopes = key[0] === 0 && key[1] === 0 && key[2] === 0 && key[3] === 0 && key[4] === 50;
  return isScopes && (key[5] === 1 || key[5] === 2);
}

/** Keys of which an older version may show in place of what lost blocks held, at most. */
export async function countOlder(at: Neighbours, gaps: readonly LostRange[]): Promise<number> {
  const { database, version, table, pace } = at;
  let count = 0;
  for (const { range, mayHold } of gaps) {
    const older = tablesAround(at, range, (other) => isOlder(other, table));
    for await (const { key, sequence } of keysIn(database, version, table.columnFamily, older, range)) {
      await pace.step();
      if (sequence < table.largestSequence && mayHold?.(key) !== false) count++;
    }
  }
  return count;
}

/** LevelDB has no deletion of a range. */
function tooManyToHide({ number }: LiveTable): Refusal {
  return new Refusal(
    'refused',
    `table ${number} lost entries over more than ${MOST_POINTS} older ones, which would have to be kept hidden one by one`,
    '--on-lost-tombstones accept lets them show; a backup is better',
  );
}

/** Bytes of a table between gaps that are walked over. */
const NEAR = 256 * 1024;

function isPast(key: Uint8Array, { to, closed }: KeyRange, order: KeyOrder): boolean {
  const past = order.compareUserKeys(key, 0, key.length, to, 0, to.length);
  return past > 0 || (past === 0 && !closed);
}

function isBefore(key: Uint8Array, { from }: KeyRange, order: KeyOrder): boolean {
  return order.compareUserKeys(key, 0, key.length, from, 0, from.length) < 0;
}

/** Hides what range tombstones of a table may have covered in older tables; entries of the table itself stay. */
export async function hideUnderLostTombstones(
  at: Neighbours,
  range: KeyRange,
  hidden: Hidden,
): Promise<void> {
  const { database, version, table } = at;
  let ranges: Hidden['ranges'] = [];
  const older = tablesAround(at, range, (other) => isOlder(other, table));
  for await (const { key, sequence } of keysIn(database, version, table.columnFamily, older, range)) {
    await at.pace.step();
    if (sequence >= table.largestSequence) continue;
    ranges.push({ start: key, end: successor(key, at), sequence: above(sequence, table) });
    if (ranges.length <= MOST_POINTS) continue;
    ranges = await cover(at, range);
    break;
  }
  for (const each of ranges) hidden.ranges.push(each);
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
  // keys are compared last: this is asked for every table that is put right
  const candidates = [...tables].filter((other) => other.number !== table.number && wanted(other));
  return overlapping(candidates, comparator, range);
}

/** The key right after another one, which only the bytewise order has. */
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
