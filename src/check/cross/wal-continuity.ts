import { append } from '../../bytes/append.js';
import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import type { LiveTable, Version } from '../../format/manifest/version.js';
import { spanOfWal } from '../sequence-spans.js';
import type { TableFacts, WalFacts } from '../unit.js';
import { holdEvery, type NumberedTable, statedEntries } from './sequences-held.js';

/** What the MANIFEST says that bears on WALs. Fields are absent where there is no readable MANIFEST. */
interface ContinuityContext {
  lastSequence?: bigint;
  /** WALs below it are not read by recovery. */
  cutoff: bigint;
  /** avoid_flush_during_recovery keeps WALs that an open without writes left empty. */
  emptyIsUsual: boolean;
  /** Live tables: a table with a single sequence number explains a hole of one (ingestion). */
  tables: readonly TableFacts[];
}

/**
 * Holds live WALs against each other and against the MANIFEST: holes, overlaps, predecessors that are not there.
 * Takes live WALs in ascending order of number.
 */
export function checkWalContinuity(wals: readonly WalFacts[], context: ContinuityContext): Finding[] {
  const findings: Finding[] = [];
  const counting = countingOf(wals);
  let previous: WalFacts | undefined;
  for (const wal of wals) {
    append(findings, checkPredecessor(wal, wals, context.cutoff));
    if (wal.firstSequence === undefined) continue;
    if (previous?.number === wal.number) {
      append(findings, checkSegments(previous, wal, context));
      previous = joined(previous, wal);
      continue;
    }
    if (previous) append(findings, checkNeighbours(previous, wal, counting, context));
    else append(findings, checkFirst(wal, context));
    previous = wal;
  }
  append(findings, checkEmpty(wals, context));
  return findings;
}

/** How far sequence numbers can be counted from one batch to the next. */
type Counting = 'per-operation' | 'per-batch' | 'unknown';

/**
 * Without transactions every operation takes a number. With WritePrepared and WriteUnprepared a batch takes at most as many
 * as it has operations, so only a step forwards is sure; with WriteCommitted a commit takes what its prepare section holds,
 * which may stand in an older WAL.
 */
function countingOf(wals: readonly WalFacts[]): Counting {
  if (wals.some((w) => w.sequencePerBatch)) return 'per-batch';
  return wals.some((w) => w.transactions) ? 'unknown' : 'per-operation';
}

/** A WAL that was begun, and left empty while a newer one was written. */
function checkEmpty(wals: readonly WalFacts[], context: ContinuityContext): Finding[] {
  const newestWritten = wals.findLast((w) => w.size > 0);
  return wals
    .filter((w) => w.size === 0 && newestWritten !== undefined && w.number < newestWritten.number)
    .filter((w) => !wals.some(({ number, size }) => number === w.number && size > 0))
    .map((w) =>
      findingAt({ file: w.file }, 'wal/emptied', {
        severity: context.emptyIsUsual ? 'note' : 'warning',
        message: `is empty, although ${newestWritten?.file} was written after it and recovery still reads it`,
        evidence: { newerWal: newestWritten?.file ?? '' },
      }),
    );
}

function checkFirst(wal: WalFacts, context: ContinuityContext): Finding[] {
  const { lastSequence } = context;
  if (lastSequence === undefined || wal.firstSequence === undefined) return [];
  // after damage the first whole batch is not the first that was written
  if (wal.firstDamage !== undefined || wal.firstSequence <= lastSequence + 1n) return [];
  return [
    findingAt({ file: wal.file }, 'sequence/gap-before-first-wal', {
      message: `starts at sequence ${wal.firstSequence}, but the MANIFEST accounts for sequences up to ${lastSequence} only`,
      evidence: { firstSequence: String(wal.firstSequence), manifestLastSequence: String(lastSequence) },
    }),
  ];
}

/**
 * Segments of one log of Pebble: a later one begins with what the disk had not taken of the one before it when that stalled, some of which
 * may have come there all the same (pebble wal/reader.go).
 */
