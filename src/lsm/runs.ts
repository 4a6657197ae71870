import { append } from '../bytes/append.js';
import type { LiveTable } from '../format/manifest/version.js';
import { comparePositions, type KeyOrder, type KeyPosition, keyPosition } from './key-order.js';
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
 * table of each run.
 */
export function tableRuns(tables: Iterable<LiveTable>, order: KeyOrder): SortedRun[] {
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
    append(runs, partition(levels.get(level) as BoundedTable[], order));
  }
  return runs;
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
