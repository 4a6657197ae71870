/** What regions lose by a cut of their raft log: all that its files hold of them, against what is left. */
import { counted } from '../../finding/quantity.js';
import type { BatchPlace } from '../../format/raft-engine/place.js';
import type { EntryRun, RegionTable } from '../../recovery/raft-engine/memtable.js';
import type { ReplayMachine } from '../../recovery/raft-engine/replay.js';
import type { LossStatement } from '../plan.js';

export interface RegionLoss {
  region: bigint;
  /** Indexes of entries that go. */
  gone: IndexRange[];
  /** Indexes of entries that an older one takes the place of. */
  older: IndexRange[];
  /** Key values that go, and those that become older ones. */
  values: { gone: number; older: number };
  /** The region was removed in what is cut, and comes back. */
  returns: boolean;
  /** Entries go that lie in what is kept, before the first that is left: no earlier moment of the log was like that. */
  headless: boolean;
}

interface IndexRange {
  from: bigint;
  to: bigint;
}

/** By region, those alone that lose something or change. `held`: what all whole batches come to; `isKept`: whether a batch stays. */
export function regionLosses(
  held: ReplayMachine,
  left: ReplayMachine,
  isKept: (place: BatchPlace) => boolean,
): RegionLoss[] {
  const ids = new Set([...held.regions.keys(), ...left.regions.keys()]);
  const losses: RegionLoss[] = [];
  for (const region of [...ids].sort((a, b) => (a < b ? -1 : 1))) {
    const loss = regionLoss(region, held.regions.get(region), left.regions.get(region));
    if (loss === undefined) continue;
    const { first } = left.regions.get(region) ?? {};
    const runs = held.regions.get(region)?.runs ?? [];
    const headless = first !== undefined && runs.some((run) => run.first < first && isKept(run.place));
    losses.push({ ...loss, headless });
  }
  return losses;
}

function regionLoss(
  region: bigint,
  held: RegionTable | undefined,
  left: RegionTable | undefined,
): Omit<RegionLoss, 'headless'> | undefined {
  const { gone, older } = entriesLost(held?.runs ?? [], left?.runs ?? []);
  const values = { gone: 0, older: 0 };
  for (const [key, { value }] of held?.values ?? []) {
    const kept = left?.values.get(key)?.value;
    if (kept === undefined) values.gone++;
    else if (Buffer.compare(kept, value) !== 0) values.older++;
  }
  const isThere = left !== undefined && (left.runs.length > 0 || left.values.size > 0);
  const returns = isThere && (held === undefined || (held.runs.length === 0 && held.values.size === 0));
  if (gone.length + older.length + values.gone + values.older === 0 && !returns) return undefined;
  return { region, gone, older, values, returns };
}

interface Span {
  first: bigint;
  end: bigint;
  /** Absent of entries that were between others, in what is damaged. */
  place?: BatchPlace;
}

/** Runs in the order of indexes, and the holes between them. */
function spansOf(runs: readonly EntryRun[]): Span[] {
  const spans: Span[] = [];
  for (const { first, count, place } of runs) {
    const end = spans.at(-1)?.end;
    if (end !== undefined && end < first) spans.push({ first: end, end: first });
    spans.push({ first, end: first + BigInt(count), place });
  }
  return spans;
}

function entriesLost(held: readonly EntryRun[], left: readonly EntryRun[]) {
  const gone: IndexRange[] = [];
  const older: IndexRange[] = [];
  let at = 0;
  for (const { first, end, place } of spansOf(held)) {
    for (let from = first; from < end; ) {
      while (at < left.length && left[at].first + BigInt(left[at].count) <= from) at++;
      const other = left[at];
      if (other === undefined || other.first >= end) {
        add(gone, from, end);
        break;
      }
      if (other.first > from) {
        add(gone, from, other.first);
        from = other.first;
      }
      const both = other.first + BigInt(other.count);
      const to = both < end ? both : end;
      const { file, offset } = other.place;
      if (place !== undefined && (file !== place.file || offset !== place.offset)) add(older, from, to);
      from = to;
    }
  }
  return { gone, older };
}

function add(ranges: IndexRange[], from: bigint, end: bigint): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.to + 1n === from) last.to = end - 1n;
  else ranges.push({ from, to: end - 1n });
}

/** A loss in the plan's words. */
export function regionStatement({ region, gone, older, values, returns }: RegionLoss): LossStatement {
  const parts = [
    ...(gone.length > 0 ? [`loses ${entriesText(gone)}`] : []),
    ...(older.length > 0 ? [`has older ones in the place of ${entriesText(older)}`] : []),
    ...(values.gone > 0 ? [`loses ${counted(values.gone, 'key value')}`] : []),
    ...(values.older > 0 ? [`has older ones in the place of ${counted(values.older, 'key value')}`] : []),
    ...(returns ? ['comes back, although it was removed later'] : []),
  ];
  return {
    file: '.',
    detail: `region ${region} ${parts.join('; ')}`,
    facts: {
      region: String(region),
      entries: countOf(gone),
      ...(gone.length > 0 && { indexes: rangesText(gone) }),
      ...(older.length > 0 && { older: rangesText(older) }),
      ...(values.gone + values.older > 0 && { values: values.gone + values.older }),
      ...(returns && { returns }),
    },
  };
}

function countOf(ranges: readonly IndexRange[]): number {
  return Number(ranges.reduce((sum, { from, to }) => sum + to - from + 1n, 0n));
}

function entriesText(ranges: readonly IndexRange[]): string {
  return `${ranges.length === 1 && ranges[0].from === ranges[0].to ? 'entry' : 'entries'} ${rangesText(ranges)}`;
}

function rangesText(ranges: readonly IndexRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ');
}
