import path from 'node:path';
import type { ProfileChoice } from '../app/profile-choice.js';
import { profileOf } from '../app/profile-of.js';
import { goneWals } from '../check/directory/tracked-wals.js';
import type { Depth } from '../check/unit.js';
import { type DatabaseRequest, readDatabase } from '../engine/database.js';
import { sniffArchive } from '../io/archive-stream.js';
import { KeptOpen } from '../io/kept-open.js';
import { isObjectAddress } from '../io/objects/address.js';
import { hasText, throughText } from '../io/odd-name.js';
import { pathKind } from '../io/path-kind.js';
import { isWithin } from '../io/real-place.js';
import type { RecoveryReport, RepairReport, TargetReport } from '../report/report.js';
import { type ScanHooks, scanTarget } from '../scan/scan.js';
import { uncheckedIngests } from '../states/unnamed-ingests.js';
import {
  carryOut,
  type Destination,
  type Done,
  destinationOptions,
  type RepairRun,
  settleLeftovers,
} from './carry-out.js';
import { type Disk, realDisk } from './disk.js';
import { listingOf, refuseChanged, seenFiles } from './inputs.js';
import type { Leftover } from './leftovers.js';
import { methodOptions, type RepairMethod } from './method.js';
import { advised, compared } from './other-ways.js';
import { notCopied } from './output.js';
import { outsideOf, refuseAbsent, refuseUnasked } from './outside.js';
import { refuseOwned } from './owner.js';
import { Pace } from './pace.js';
import type { RepairPlan } from './plan.js';
import { lossInWords, planReport } from './plan-report.js';
import { Refusal, stopIfAborted } from './refusal.js';
import { opensAsItIs, recoveryOf, repairedEngine } from './repaired-engine.js';
import { restoreWals } from './simulate-target.js';

export interface RepairOptions extends DatabaseRequest {
  way: RepairMethod;
  destination: Destination;
  /** A person says that the server is stopped and stays so, where nothing at hand can keep it out. */
  stopped?: boolean;
  /** Of the scans before and after. Default `full`. */
  depth?: Depth;
  jobs?: number;
  /** The application whose bytes these are, or that none is to be looked for. Default: it is recognised. */
  profile?: ProfileChoice;
  /** Name and version for the journal. */
  tool: string;
  /** Default: the file system and the clock. */
  disk?: Disk;
  now?: Date;
}

export interface RepairHooks extends ScanHooks {
  /** What is done now, for a person who waits. */
  onStage?(stage: string): void;
  /**
   * Shows repairs of this directory that were begun and killed, and asks whether to end them first. Absent: they are not ended,
   * and a new repair in place is refused.
   */
  settle?(leftovers: readonly Leftover[]): Promise<boolean>;
  /** Called when files in place begin to change, with the command that takes it back: from then on the repair goes to its end. */
  onCommit?(undo: string): void;
  /** Shows the plan and asks whether to carry it out. */
  confirm(planned: TargetReport): Promise<boolean>;
}

/**
 * Repairs a directory: scan, plan, proof that the plan's result is what it promises, consent, the work itself, scan again.
 * Returns the directory's state at the end with `plan` and `repair` filled in. A refusal that has to do with the data is part
 * of the report; rejects with a `Refusal` when the directory is in use or the request cannot be carried out.
 */
export async function repairTarget(
  target: string | Buffer,
  options: RepairOptions,
  hooks: RepairHooks,
): Promise<TargetReport> {
  const { destination } = options;
  if (hasText(target) || destination.kind === 'dry-run')
    return throughText(target, (directory) => repairDirectory(directory, options, hooks));
  if (destination.kind === 'in-place') {
    throw new Refusal(
      'usage',
      'the name of the directory is not UTF-8, and an undo journal could not say whose it is',
      'rename the directory first, or repair a copy: --output DIR',
    );
  }
  const copy = { output: `${target.toString()}.repaired`, ...destination };
  return throughText(target, (directory) =>
    repairDirectory(directory, { ...options, destination: copy }, hooks),
  );
}

/** A repair works on a directory. */
export async function refuseArchive(target: string): Promise<void> {
  if (isObjectAddress(target))
    throw new Refusal(
      'usage',
      `${target} lies in a bucket, where nothing is written, and a repair works on a directory`,
      'copy it to a directory first',
    );
  const kind = await pathKind(target).catch(() => undefined);
  if (kind !== 'file' || (await sniffArchive(target)) === undefined) return;
  throw new Refusal('usage', `${target} is an archive, and a repair works on a directory`, 'unpack it first');
}