function checkSegments(before: WalFacts, wal: WalFacts, { tables }: ContinuityContext): Finding[] {
  const first = wal.firstSequence as bigint;
  const next = before.nextSequence ?? (before.lastSequence as bigint);
  if (first <= next || isTakenByTables(next, first, tables)) return [];
  return [
    findingAt({ file: before.file }, 'sequence/gap-between-wals', {
      offset: before.end,
      length: 0,
      message: `ends before sequence ${next}, but ${wal.file}, in which the log goes on, starts at ${first}: ${first - next} sequence numbers are in no WAL`,
      evidence: {
        previousWal: before.file,
        previousLastSequence: String(before.lastSequence),
        previousNextSequence: String(next),
        firstSequence: String(first),
        nextWal: wal.file,
      },
    }),
  ];
}

/** Two segments as one log: how it ends is said of the later one. */
function joined(before: WalFacts, wal: WalFacts): WalFacts {
  const later = (a: bigint | undefined, b: bigint | undefined) => ((a ?? 0n) > (b ?? 0n) ? a : b);
  return {
    ...wal,
    firstSequence: before.firstSequence,
    lastSequence: later(before.lastSequence, wal.lastSequence),
    nextSequence: later(before.nextSequence, wal.nextSequence),
  };
}

function checkNeighbours(
  before: WalFacts,
  wal: WalFacts,
  counting: Counting,
  context: ContinuityContext,
): Finding[] {
  const first = wal.firstSequence as bigint;
  const last = before.lastSequence as bigint;
  const counted = before.nextSequence ?? last;
  // a commit alone counts no operation, and takes a number as every batch does
  const next = counting === 'per-batch' && counted <= last ? last + 1n : counted;
  const evidence = {
    previousWal: before.file,
    previousLastSequence: String(last),
    previousNextSequence: String(next),
    firstSequence: String(first),
  };
  const whole = before.tail !== 'damaged' && before.firstDamage === undefined;
  if (first < last || (counting === 'per-operation' && whole && first < next)) {
    return [
      findingAt({ file: wal.file }, 'sequence/overlap-between-wals', {
        message: `starts at sequence ${first}, yet ${before.file} goes up to ${next - 1n}: the two cannot both belong here`,
        evidence,
      }),
    ];
  }
  const explained = !whole || before.tail === 'torn' || isTakenByTables(next, first, context.tables);
  if (first <= next || explained) return [];
  const isFlushed =
    counting === 'per-operation' && holdEvery({ from: next, to: first - 1n }, context.tables.map(numbered));
  return [
    findingAt({ file: before.file }, 'sequence/gap-between-wals', {
      // a commit of a transaction that was prepared in an older WAL takes more numbers than can be counted here
      severity: counting === 'unknown' ? 'note' : 'warning',
      offset: before.end,
      length: 0,
      message: `ends before sequence ${next}, but ${wal.file} starts at ${first}: ${first - next} sequence numbers are in no WAL${isFlushed ? '; tables hold all of them' : ''}`,
      evidence: { ...evidence, nextWal: wal.file },
    }),
  ];
}

const numbered = ({ smallestSequence = 0n, largestSequence = 0n, stated }: TableFacts): NumberedTable => ({
  smallestSequence,
  largestSequence,
  ...statedEntries(stated),
});

/** True when every number in [from, to) was taken by an ingested file, whose entries all carry one sequence number. */
export function isTakenByTables(
  from: bigint,
  to: bigint,
  tables: readonly Pick<TableFacts, 'smallestSequence' | 'largestSequence'>[],
): boolean {
  if (to - from > 64n) return false;
  const taken = new Set(
    tables.flatMap((t) =>
      t.smallestSequence !== undefined && t.smallestSequence === t.largestSequence
        ? [t.smallestSequence]
        : [],
    ),
  );
  for (let sequence = from; sequence < to; sequence++) if (!taken.has(sequence)) return false;
  return true;
}

/**
 * WALs below the number from which recovery reads that go further than everything else: RocksDB writes down the last sequence with each
 * flush that leaves a WAL behind. `inUse`: WALs that recovery reads.
 */
