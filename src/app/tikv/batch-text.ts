import type { BatchOp } from '../../format/batch/batch.js';
import type { BatchWords } from '../profile.js';
import { decodeTikvKey } from './keys.js';
import type { TikvLayout } from './layout.js';
import { decodeApplyState, decodeRaftState } from './states.js';

/** Changes of one region that follow one another in a batch. */
interface Run {
  /** Absent for keys of no region that this store holds, and for the store's own. */
  region?: bigint;
  own?: true;
  puts: number;
  deletions: number;
  rangeDeletions: number;
  /** Operations by column family. */
  families: Map<string, number>;
  applied?: bigint;
  state?: true;
  /** Indexes of raft log entries: the first and the last. */
  entries?: [bigint, bigint];
  lastIndex?: bigint;
}

const deletes = new Set(['delete', 'single-delete']);

/**
 * A batch as the changes of regions, in its order. Several regions in one batch are normal; TiKV writes those of a region
 * together, with how far it has applied its log, and takes a large round apart into several batches.
 */
export function tikvBatchText(ops: readonly BatchOp[], layout: TikvLayout): BatchWords | undefined {
  const runs = runsOf(ops, layout);
  if (runs.length === 0) return undefined;
  const remarks = remarksOn(runs);
  return { ...(remarks.length > 0 && { remarks }), lines: runs.map(line), data: runs.map(dataOf) };
}

/** What is to be said of the batch as a whole. */
function remarksOn(runs: readonly Run[]): string[] {
  const { changed, missing } = withoutApplyState(runs);
  const remarks = [...comeAgain(runs)].map(
    ([region, after]) =>
      `region ${region} comes again after region ${after}: in one round TiKV writes each region once (tikv/tikv#17700)`,
  );
  if (missing.length > 0) {
    const which = missing.length === 1 ? `region ${missing[0]}` : `regions ${missing.join(', ')}`;
    remarks.push(
      `no apply state of ${which} in this batch: a round that was split has it in one of the next`,
    );
  }
  if (remarks.length === 0 && changed.length > 1)
    remarks.push(`${changed.length} regions, each once and with its apply state`);
  return remarks;
}

function runsOf(ops: readonly BatchOp[], layout: TikvLayout): Run[] {
  const runs: Run[] = [];
  for (const op of ops) {
    if (!op.counted) continue;
    const decoded = decodeTikvKey(op.key);
    const own = decoded !== undefined && decoded.kind !== 'data' && !('region' in decoded);
    let region: bigint | undefined;
    if (decoded?.kind === 'data') region = layout.store.regions.at(decoded.key)?.id;
    else if (decoded !== undefined && 'region' in decoded) region = decoded.region;
    let run = runs.at(-1);
    if (run === undefined || run.region !== region || (run.own ?? false) !== own) {
      run = { puts: 0, deletions: 0, rangeDeletions: 0, families: new Map() };
      if (region !== undefined) run.region = region;
      if (own) run.own = true;
      runs.push(run);
    }
    if (op.kind === 'range-delete') run.rangeDeletions++;
    else if (deletes.has(op.kind)) run.deletions++;
    else run.puts++;
    const family = layout.families.get(op.columnFamily) ?? `column family ${op.columnFamily}`;
    run.families.set(family, (run.families.get(family) ?? 0) + 1);
    if (op.value === undefined || decoded === undefined) continue;
    if (decoded.kind === 'apply-state') run.applied = decodeApplyState(op.value)?.appliedIndex;
    else if (decoded.kind === 'raft-state') run.lastIndex = decodeRaftState(op.value)?.lastIndex;
    else if (decoded.kind === 'region-state') run.state = true;
    else if (decoded.kind === 'raft-log') run.entries = [run.entries?.[0] ?? decoded.index, decoded.index];
  }
  return runs;
}

function line(run: Run): string {
  const { region, own, puts, deletions, rangeDeletions, families, applied, state, entries, lastIndex } = run;
  const who =
    region !== undefined ? `region ${region}` : own ? 'the store itself' : 'no region of this store';
  const counts = [
    ...(puts > 0 ? [`${puts} ${puts === 1 ? 'put' : 'puts'}`] : []),
    ...(deletions > 0 ? [`${deletions} ${deletions === 1 ? 'deletion' : 'deletions'}`] : []),
    ...(rangeDeletions > 0
      ? [`${rangeDeletions} range ${rangeDeletions === 1 ? 'deletion' : 'deletions'}`]
      : []),
  ];
  const places = [...families].map(([name, count]) => `${name} ${count}`);
  const told = [
    ...(applied === undefined ? [] : [`applied up to ${applied}`]),
    ...(state ? ['its state changes'] : []),
    ...(entries === undefined
      ? []
      : [entries[0] === entries[1] ? `log entry ${entries[0]}` : `log entries ${entries[0]}–${entries[1]}`]),
    ...(lastIndex === undefined ? [] : [`last entry ${lastIndex}`]),
  ];
  return `${who}: ${counts.join(', ')} (${places.join(', ')})${told.map((each) => `, ${each}`).join('')}`;
}

function dataOf(run: Run): Record<string, unknown> {
  const { region, own, puts, deletions, rangeDeletions, families, applied, entries, lastIndex } = run;
  return {
    ...(region !== undefined && { region: String(region) }),
    ...(own && { store: true }),
    puts,
    deletions,
    rangeDeletions,
    columnFamilies: Object.fromEntries(families),
    ...(applied !== undefined && { appliedIndex: String(applied) }),
    ...(entries && { firstEntry: String(entries[0]), lastEntry: String(entries[1]) }),
    ...(lastIndex !== undefined && { lastIndex: String(lastIndex) }),
  };
}

/** Regions whose changes do not stand together, and the region that came in between. */
function comeAgain(runs: readonly Run[]): Map<bigint, bigint> {
  const found = new Map<bigint, bigint>();
  const seen = new Set<bigint>();
  for (const [i, { region }] of runs.entries()) {
    if (region === undefined) continue;
    const between = runs[i - 1]?.region;
    if (seen.has(region) && between !== undefined) found.set(region, between);
    seen.add(region);
  }
  return found;
}

/** Regions whose data changes, and those of them of which nothing is said of how far their log has been applied. */
function withoutApplyState(runs: readonly Run[]): { changed: bigint[]; missing: bigint[] } {
  const applied = new Set(runs.filter((run) => run.applied !== undefined).map(({ region }) => region));
  const hasData = ({ families }: Run) => ['default', 'lock', 'write'].some((name) => families.has(name));
  const regions = runs.filter(hasData).flatMap(({ region }) => (region === undefined ? [] : [region]));
  const changed = [...new Set(regions)];
  return { changed, missing: changed.filter((region) => !applied.has(region)) };
}
