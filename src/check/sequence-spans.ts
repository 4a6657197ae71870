import type { TableFacts, WalFacts } from './unit.js';

/** Sequence numbers from the first to the last one, both included. */
export interface HeldSpan {
  first: bigint;
  last: bigint;
}

/** What a WAL holds; `undefined`: nothing. */
export function spanOfWal({ firstSequence, nextSequence }: WalFacts): HeldSpan | undefined {
  if (firstSequence === undefined || nextSequence === undefined || nextSequence <= firstSequence)
    return undefined;
  return { first: firstSequence, last: nextSequence - 1n };
}

/** What a table holds; `undefined`: its sequences could not be read. */
export function spanOfTable({ smallestSequence, largestSequence }: TableFacts): HeldSpan | undefined {
  if (smallestSequence === undefined || largestSequence === undefined) return undefined;
  return { first: smallestSequence, last: largestSequence };
}

export function largestSequenceOf(tables: readonly TableFacts[]): bigint {
  return tables.reduce(
    (most, { largestSequence = 0n }) => (largestSequence > most ? largestSequence : most),
    0n,
  );
}

/** Live tables that reach beyond the last sequence that a MANIFEST states. */
interface BeyondStated {
  tables: readonly TableFacts[];
  stated: bigint;
  largest: bigint;
  /** No read sees all of them: no WAL brings the sequence up to theirs. */
  hidden: boolean;
  /** They are one block of one table, where the error may as well be. */
  block?: { file: string; offset: number; length: number };
  evidence: { largestSequence: string; lastSequence: string; reached: string };
  reached: bigint;
}

/** `undefined`: no table reaches beyond `stated`. */
export function beyondStated(
  stated: bigint,
  live: readonly TableFacts[],
  wals: readonly WalFacts[],
): BeyondStated | undefined {
  const tables = live.filter(({ largestSequence = 0n }) => largestSequence > stated);
  if (tables.length === 0) return undefined;
  const reached = wals.reduce((most, wal) => {
    const last = spanOfWal(wal)?.last ?? 0n;
    return last > most ? last : most;
  }, stated);
  const hidden = tables.some(({ largestSequence = 0n }) => largestSequence > reached);
  const [{ file, totals }] = tables;
  const highest = totals?.highest;
  const isOneBlock =
    hidden && tables.length === 1 && highest !== undefined && BigInt(highest.others) <= stated;
  const largest = largestSequenceOf(tables);
  return {
    tables,
    stated,
    largest,
    hidden,
    ...(isOneBlock && { block: { file, offset: highest.offset, length: highest.length } }),
    evidence: {
      largestSequence: String(largest),
      lastSequence: String(stated),
      reached: String(reached),
    },
    reached,
  };
}

/**
 * Whether a table that no edit names is older than the last edit of a MANIFEST of LevelDB or Pebble. A flush begins a log first, and its edit
 * names that log: tables of later edits have higher numbers. But an open writes tables of the logs that it reads before it begins its own log:
 * a table that ends where the logs begin may be one of these.
 */
export function isOlderTable(
  { number, last }: { number: bigint; last: bigint },
  logNumber: bigint,
  logs: readonly HeldSpan[],
): boolean {
  return number < logNumber && !logs.some(({ first }) => first === last + 1n);
}

/**
 * Tables that no edit of the MANIFEST ever named and that hold sequences which nothing else has: the edit that named them is lost.
 * Outputs of a job that did not end hold nothing new.
 *
 * @param known Numbers that edits have named, live or not.
 */
export function forsakenTables(
  tables: readonly TableFacts[],
  { known, logNumber }: { known: (number: bigint) => boolean; logNumber: bigint },
  live: readonly TableFacts[],
  wals: readonly WalFacts[],
): { table: TableFacts; span: HeldSpan }[] {
  const logs = wals.flatMap((wal) => spanOfWal(wal) ?? []);
  const covered = [...live.flatMap((table) => spanOfTable(table) ?? []), ...logs];
  return tables.flatMap((table) => {
    const span = spanOfTable(table);
    if (table.number === undefined || span === undefined || known(table.number)) return [];
    if (isOlderTable({ number: table.number, last: span.last }, logNumber, logs)) return [];
    if (covered.some(({ first, last }) => span.last >= first && span.first <= last)) return [];
    return [{ table, span }];
  });
}
