import { combineCrc } from '../../bytes/crc32c.js';
import {
  type Comparator,
  comparatorNamed,
  compareInternalKeys,
  withoutTimestamps,
} from '../../format/sst/comparator.js';
import { internalKey, parseInternalKey } from '../../format/sst/internal-key.js';
import type { TableFacts, TableTotals } from '../unit.js';
import { withSample } from './data-rules.js';

/**
 * Puts the facts of one table's units together: sums, bounds, blob references. The units may come in any order and must
 * cover all blocks; the one that begins at block 0 brings what the table says of itself.
 */
export function mergeTableFacts(parts: readonly TableFacts[]): TableFacts {
  const sorted = [...parts].sort((a, b) => (a.blocks?.from ?? 0) - (b.blocks?.from ?? 0));
  const merged: TableFacts = { ...sorted[0], blobReferences: mergeBlobs(sorted) };
  delete merged.blocks;
  const references = mergeReferences(sorted);
  if (references.length > 0) merged.valueReferences = references;
  const titan = sorted.flatMap((part) => part.titan ?? []);
  if (titan.length > 0)
    merged.titan = {
      places: titan.flatMap(({ places }) => places),
      leftOut: titan.reduce((sum, { leftOut }) => sum + leftOut, 0),
    };
  merged.errors = sorted.reduce((sum, { errors = 0 }) => sum + errors, 0);
  merged.totals = sorted.map(({ totals }) => totals).reduce(addTotals);
  merged.crcs = mergeCrcs(sorted.flatMap(({ crcs }) => crcs ?? []));
  summarise(merged);
  return merged;
}

function addTotals(a: TableTotals | undefined, b: TableTotals | undefined): TableTotals | undefined {
  if (a === undefined || b === undefined) return undefined;
  return {
    complete: a.complete && b.complete,
    blocks: a.blocks + b.blocks,
    points: a.points + b.points,
    deletions: a.deletions + b.deletions,
    merges: a.merges + b.merges,
    keyBytes: a.keyBytes + b.keyBytes,
    valueBytes: a.valueBytes + b.valueBytes,
    minSequence: least(a.minSequence, b.minSequence),
    maxSequence: greatest(a.maxSequence, b.maxSequence),
    first: a.first ?? b.first,
    last: b.last ?? a.last,
  };
}

function mergeReferences(parts: readonly TableFacts[]): NonNullable<TableFacts['valueReferences']> {
  const merged = new Map<number, NonNullable<TableFacts['valueReferences']>[number]>();
  for (const each of parts.flatMap(({ valueReferences = [] }) => valueReferences)) {
    const sum = merged.get(each.reference);
    if (sum === undefined) merged.set(each.reference, { ...each });
    else {
      sum.count += each.count;
      sum.block = Math.max(sum.block, each.block);
    }
  }
  return [...merged.values()];
}

function mergeBlobs(parts: readonly TableFacts[]): TableFacts['blobReferences'] {
  const merged = new Map<bigint, TableFacts['blobReferences'][number]>();
  for (const reference of parts.flatMap(({ blobReferences }) => blobReferences)) {
    const sum = merged.get(reference.number);
    if (sum === undefined) {
      merged.set(reference.number, { ...reference });
      continue;
    }
    sum.count += reference.count;
    sum.bytes += reference.bytes;
    sum.samples = reference.samples.reduce(withSample, sum.samples);
    if (reference.from < sum.from) sum.from = reference.from;
    if (reference.to > sum.to) sum.to = reference.to;
  }
  return [...merged.values()];
}

/** Joins pieces that touch; a whole file comes out as one. */
function mergeCrcs(pieces: NonNullable<TableFacts['crcs']>): TableFacts['crcs'] {
  const joined: NonNullable<TableFacts['crcs']> = [];
  const sorted = pieces.filter(({ length }) => length > 0).sort((a, b) => a.offset - b.offset);
  for (const piece of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && last.offset + last.length === piece.offset) {
      last.crc = combineCrc(last.crc, piece.crc, piece.length);
      last.length += piece.length;
    } else joined.push({ ...piece });
  }
  return joined.length === 0 ? undefined : joined;
}

/** Fills in bounds, sequences and the number of entries from what all units have found. */
function summarise(facts: TableFacts): void {
  const { totals, stated } = facts;
  if (totals === undefined || stated === undefined) return;
  const { rangeTombstones: tombstones, globalSequence } = stated;
  const ingested = globalSequence !== undefined;
  const applied = (key: Uint8Array | undefined) =>
    ingested && key ? withSequence(key, globalSequence) : key;
  facts.entries = BigInt(totals.points + tombstones.count);
  const comparator = tableComparator(facts);
  facts.smallest = extreme(comparator, -1, applied(totals.first), applied(tombstones.smallest));
  facts.largest = extreme(comparator, 1, applied(totals.last), tombstones.largest);
  const { rangeKeys } = facts;
  const sequences = [
    totals.minSequence,
    totals.maxSequence,
    tombstones.minSequence,
    tombstones.maxSequence,
    rangeKeys?.minSequence,
    rangeKeys?.maxSequence,
  ]
    .filter((sequence) => sequence !== undefined)
    .map((sequence) => (ingested ? globalSequence : BigInt(sequence)));
  if (sequences.length === 0) return;
  facts.smallestSequence = bigMin(sequences);
  facts.largestSequence = bigMax(sequences);
}

/** The order of the keys as the table holds them. */
export function tableComparator(facts: TableFacts): Comparator {
  const comparator = comparatorNamed(facts.comparator);
  return facts.stated?.timestampsStripped ? withoutTimestamps(comparator) : comparator;
}

function withSequence(key: Uint8Array, sequence: bigint): Uint8Array {
  const parsed = parseInternalKey(key);
  return parsed === undefined ? key : internalKey(parsed.userKey, sequence, parsed.type);
}

/** The smaller (direction −1) or larger (1) of two keys; the first where their order is not known. */
function extreme(
  comparator: Comparator,
  direction: 1 | -1,
  a: Uint8Array | undefined,
  b: Uint8Array | undefined,
): Uint8Array | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const order = compareInternalKeys(comparator, b, a);
  return order !== undefined && order * direction > 0 ? b : a;
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function greatest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

/** Of at least one number. */
export function bigMin(numbers: readonly bigint[]): bigint {
  let least = numbers[0];
  for (const number of numbers) if (number < least) least = number;
  return least;
}

function bigMax(numbers: readonly bigint[]): bigint {
  let greatest = numbers[0];
  for (const number of numbers) if (number > greatest) greatest = number;
  return greatest;
}