async function repairDirectory(
  target: string,
  options: RepairOptions,
  hooks: RepairHooks,
): Promise<TargetReport> {
  const { disk = realDisk, destination } = options;
  const directory = path.resolve(target);
  await refuseArchive(target);
  const run = {
    directory,
    disk,
    now: options.now ?? new Date(),
    tool: options.tool,
    stopped: options.stopped ?? false,
    ...(hooks.signal && { signal: hooks.signal }),
    ...(hooks.onCommit && { onCommit: hooks.onCommit }),
    given: [...(options.walDir === undefined ? [] : [options.walDir]), ...(options.dbPaths ?? [])],
  };
  if (destination.kind !== 'dry-run') await refuseOwned(directory);
  const resumed = await settleLeftovers(destination, run, hooks.settle ?? (async () => false));
  // all that is planned is planned from the same files; before they are changed they are looked at again under their names
  const files = new KeptOpen();
  try {
    return await planAndRepair(target, options, hooks, { run, files, resumed });
  } finally {
    await files.close();
  }
}

/** A run, the files that its plan is made from, and what it ended of earlier runs. */
interface Begun {
  run: RepairRun;
  files: KeptOpen;
  resumed: RepairReport['resumed'];
}

async function planAndRepair(
  target: string,
  options: RepairOptions,
  hooks: RepairHooks,
  { run, files, resumed }: Begun,
): Promise<TargetReport> {
  const { disk = realDisk, destination, way } = options;
  const { directory } = run;
  const request = { ...requestOf(options), files };
  const first = await readDatabase(directory, request);
  refuseAbsent(first);
  const seen = await seenFiles(directory, first);
  hooks.onStage?.('scanning');
  const before = await scan(target, options, hooks);
  const database = await readDatabase(directory, request);
  // goleveldb and raft-engine take another kind of lock than LevelDB, and neither keeps the other out
  const flocks = database.dialect === 'leveldb' || database.detection.kind === 'raft-engine';
  if (flocks && options.destination.kind !== 'dry-run') await refuseOwned(directory, { flock: true });
  const profile = await profileOf(database, options.profile);
  if (database.beyond !== undefined) throw database.beyond;
  const engine = await repairedEngine(database, isReadable(before), profile);
  before.recovery = engine.recovery;
  const state = (repair: RepairReport): TargetReport => ({
    ...before,
    repair: { ...repair, ...(resumed && { resumed }) },
  });
  try {
    if (engine.unsupported !== undefined) throw new Refusal('refused', engine.unsupported);
    hooks.onStage?.('planning');
    const pace = new Pace(hooks);
    const made = await engine.plan(way, { findings: before.findings, pace, ...(profile && { profile }) });
    // a plan that is only shown may be of a directory that somebody writes to
    if (destination.kind !== 'dry-run') refuseChanged(seen, await seenFiles(directory, database));
    const left = destination.kind === 'copy' ? await notCopied(directory) : [];
    const plan: RepairPlan = {
      ...made.plan,
      listing: listingOf(database),
      remarks: [...made.plan.remarks, ...left],
    };
    if (plan.steps.length === 0) {
      const gone = goneWals(database).map(({ file }) => file);
      const onward = gone.length === 0 ? {} : restoreWals(database, gone);
      return {
        ...(await advised(state({ state: 'nothing-to-do', ...onward }), database, way, profile)),
        plan: await planReport(plan, disk),
      };
    }
    const result = await engine.result({ plan, base: made.base }, way);
    // healing promises its bytes and no more: what else keeps the engine out stays as it is
    const heals = 'strategy' in way && (way.strategy === 'heal' || way.strategy === 'from');
    const promisesToOpen = !heals || opensAsItIs(before.recovery);
    if (promisesToOpen) refuseClosed(result);
    const report = await planReport(plan, disk, result);
    const loss = lossInWords(report.loss, database, profile);
    const outside = await outsideOf(plan, database);
    const asked = methodOptions(way);
    const planned = {
      ...state({ state: 'planned' }),
      plan: {
        ...report,
        ...(asked.length > 0 && { options: asked }),
        loss,
        ...(outside.length > 0 && { outside }),
      },
    };
    stopIfAborted(hooks.signal);
    if (destination.kind === 'dry-run') return await compared(planned, database, way, profile);
    await files.close();
    refuseUnasked(outside, database);
    const agreed = await hooks.confirm(planned);
    stopIfAborted(hooks.signal);
    if (!agreed) {
      const again = [...asked, ...destinationOptions(destination)];
      return {
        ...planned,
        plan: { ...planned.plan, ...(again.length > 0 && { options: again }) },
        repair: { ...planned.repair, state: 'declined', asked: true },
      };
    }
    hooks.onStage?.('writing');
    const done = await carryOut(plan, database, destination, run);
    hooks.onStage?.('scanning the result');
    return await concluded(planned, done, options, hooks);
  } catch (error) {
    if (!(error instanceof Refusal) || error.kind !== 'refused') throw error;
    const { message: reason, next, command } = error;
    const refused = state({
      state: 'refused',
      reason,
      ...(next !== undefined && { next }),
      ...(command !== undefined && { command }),
    });
    return await advised(refused, database, way, profile);
  }
}

