/** Cuts a raft log of raft-engine to what a recovery mode keeps, or at the last consistent batch. */

import { encodeRaftLogHeader } from '../../encode/raft-log-header.js';
import type { Database } from '../../engine/database.js';
import { commandOn } from '../../engine/given-options.js';
import { counted } from '../../finding/quantity.js';
import { decodeRaftLogHeader, type Queue, RAFT_LOG_HEADER } from '../../format/raft-engine/file.js';
import type { BatchPlace, FileStop, QueueFile } from '../../format/raft-engine/place.js';
import { readHead } from '../../io/head.js';
import type { RaftRecoveryMode } from '../../recovery/mode.js';
import type { QueueFiles } from '../../recovery/raft-engine/files.js';
import { type HeldLog, heldRaftLog } from '../../recovery/raft-engine/held.js';
import { type RaftReplay, replayRaftEngine } from '../../recovery/raft-engine/open.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { Refusal } from '../refusal.js';
import { raftQueuesOf, refusalReport, simulatedRaftEngine } from '../simulate-raft-engine.js';
import { type RegionLoss, regionLosses, regionStatement } from './raft-log-loss.js';

export interface RaftRepairRequest {
  /** `point-in-time`: everything before the first damage and nothing after it, in the order in which it was appended. */
  mode: RaftRecoveryMode | 'point-in-time';
  /** Take a log that lacks what a purge had written again, or entries that it removed. */
  acceptHole?: boolean;
}

/** Bytes that are kept of files that change; `undefined`: the file goes. */
type Kept = Map<string, number | undefined>;

type Simulated = Awaited<ReturnType<typeof simulatedRaftEngine>>;

/**
 * Plans what makes raft-engine open the log in every mode. Refuses where the mode does not open it, or where there is no such point. A
 * log that needs nothing gets a plan without steps. Rejects only when the medium fails.
 */
export async function planRaftRepair(database: Database, request: RaftRepairRequest): Promise<RepairPlan> {
  const simulated = await simulatedRaftEngine(database);
  const [unread] = simulated.unchecked;
  if (unread !== undefined)
    throw new Refusal(
      'incomplete',
      `${unread.file}: ${unread.reason}: what it holds would be given up unseen`,
    );
  const plan = emptyPlan(database, request.mode);
  const { kept, after } =
    request.mode === 'point-in-time'
      ? await consistentPoint(database, simulated, plan, request)
      : await modeKeeps(database, simulated, plan, request.mode);
  if (kept.size === 0) return plan;
  const steps = await stepsFor(simulated, kept);
  const held = await heldRaftLog(simulated.queues);
  const isKept = ({ file, offset }: BatchPlace) => !kept.has(file) || offset < (kept.get(file) ?? 0);
  const losses = regionLosses(held.machine, after.machine, isKept);
  refuseHeadless(losses, request, database);
  return {
    ...plan,
    steps,
    inputs: await inputsOf(database, simulated.queues),
    loss: [...fileLosses(simulated, kept, held), ...losses.map(regionStatement)],
    remarks: remarksOf(losses, simulated.queues),
  };
}

interface Point {
  kept: Kept;
  /** What is there when the files are cut. */
  after: RaftReplay;
}

/** What an open in this mode cuts. */
async function modeKeeps(
  database: Database,
  simulated: Simulated,
  plan: RepairPlan,
  mode: RaftRecoveryMode,
): Promise<Point> {
  const { replay, ends } = simulated;
  const refused = replay.refusals[mode];
  if (refused !== undefined) {
    const { error, errorFile } = refusalReport(mode, refused);
    throw new Refusal(
      'refused',
      `${mode} does not lead to a log that opens: ${error} (${errorFile})`,
      'a cut at the last consistent batch may',
      commandOn(database, 'repair --mode point-in-time --dry-run'),
    );
  }
  const isHurt = [...ends.values()].some(({ tail }) => tail === 'damaged' || tail === 'torn');
  const kept: Kept = new Map(isHurt ? replay.stops.map(({ file, offset }) => [file.file, offset]) : []);
  return { kept, after: await replayAfter(database, simulated, plan, kept) };
}

async function replayAfter(
  database: Database,
  simulated: Simulated,
  plan: RepairPlan,
  kept: Kept,
): Promise<RaftReplay> {
  if (kept.size === 0) return simulated.replay;
  const steps = await stepsFor(simulated, kept);
  return replayRaftEngine(raftQueuesOf(await databaseAfter(database, { ...plan, steps })));
}

