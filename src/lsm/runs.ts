import { append } from '../bytes/append.js';
import type { LiveTable } from '../format/manifest/version.js';
import { isExclusiveEnd } from '../format/sst/internal-key.js';
import { comparePositions, type KeyOrder, type KeyPosition, keyPosition } from './key-order.js';
import { isOlder } from './older-tables.js';
import type { TableBounds } from './range-tombstones.js';

/** A live table with its bounds taken apart. */
export interface BoundedTable extends TableBounds {
  live: LiveTable;
}

/** Tables in key order that do not overlap: one cursor reads them all, one after the other. */
export type SortedRun = BoundedTable[];

/**
 * Sorts tables into as few runs as possible. A sound level from 1 on makes one; the tables of level 0, and those of a level
 * that damage has made overlap, share a run where their key ranges do not touch. What has to be open at one time is one
 * table of each run. `bySublevels`: as Pebble sorts level 0, which comes to the same where bounds are those of the tables.
 */
export function tableRuns(tables: Iterable<LiveTable>, order: KeyOrder, bySublevels = false): SortedRun[] {
  const levels = new Map<number, BoundedTable[]>();
  for (const live of tables) {
    const level = levels.get(live.level) ?? [];
    level.push({
      live,
      smallest: bound(live.smallest, live, order),
      largest: bound(live.largest, live, order),
    });
    levels.set(live.level, level);
  }
  const runs: SortedRun[] = [];
  for (const level of [...levels.keys()].sort((a, b) => a - b)) {
    const all = levels.get(level) as BoundedTable[];
    append(runs, bySublevels && level === 0 && order.known ? sublevels(all, order) : partition(all, order));
  }
  return runs;
}

/**
 * How deep each table of a column family stands for RocksDB's iterator, below the memtable: each of level 0 is a source of its own, the
 * newest first, and each other level is one.
 */
export function tableDepths(tables: Iterable<LiveTable>): ReadonlyMap<LiveTable, number> {
  const all = [...tables];
  const upper = all
    .filter(({ level }) => level === 0)
    .sort((a, b) => Number(isOlder(a, b)) - Number(isOlder(b, a)));
  const depths = new Map(all.map((table) => [table, upper.length + table.level]));
  for (const [i, table] of upper.entries()) depths.set(table, 1 + i);
  return depths;
}

/** Bounds of a table whose timestamps were left out get the zero timestamps that its keys get. */
function bound(internalKey: Uint8Array, live: LiveTable, order: KeyOrder): KeyPosition {
  const position = keyPosition(internalKey) ?? { userKey: internalKey, high: 0, low: 0 };
  if (live.timestampsPersisted !== false || order.timestampSize === 0) return position;
  const userKey = new Uint8Array(position.userKey.length + order.timestampSize);
  userKey.set(position.userKey);
  return { ...position, userKey };
}

function partition(tables: BoundedTable[], order: KeyOrder): SortedRun[] {
  // without the comparator nothing is known of overlap
  if (!order.known) return tables.map((table) => [table]);
  const sorted = tables.toSorted((a, b) => comparePositions(order, a.smallest, b.smallest));
  const runs: SortedRun[] = [];
  for (const table of sorted) {
    const run = runs.find((run) => comparePositions(order, run[run.length - 1].largest, table.smallest) < 0);
    if (run === undefined) runs.push([table]);
    else run.push(table);
  }
  return runs;
}

/**
 * Level 0 as Pebble reads it (pebble internal/manifest/l0_sublevels.go): by age each table lies above the highest sublevel that holds one
 * which it overlaps, by the bounds that the MANIFEST gives, and each sublevel is read in the order of the smallest keys. A table
 * whose bounds are turned round overlaps none.
 */
function sublevels(tables: BoundedTable[], order: KeyOrder): SortedRun[] {
  const isBefore = (a: BoundedTable, b: BoundedTable) => {
    const [x, y] = [a.largest.userKey, b.smallest.userKey];
    const difference = order.compareUserKeys(x, 0, x.length, y, 0, y.length);
    return difference < 0 || (difference === 0 && isExclusiveEnd(a.live.largest));
  };
  const isTurned = (table: BoundedTable) => isBefore(table, table);
  const levels: SortedRun[] = [];
  for (const table of tables.toSorted(olderFirst)) {
    const above = isTurned(table)
      ? -1
      : levels.findLastIndex((level) =>
          level.some((other) => !isTurned(other) && !isBefore(other, table) && !isBefore(table, other)),
        );
    if (above + 1 < levels.length) levels[above + 1].push(table);
    else levels.push([table]);
  }
  return levels.reverse().map((run) => run.sort((a, b) => comparePositions(order, a.smallest, b.smallest)));
}

function olderFirst({ live: a }: BoundedTable, { live: b }: BoundedTable): number {
  if (a.largestSequence !== b.largestSequence) return a.largestSequence < b.largestSequence ? -1 : 1;
  if (a.smallestSequence !== b.smallestSequence) return a.smallestSequence < b.smallestSequence ? -1 : 1;
  return a.number < b.number ? -1 : 1;
}
