import { fileName } from '../format/filename.js';
import type { LiveTable, Version } from '../format/manifest/version.js';
import { internalKey, isExclusiveEnd, MAX_SEQUENCE, parseInternalKey } from '../format/sst/internal-key.js';
import { boundsOverlap } from './choice.js';
import { type Joined, max, min } from './join.js';
import type { LoggedHistory } from './logged-history.js';
import type { Contents, FoundTable } from './tables.js';
import { outside, type SequenceSpan, type WalContents } from './wals.js';

/*
 * An ingested table holds its entries with sequence 0. The one that all of them have stands in the MANIFEST (rocksdb
 * db/external_sst_file_ingestion_job.cc): 0 where nothing in the database overlapped it, otherwise the next one, which no other
 * write has. A number is given to a file before its ingestion begins, and after what any file with a lower one holds was written.
 */

/** An ingested table of which the edit is lost that told its sequence. */
export interface Unplaced {
  table: LiveTable;
  file: string;
  entries: number;
  /** Files over the same keys of which nothing tells whether they are older. */
  against: string[];
}

/**
 * Gives ingested tables that no edit names the sequence that nothing else holds, and says of which of them that proves nothing. `contents`
 * follow.
 */
export function placeIngested(
  { columnFamilies, lastSequence = 0n }: Version,
  whole: readonly FoundTable[],
  contents: ReadonlyMap<bigint, Contents>,
  wals: readonly WalContents[],
  history?: LoggedHistory,
): Unplaced[] {
  const found = [...whole, ...namedBeside(columnFamilies, whole)];
  const isOpen = ({ live, sequenceLost }: FoundTable) =>
    sequenceLost === true && columnFamilies.get(live.columnFamily)?.tables.has(live.number) !== true;
  const unsure = found.filter(isOpen);
  if (unsure.length === 0) return [];
  const spans = [...found.flatMap(spansOfTable), ...wals.flatMap(spansOfWal)];
  const reach = spans.reduce((a, { to }) => max(a, to), lastSequence);
  const free = outside(spans, { from: 1n, to: reach });
  const open = unsure.filter((table) => {
    const sequence = history?.sequenceOf(table.live.number);
    const at = free.findIndex(({ from, to }) => sequence !== undefined && from <= sequence && sequence <= to);
    if (sequence === undefined || (at < 0 && sequence > 0n && sequence <= reach)) return true;
    give(table, sequence, contents);
    take(free, at, sequence);
    return false;
  });
  const unplaced: Unplaced[] = [];
  for (const table of open) {
    const beside = found.filter((other) => other !== table && isOver(other, table));
    const older = beside.filter(({ live }) => live.number < table.live.number);
    const floor = older.reduce((a, { live }) => max(a, live.largestSequence), 0n);
    const left = outside([{ from: 0n, to: floor }], { from: 0n, to: reach }).flatMap((above) =>
      free.flatMap((gap) => common(gap, above)),
    );
    const [first] = left;
    const sequence = older.length === 0 ? undefined : (first?.from ?? reach + 1n);
    const against = beside.filter(
      (other) =>
        other.live.number > table.live.number &&
        !other.ingested &&
        !isSettled(other.live, left, older.length > 0),
    );
    const wentInto = against.find((other) => isPartOf(table, other, contents));
    if (sequence !== undefined && wentInto === undefined) {
      give(table, sequence, contents);
      take(free, first === undefined ? -1 : free.findIndex(({ to }) => to >= sequence), sequence);
    }
    // the last thing of all: nothing tells that its ingestion was finished
    const isLast = older.length > 0 && first === undefined;
    if (against.length > 0 || isLast)
      unplaced.push({
        table: table.live,
        file: table.entry.file,
        entries: table.entries,
        against: (against.length > 0 ? against : older).map(({ entry }) => entry.file),
      });
  }
  return unplaced;
}

/** A sequence is free no more, of the gap at this index. */
function take(free: SequenceSpan[], at: number, sequence: bigint): void {
  if (at >= 0) free.splice(at, 1, ...outside([{ from: sequence, to: sequence }], free[at]));
}

