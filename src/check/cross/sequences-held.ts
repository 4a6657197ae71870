import type { TableStatement } from '../unit.js';

/** What a table says of the sequence numbers of its entries; inclusive. */
export interface NumberedTable {
  smallestSequence: bigint;
  largestSequence: bigint;
  entries: bigint;
  /** Every entry is a key: none of them stands for a range. */
  isPoints: boolean;
}

/** Entries of a table, and whether none of them stands for a range, as its properties say; no entries where they do not. */
export function statedEntries(
  stated: TableStatement | undefined,
): Pick<NumberedTable, 'entries' | 'isPoints'> {
  const property = (named: string) => stated?.properties.find(({ name }) => name === named)?.value;
  return { entries: property('num.entries') ?? 0n, isPoints: property('num.range-deletions') === 0n };
}

/**
 * Tables hold every sequence number from the first to the last: where every operation takes a number of its own, those that reach into
 * the span have as many entries as there are numbers from their first to their last. `false`: that cannot be told, as a flush drops what
 * was overwritten, a compaction zeroes numbers, and all entries of an ingested table have one.
 */
export function holdEvery(
  { from, to }: { from: bigint; to: bigint },
  tables: Iterable<NumberedTable>,
): boolean {
  let [first, last, held] = [from, to, 0n];
  for (const { smallestSequence, largestSequence, entries, isPoints } of tables) {
    if (largestSequence < from || smallestSequence > to) continue;
    if (smallestSequence === 0n || !isPoints || entries === 0n) continue;
    if (entries > largestSequence - smallestSequence + 1n) return false;
    if (smallestSequence < first) first = smallestSequence;
    if (largestSequence > last) last = largestSequence;
    held += entries;
  }
  return held === last - first + 1n;
}