export function checkObsoleteWals(
  obsolete: readonly { facts: WalFacts; archived: boolean }[],
  inUse: readonly WalFacts[],
  { lastSequence, cutoff }: Pick<ContinuityContext, 'lastSequence' | 'cutoff'>,
): Finding[] {
  if (lastSequence === undefined) return [];
  const held = inUse.flatMap((wal) => spanOfWal(wal) ?? []);
  const repeated = inUse.filter((wal) => (spanOfWal(wal)?.last ?? lastSequence) < lastSequence);
  return obsolete.flatMap(({ facts, archived }) => {
    const span = spanOfWal(facts);
    if (span === undefined || span.last <= lastSequence) return [];
    if (held.some(({ first, last }) => span.last >= first && span.first <= last)) return [];
    return findingAt({ file: facts.file }, 'wal/obsolete-number', {
      ...(archived && { severity: 'warning' as const }),
      offset: 0,
      length: facts.end,
      message: `its number is below ${cutoff}, from which recovery reads, and it holds sequences ${span.first} to ${span.last}: the tables go up to ${lastSequence}, and no WAL that is read has them${repeated.length === 0 ? '' : `. ${repeated.map(({ file }) => file).join(', ')}, which is read, holds nothing that is later`}`,
      evidence: {
        cutoff: String(cutoff),
        firstSequence: String(span.first),
        lastSequence: String(span.last),
        ...(repeated.length > 0 && { readInstead: repeated.map(({ file }) => file) }),
      },
    });
  });
}

/**
 * WALs that recovery reads and that begin before a table which was there when they were begun: a number is given to a table after the
 * memtables that go into it are closed, and to a WAL before its first write, so that all it holds is later than tables of lower numbers.
 * What such a WAL holds has been flushed, and is applied again. Where WALs do not follow each other, that is told.
 */
export function checkOutdatedWals(inUse: readonly WalFacts[], version: Version): Finding[] {
  if (countingOf(inUse) !== 'per-operation') return [];
  const tables = [...version.columnFamilies.values()]
    .flatMap((family) => [...family.tables.values()])
    // one of a single sequence may have been ingested
    .filter(({ smallestSequence, largestSequence }) => smallestSequence !== largestSequence)
    .sort((a, b) => (a.number < b.number ? -1 : 1));
  const found: Finding[] = [];
  let reached = -1n;
  let taken = 0;
  let furthest: LiveTable | undefined;
  for (const wal of inUse) {
    for (; taken < tables.length && tables[taken].number < wal.number; taken++)
      if (furthest === undefined || tables[taken].largestSequence > furthest.largestSequence)
        furthest = tables[taken];
    const span = spanOfWal(wal);
    if (span === undefined) continue;
    if (span.first <= reached) return [];
    reached = span.last;
    if (furthest !== undefined && furthest.largestSequence >= span.last)
      found.push(outdated(wal, span, furthest));
  }
  return found;
}

function outdated(
  { file, end }: WalFacts,
  { first, last }: { first: bigint; last: bigint },
  { number, largestSequence }: LiveTable,
): Finding {
  return findingAt({ file }, 'wal/outdated', {
    offset: 0,
    length: end,
    message: `holds sequences ${first} to ${last}, all from before the WAL of this number was begun: table ${number}, which is older than it, goes up to ${largestSequence}`,
    evidence: {
      firstSequence: String(first),
      lastSequence: String(last),
      table: String(number),
      tableLargestSequence: String(largestSequence),
    },
  });
}

/** rocksdb db/log_format.h: a predecessor record names the WAL before, its size and the header sequence of its last batch. */
function checkPredecessor(wal: WalFacts, wals: readonly WalFacts[], cutoff: bigint): Finding[] {
  const recorded = wal.predecessor;
  if (!recorded || recorded.number < cutoff) return [];
  const before = wals.find((w) => w.number === recorded.number);
  const at = { offset: recorded.offset, length: recorded.length };
  const evidence = {
    recordedNumber: String(recorded.number),
    recordedSize: String(recorded.size),
    recordedLastSequence: String(recorded.lastSequence),
  };
  if (!before) {
    const message = `was written after WAL ${recorded.number}, which recovery needs and which is not there`;
    return [findingAt({ file: wal.file }, 'wal/predecessor-mismatch', { ...at, message, evidence })];
  }
  if (BigInt(before.size) === recorded.size && (before.lastSequence ?? 0n) === recorded.lastSequence)
    return [];
  return [
    findingAt({ file: before.file }, 'wal/predecessor-mismatch', {
      message: `was ${recorded.size} bytes with its last batch at sequence ${recorded.lastSequence} when ${wal.file} was begun; now it is ${before.size} bytes and ends at ${before.lastSequence ?? 0n}`,
      evidence: { ...evidence, size: before.size, lastSequence: String(before.lastSequence ?? 0n) },
    }),
  ];
}