/** Tables that edits name and that were not found whole: damaged ones, and those that lie elsewhere. */
function namedBeside(families: Version['columnFamilies'], found: readonly FoundTable[]): FoundTable[] {
  const numbers = new Set(found.map(({ live: { number } }) => number));
  return [...families.values()].flatMap(({ tables, comparator }) =>
    [...tables.values()]
      .filter(({ number }) => !numbers.has(number))
      .map((live) => ({
        entry: { file: fileName('table', live.number) } as FoundTable['entry'],
        ...{ live, comparator, entries: 0, ingested: false, sequenceLost: false, isDense: false },
        blobFiles: new Map(),
      })),
  );
}

function isOver(a: FoundTable, b: FoundTable): boolean {
  return a.live.columnFamily === b.live.columnFamily && boundsOverlap(a, b);
}

/** What a table with a higher number holds is newer, or older, whichever of the free sequences an ingested one has. */
function isSettled(
  { smallestSequence: from, largestSequence: to }: LiveTable,
  free: readonly SequenceSpan[],
  hasOne: boolean,
): boolean {
  const isNewer = from > 0n && free.every((gap) => gap.to < from);
  const isOlder = hasOne && free.every((gap) => gap.from > to);
  return free.length > 0 || !hasOne ? isNewer || isOlder : false;
}

/** Most of a table's values are in one that came later, which a compaction may have made of it. */
function isPartOf(table: FoundTable, later: FoundTable, contents: ReadonlyMap<bigint, Contents>): boolean {
  const theirs = contents.get(later.live.number);
  let [all, same] = [0, 0];
  for (const [key, [{ type, value }]] of contents.get(table.live.number) ?? []) {
    all++;
    if (theirs?.get(key)?.some((version) => version.type === type && version.value === value)) same++;
  }
  return 2 * same > all;
}

function give({ live }: FoundTable, sequence: bigint, contents: ReadonlyMap<bigint, Contents>): void {
  live.smallestSequence = sequence;
  live.largestSequence = sequence;
  live.smallest = withSequence(live.smallest, sequence);
  live.largest = withSequence(live.largest, sequence);
  for (const versions of contents.get(live.number)?.values() ?? [])
    for (const version of versions) version.sequence = sequence;
}

function withSequence(key: Uint8Array, sequence: bigint): Uint8Array {
  const parsed = parseInternalKey(key);
  return parsed === undefined || isExclusiveEnd(key)
    ? key
    : internalKey(parsed.userKey, sequence, parsed.type);
}

/** The sequences that a table holds for certain: a flush drops what was overwritten. */
function spansOfTable({ live, isDense }: FoundTable): SequenceSpan[] {
  const { smallestSequence: from, largestSequence: to } = live;
  if (from === 0n || to >= MAX_SEQUENCE) return [];
  if (isDense || from === to) return [{ from, to }];
  return [
    { from, to: from },
    { from: to, to },
  ];
}

function spansOfWal({ first, last, holes, counting }: WalContents): SequenceSpan[] {
  if (first === undefined || last === undefined) return [];
  return counting === 'operations' ? outside(holes, { from: first, to: last }) : [{ from: first, to: first }];
}

function common(a: SequenceSpan, b: SequenceSpan): SequenceSpan[] {
  const from = max(a.from, b.from);
  const to = min(a.to, b.to);
  return from > to ? [] : [{ from, to }];
}

/**
 * Whether ingested tables took sequences that later writes leave out: their edit was written before these (rocksdb
 * db/db_impl/db_impl.cc, IngestExternalFiles holds writers up until then). Where an edit alone told the sequence, there are no more of
 * those left out than tables.
 */
export function fillGaps(ingested: readonly FoundTable[], { gaps, wals, version }: Joined): boolean {
  if (ingested.length === 0) return false;
  const held = [...version.columnFamilies.values()].flatMap(({ tables }) =>
    [...tables.values()].map(({ smallestSequence: from, largestSequence: to }) => ({ from, to })),
  );
  const holes = wals.flatMap(({ wal }) => (wal.counting === 'operations' ? wal.holes : []));
  const left = [...gaps, ...holes.flatMap((hole) => outside(held, hole))];
  const count = left.reduce((sum, { from, to }) => sum + (to - from + 1n), 0n);
  if (ingested.every(({ sequenceLost }) => sequenceLost))
    return count > 0n && count <= BigInt(ingested.length);
  return ingested.some(
    ({ live: { largestSequence: own }, sequenceLost }) =>
      !sequenceLost && left.some(({ from, to }) => from <= own && own <= to),
  );
}
