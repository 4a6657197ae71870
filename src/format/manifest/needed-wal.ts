/**
 * The oldest WAL that a running database said to need last. With every flush the engine writes down the smallest log that it must keep
 * (rocksdb db/memtable_list.cc, PrecomputeMinLogNumberToKeepNon2PC): the one in which the oldest memtable begins, and 0 for a column
 * family that is in its first memtable. So between that number and the next log that a flush began there is a WAL with writes, which is
 * not deleted before a later flush states a larger number (db/db_impl/db_impl_files.cc, MinLogNumberToKeep).
 */
import type { VersionEdit } from './edit.js';
import type { ColumnFamily, Version } from './version.js';

/** Numbers from `from` on and below `below`: one of them is the WAL's. */
export interface NeededWal {
  from: bigint;
  below: bigint;
}

/** WALs that flushes began and that are told apart, the oldest ones. */
const MOST = 4096;

export class NeededWalTracker {
  private kept: bigint | undefined;
  private readonly begun: bigint[] = [];

  take({
    columnFamilyAdd,
    columnFamilyDrop,
    nextFileNumber,
    logNumber,
    minLogNumberToKeep,
  }: VersionEdit): void {
    // what a dropped column family needed is needed no more, and nothing says so
    if (columnFamilyDrop) this.kept = undefined;
    // the edits that a MANIFEST begins with do not say what was dropped before
    if (nextFileNumber === undefined) return;
    if (logNumber !== undefined && columnFamilyAdd === undefined) {
      this.kept = undefined;
      if (this.begun.length < MOST) this.begun.push(logNumber);
    }
    // an edit of its own, after those of the flush
    if (minLogNumberToKeep !== undefined) this.kept = minLogNumberToKeep;
  }

  result(): NeededWal | undefined {
    const { kept } = this;
    if (kept === undefined) return undefined;
    return untilNext(kept, this.begun);
  }
}

/**
 * The same by the version alone, where a MANIFEST begins after the flush: the log number of a column family is that of a WAL which a
 * flush began when it has a table of one, and is larger than what an open of all set.
 */
export function neededByVersion({
  minLogNumberToKeep: kept,
  columnFamilies,
}: Version): NeededWal | undefined {
  if (kept === 0n) return undefined;
  const flushed = [...columnFamilies.values()].filter(hasFlush);
  return untilNext(
    kept,
    flushed.map(({ logNumber }) => logNumber),
  );
}

/** An ingested table has one sequence number, and a compaction's output may have none. */
function hasFlush({ tables }: ColumnFamily): boolean {
  return [...tables.values()].some(
    ({ smallestSequence, largestSequence }) => smallestSequence > 0n && smallestSequence < largestSequence,
  );
}

function untilNext(from: bigint, numbers: readonly bigint[]): NeededWal | undefined {
  let below: bigint | undefined;
  for (const number of numbers) if (number > from && (below === undefined || number < below)) below = number;
  return below === undefined ? undefined : { from, below };
}