/** A place in the append queue: by the number of its file among those of the queue, and the offset in it. */
interface CutPlace {
  file: number;
  offset: number;
}

/** The last point before all damage from which on the append queue is left out, and with which every entry can be read. */
async function consistentPoint(
  database: Database,
  simulated: Simulated,
  plan: RepairPlan,
  request: RaftRepairRequest,
): Promise<Point> {
  const { replay, ends, queues } = simulated;
  const hurt = replay.stops.filter((stop) => ['damaged', 'torn'].includes(ends.get(stop)?.tail ?? ''));
  const rewritten = hurt.find((stop) => stop.file.queue === 'rewrite' && ends.get(stop)?.tail === 'damaged');
  if (rewritten !== undefined && !request.acceptHole) throw noPoint(rewritten.file.file, database);
  const { files } = queues.append;
  const placeOf = ({ file, offset }: { file: string; offset: number }): CutPlace => ({
    file: files.findIndex((each) => each.file === file),
    offset,
  });
  const others = replay.stops.filter(({ file }) => file.queue === 'rewrite');
  const [first] = hurt.filter(({ file }) => file.queue === 'append');
  let cut = first && placeOf({ file: first.file.file, offset: first.offset });
  let kept: Kept = new Map();
  for (;;) {
    if (cut !== undefined || hurt.length > 0) kept = keptBy(files, cut, others);
    if (cut === undefined && hurt.length > 0) addStops(kept, replay.stops);
    const after = await replayAfter(database, simulated, plan, kept);
    const problem = firstProblem(after, files);
    if (problem === undefined) return { kept, after };
    const next = problem.queue === 'append' ? placeOf(problem) : undefined;
    if (next === undefined || next.file < 0 || (cut !== undefined && !isBefore(next, cut)))
      throw noPoint(problem.file, database);
    cut = next;
  }
}

function isBefore(a: CutPlace, b: CutPlace): boolean {
  return a.file < b.file || (a.file === b.file && a.offset < b.offset);
}

function keptBy(files: readonly QueueFile[], cut: CutPlace | undefined, others: readonly FileStop[]): Kept {
  const kept: Kept = new Map();
  addStops(kept, others);
  if (cut === undefined) return kept;
  for (const [i, { file }] of files.entries()) {
    if (i > cut.file) kept.set(file, undefined);
    else if (i === cut.file) kept.set(file, cut.offset);
  }
  return kept;
}

function addStops(kept: Kept, stops: readonly FileStop[]): void {
  for (const { file, offset } of stops) kept.set(file.file, offset);
}

type Place = Pick<BatchPlace, 'file' | 'queue' | 'offset'>;

/** What the engine, or whoever asks it for an entry, would still end over: the first such place. */
function firstProblem({ machine, refusals }: RaftReplay, files: readonly QueueFile[]): Place | undefined {
  const refused = refusals['tolerate-any-corruption'];
  if (refused !== undefined && 'panic' in refused) return refused.panic.hole.place;
  const numbers = new Map(files.map(({ file }, i) => [file, i]));
  const orderOf = ({ file }: Place) => numbers.get(file) ?? -1;
  let first: Place | undefined;
  for (const { region, runs } of machine.regions.values())
    for (const { first: from, count, place } of runs) {
      const misfit = place.misfits?.some(
        (each) => each.region === region && each.index >= from && each.index < from + BigInt(count),
      );
      if (place.fault === undefined && !misfit) continue;
      const order = orderOf(place);
      const isFirst =
        first === undefined ||
        order < orderOf(first) ||
        (order === orderOf(first) && place.offset < first.offset);
      if (isFirst) first = place;
    }
  return first;
}

function noPoint(file: string, database: Database): Refusal {
  return new Refusal(
    'refused',
    `there is no consistent point: ${file} holds what a purge wrote again of older files, and no cut of newer ones gives it back`,
    'let the cluster replace this store’s peers; or take the log without what is lost: --accept-hole, and the plan names the regions',
    commandOn(database, 'repair --mode point-in-time --accept-hole --dry-run'),
  );
}

function refuseHeadless(
  losses: readonly RegionLoss[],
  { acceptHole = false }: RaftRepairRequest,
  database: Database,
): void {
  const headless = losses.filter((each) => each.headless);
  if (acceptHole || headless.length === 0) return;
  const names = headless.slice(0, NAMED).map(({ region }) => region);
  throw new Refusal(
    'refused',
    `the log of ${headless.length === 1 ? 'region' : 'regions'} ${names.join(', ')}${headless.length > NAMED ? ' and others' : ''} would begin later than it did: a purge has removed what the cut would need`,
    'let the cluster replace this store’s peers; or accept it: --accept-hole',
    commandOn(database, 'repair --mode point-in-time --accept-hole --dry-run'),
  );
}

