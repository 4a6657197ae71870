import type { Database } from '../engine/database.js';
import type { ColumnFamily, LiveTable } from '../format/manifest/version.js';
import { comparatorNamed, compareUserKeys } from '../format/sst/comparator.js';
import { userKeyOf } from '../format/sst/internal-key.js';
import type { InventoryEntry } from '../io/inventory.js';
import { boundsOverlap, type PlacedTable } from './choice.js';
import type { LoggedHistory } from './logged-history.js';
import { type Contents, mark } from './tables.js';
import { eachKey, type WalContents } from './wals.js';

/*
 * Which table, or log, went into which one. A compaction takes tables whole, and leaves of them what nothing newer has replaced or deleted; the
 * files of those that went into it are deleted soon after. Where some are of an older moment, these are here all the same.
 */

/** A table that is taken although it may have gone into younger ones. */
export interface Doubt {
  table: LiveTable;
  younger: LiveTable[];
}

/** A log that is applied over tables although it may have gone into these. */
export interface LogDoubt {
  log: InventoryEntry;
  columnFamily: number;
  younger: LiveTable[];
  /** User keys, the first and the last that readers would get otherwise. */
  from: Uint8Array;
  to: Uint8Array;
}

/**
 * Tables of one column family that overlap younger ones made by compactions, of which nothing shows that they did not go into these. `named`
 * are tables that one MANIFEST has beside each other.
 */
export function mayHaveGoneInto(
  live: readonly PlacedTable[],
  { contents, named, history }: Pick<Taken, 'contents' | 'history'> & { named: ReadonlySet<bigint> },
): Doubt[] {
  const doubts: Doubt[] = [];
  const unnamed = live.filter(({ live: { number } }) => !named.has(number));
  for (const table of live) {
    const others = named.has(table.live.number) ? unnamed : live;
    const younger = others.filter((other) => {
      if (other.live.number <= table.live.number || !isOfCompaction(other, table)) return false;
      if (history?.isApart(other.live.number, table.live.number)) return false;
      return boundsOverlap(other, table) && !isAbove(table, other, contents);
    });
    if (younger.length > 0) doubts.push({ table: table.live, younger: younger.map((other) => other.live) });
  }
  return doubts;
}

/** A flush holds writes that come after all that there was before it. */
function isOfCompaction({ live: later }: PlacedTable, { live: earlier }: PlacedTable): boolean {
  return later.smallestSequence === 0n || later.smallestSequence <= earlier.largestSequence;
}

/** One key is older in the other table, which a compaction of both would not have left there. */
export function isAbove(
  { live: { number } }: PlacedTable,
  { live: other }: PlacedTable,
  contents: ReadonlyMap<bigint, Contents>,
): boolean {
  const theirs = contents.get(other.number);
  for (const [key, [newest]] of contents.get(number) ?? []) {
    const there = theirs?.get(key)?.[0];
    if (there !== undefined && there.sequence > 0n && there.sequence < newest.sequence) return true;
  }
  return false;
}

/**
 * Logs that a column family replays and that are older than tables of compactions which no edit names: where such a log was flushed before,
 * a key whose sequence is 0 there is newer than what the log has.
 */
export async function mayHaveBeenFlushed(
  database: Database,
  { id, comparator, logNumber }: ColumnFamily,
  { taken, contents, wals, history }: Taken,
): Promise<LogDoubt[]> {
  const order = comparatorNamed(comparator || undefined);
  const doubts: LogDoubt[] = [];
  for (const wal of wals) {
    const writes = wal.families.get(id);
    if (wal.number < logNumber || writes === undefined) continue;
    const younger = taken.filter(
      ({ columnFamily, number, smallestSequence }) =>
        columnFamily === id &&
        number > wal.number &&
        smallestSequence === 0n &&
        !history?.isApartFromLog(number, wal.number, writes.first),
    );
    if (younger.length === 0) continue;
    const isIn = ({ smallest, largest }: LiveTable, key: Uint8Array) =>
      (compareUserKeys(order, userKeyOf(smallest), key) ?? 1) <= 0 &&
      (compareUserKeys(order, key, userKeyOf(largest)) ?? 1) <= 0;
    const newest = new Map<string, { type: number; value: string }>();
    await eachKey(database, wal, id, (key, type, value) => newest.set(key, { type, value: mark(value) }));
    let [from, to]: (Uint8Array | undefined)[] = [];
    for (const [name, write] of newest) {
      const key = Buffer.from(name, 'latin1');
      const differs = younger.some((table) => {
        const there = contents.get(table.number)?.get(name)?.[0];
        if (there === undefined) return isIn(table, key);
        return there.sequence === 0n && (there.type !== write.type || there.value !== write.value);
      });
      if (!differs) continue;
      if (from === undefined || (compareUserKeys(order, key, from) ?? 0) < 0) from = key;
      if (to === undefined || (compareUserKeys(order, key, to) ?? 0) > 0) to = key;
    }
    if (from !== undefined && to !== undefined)
      doubts.push({ log: wal.entry, columnFamily: id, younger, from, to });
  }
  return doubts;
}

interface Taken {
  /** Tables that no edit names. */
  taken: readonly LiveTable[];
  contents: ReadonlyMap<bigint, Contents>;
  wals: readonly WalContents[];
  history?: LoggedHistory | undefined;
}