function requestOf({ walDir, dbPaths, engineVersion, store }: RepairOptions): DatabaseRequest {
  return {
    // a journal names places absolutely: an undo may be started from anywhere
    ...(walDir !== undefined && { walDir: path.resolve(walDir) }),
    ...(dbPaths !== undefined && { dbPaths: dbPaths.map((each) => path.resolve(each)) }),
    ...(engineVersion !== undefined && { engineVersion }),
    ...(store !== undefined && { store }),
  };
}

async function scan(directory: string, options: RepairOptions, hooks: RepairHooks): Promise<TargetReport> {
  const { depth, jobs, profile, way } = options;
  const report = await scanTarget(
    directory,
    {
      ...requestOf(options),
      ...(depth && { depth }),
      ...(jobs && { jobs }),
      ...(profile && { profile }),
      // what is rebuilt is what the application's own rules say is wrong
      ...('strategy' in way && way.strategy === 'application' && { application: true }),
    },
    hooks,
  );
  stopIfAborted(hooks.signal);
  return report;
}

/** The medium gave back all that was asked of it. */
function isReadable({ findings, unchecked }: TargetReport): boolean {
  return unchecked.length === 0 && !findings.some(({ rule }) => rule === 'io/unreadable-range');
}

/** A plan whose result the engine would not open is not carried out. */
function refuseClosed(result: readonly RecoveryReport[]): void {
  const own = result.find((mode) => mode.own) ?? result[0];
  if (own.opens) return;
  throw new Refusal(
    'refused',
    `the repaired files would not open either: ${own.error}${own.errorFile === undefined ? '' : ` (${own.errorFile})`}`,
    'nothing was changed; a scan tells what else is damaged',
  );
}

/** What was asked of a directory, asked of its copy: a place in it is in the copy, too. */
function ofCopy(options: RepairOptions, target: string, copy: string): RepairOptions {
  const walDir = options.walDir && path.resolve(options.walDir);
  if (walDir === undefined || !isWithin(target, walDir)) return options;
  return { ...options, walDir: path.join(copy, path.relative(target, walDir)) };
}

/** Looks at what the repair left, and says whether it is whole. */
async function concluded(
  planned: TargetReport,
  { unread, ...done }: Done,
  options: RepairOptions,
  hooks: RepairHooks,
): Promise<TargetReport> {
  const directory = done.output ?? path.resolve(planned.path);
  // from here on everything is written: a Ctrl-C ends the look at it, not the report of it
  const { signal: _, ...untiring } = hooks;
  const there = done.output === undefined ? options : ofCopy(options, path.resolve(planned.path), directory);
  const after = await scan(directory, there, untiring);
  const left = await readDatabase(directory, requestOf(there));
  const recovery = await recoveryOf(left);
  const count = (report: TargetReport, severity: string) =>
    report.findings.filter((finding) => finding.severity === severity).length;
  // of a table that the plan has announced as lost it is no doubt any more whether it was ingested
  const announced = new Set(planned.plan!.loss.map(({ file }) => file));
  const settled = (await uncheckedIngests(left)).filter(({ file }) => announced.has(file));
  return {
    ...after,
    path: done.output ?? planned.path,
    unchecked: after.unchecked.filter(
      ({ file, reason }) => !settled.some((each) => each.file === file && each.reason === reason),
    ),
    recovery,
    plan: { ...planned.plan!, remarks: [...planned.plan!.remarks, ...(unread ?? [])] },
    repair: {
      ...planned.repair,
      ...done,
      state: count(after, 'error') > 0 ? 'not-clean' : 'repaired',
      before: {
        errors: count(planned, 'error'),
        warnings: count(planned, 'warning'),
        recovery: planned.recovery ?? [],
      },
    },
  };
}