const NAMED = 5;

async function stepsFor({ queues }: Simulated, kept: Kept): Promise<RepairStep[]> {
  const steps: RepairStep[] = [];
  for (const queue of [queues.rewrite, queues.append])
    for (const file of queue.files) if (kept.has(file.file)) steps.push(await stepFor(file, kept, queue));
  // the newest goes first: a number that is missing would have the engine pass by the files before it
  return steps.reverse();
}

async function stepFor(file: QueueFile, kept: Kept, { files }: QueueFiles): Promise<RepairStep> {
  const size = kept.get(file.file);
  const place = { path: file.file };
  if (size === undefined)
    return {
      action: 'remove',
      ...place,
      why: 'it was appended after the damage',
      changes: [{ kind: 'remove-file', offset: 0, length: file.size, detail: `${file.size} bytes` }],
    };
  const head = decodeRaftLogHeader(await readHead(file.source, RAFT_LOG_HEADER));
  const gone = file.size - size;
  if (!('fault' in head) && size >= head.length)
    return {
      action: 'write',
      ...place,
      why: 'after the last batch that is kept there is nothing that raft-engine shall read',
      changes: [
        {
          kind: 'cut',
          offset: size,
          length: gone,
          detail: `${gone} bytes from ${size} to the end are left out`,
        },
      ],
      content: [{ from: 'file', ...place, offset: 0, length: size }],
    };
  return {
    action: 'write',
    ...place,
    why: 'nothing of it can be kept: it becomes a file without batches',
    changes: [{ kind: 'rewrite', offset: 0, length: file.size, detail: 'a header, and nothing after it' }],
    content: [{ from: 'plan', bytes: encodeRaftLogHeader(await versionOf(files)) }],
  };
}

/** The version that the other files of a queue have. */
async function versionOf(files: readonly QueueFile[]): Promise<1 | 2> {
  for (const { source } of files) {
    const header = decodeRaftLogHeader(await readHead(source, RAFT_LOG_HEADER));
    if (!('fault' in header)) return header.version;
  }
  return 2;
}

/** What goes of each file. */
function fileLosses({ queues, replay }: Simulated, kept: Kept, { batches }: HeldLog): LossStatement[] {
  const losses: LossStatement[] = [];
  for (const { file, size } of [...queues.append.files, ...queues.rewrite.files]) {
    if (!kept.has(file)) continue;
    const from = kept.get(file) ?? 0;
    const gone = (batches.get(file) ?? []).filter(({ offset }) => offset >= from);
    const stopped = replay.stops.some((stop) => stop.file.file === file);
    if (gone.length === 0 && !stopped) continue;
    const first = gone[0]?.offset ?? size;
    const unread = stopped ? size - from - gone.reduce((sum, { length }) => sum + length, 0) : 0;
    const parts = [
      ...(gone.length > 0
        ? [`${counted(gone.length, 'whole batch', 'whole batches')} from ${first} on`]
        : []),
      ...(unread > 0 ? [`${counted(unread, 'byte')} that are no whole batch`] : []),
    ];
    losses.push({
      file,
      detail: parts.join(', and '),
      facts: { from, batches: gone.length, bytes: size - from },
    });
  }
  return losses;
}

async function inputsOf(
  { target }: Database,
  { append, rewrite }: Record<Queue, QueueFiles>,
): Promise<RepairPlan['inputs']> {
  const files = [...append.files, ...rewrite.files];
  return Promise.all(files.map(({ file }) => fileState(target, { path: file })));
}

function remarksOf(losses: readonly RegionLoss[], queues: Record<Queue, QueueFiles>): string[] {
  if (losses.length === 0) return [];
  const purged = queues.append.files[0]?.number !== 1n;
  const values = losses.some((each) => each.values.gone > 0);
  return [
    'what a peer has acknowledged it must not forget: where a majority of a region’s peers is whole, replace this store’s peer instead of cutting its log',
    'the kv database beside may have applied more than is left: kvdoctor scan --application of the data directory tells',
    ...(purged && values
      ? ['of key values that go an older one may have been purged with the file that held it']
      : []),
  ];
}
