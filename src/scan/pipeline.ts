import { availableParallelism } from 'node:os';
import type { TableFacts } from '../check/unit.js';
import type { DatabaseRequest } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import type { TargetReport } from '../report/report.js';
import { contentsUnchecked } from './application-report.js';
import { backupSubject } from './backup/backup.js';
import { databaseSubject } from './database.js';
import type { ScanHooks, ScanOptions } from './options.js';
import type { ScanOrigin } from './origin.js';
import { keyOf, type PlannedUnit } from './plan.js';
import { raftEngineSubject } from './raft-engine.js';
import {
  byFile,
  type FileOutcome,
  mergePieces,
  mergeUnits,
  type RunHooks,
  type RunLimits,
  type UnitRunner,
} from './run.js';
import { selectUnits, type Trusted } from './select.js';
import { scanShard } from './shards/scan.js';
import { takesWhole } from './shards/shard.js';
import type { Subject } from './subject.js';
import { blankTarget, emptyTarget, reasonNotToCheck } from './target.js';

/** Threads of a shard: it is one of several jobs, perhaps on one machine. */
const SHARD_JOBS = 2;

/** Checks the database or the backups that the files of an origin are. */
export async function scanOrigin(
  origin: ScanOrigin,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  const jobs = jobsOf(origin, options);
  const database = await origin.readDatabase(requestOf(options));
  if (database.detection.kind === 'backup')
    return scanSubject(await backupSubject(await origin.list(), options), origin, options, hooks);
  if (database.detection.kind === 'raft-engine') {
    if (options.shard !== undefined && !takesWhole(options.shard, origin.target))
      return blankTarget(origin.target, 'database');
    const { shard: _, ...whole } = options;
    return scanSubject(raftEngineSubject(origin, database, hooks), origin, whole, hooks);
  }
  const unsupported = reasonNotToCheck(database);
  if (unsupported !== undefined) {
    const report = emptyTarget(origin.target, database, options.kind);
    report.unchecked.push({ file: '.', reason: unsupported });
    return report;
  }
  return scanSubject(await databaseSubject(origin, database, options, jobs), origin, options, hooks);
}

/** Runs the units of what a target is and concludes: the same for everything that can be scanned, wherever its files are. */
export async function scanSubject(
  subject: Subject,
  origin: Pick<ScanOrigin, 'run' | 'seekable' | 'inPlace'>,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  const jobs = jobsOf(origin, options);
  const shown = origin.inPlace ? (found: Finding) => found : withoutCommand;
  const runHooks: RunHooks = { ...hooks, onUnit: telling(subject, hooks, shown) };
  const { shard } = options;
  const report =
    shard !== undefined && subject.shards !== undefined
      ? await scanShard(subject, subject.shards, shard, (units) =>
          origin.run(units, jobs, { ...runHooks, limits: limitsOf(options) }),
        )
      : await subject.conclude(await runSelected(origin.run, subject.units, jobs, options, runHooks));
  report.findings = report.findings.map(shown);
  if (options.application && !subject.checksContents)
    contentsUnchecked(report, 'they are checked in a database directory only');
  return report;
}

function jobsOf({ seekable }: Pick<ScanOrigin, 'seekable'>, { jobs, shard }: ScanOptions): number {
  if (!seekable) return 1;
  return jobs ?? (shard === undefined ? availableParallelism() : SHARD_JOBS);
}

function requestOf({ walDir, dbPaths, engineVersion, instead, store }: ScanOptions): DatabaseRequest {
  return {
    ...(walDir !== undefined && { walDir }),
    ...(dbPaths !== undefined && { dbPaths }),
    ...(engineVersion !== undefined && { engineVersion }),
    ...(instead !== undefined && { instead }),
    ...(store !== undefined && { store }),
  };
}

/** Commands to type next work on directories. */
function withoutCommand({ next: _, ...found }: Finding): Finding {
  return found;
}

/** Says findings in the application's words as soon as a unit has ended, and passes them on. */
function telling(
  subject: Subject,
  { onFinding }: ScanHooks,
  shown: (found: Finding) => Finding,
): RunHooks['onUnit'] {
  const tell: NonNullable<RunHooks['onUnit']> = async (unit, result, source) => {
    await subject.say?.(unit, result, source);
    if (onFinding !== undefined)
      for (const found of subject.judged(unit, result.findings)) onFinding(shown(found));
  };
  return (unit, result, source) => (result.findings.length === 0 ? undefined : tell(unit, result, source));
}

/** Why a file is unchecked that the time was over for. */
const OUT_OF_TIME = 'the time budget ended before it came to this file';

/** Whether options ask for less than everything, or for less speed. */
function isLimited({ since, sample, budget, maxRead }: ScanOptions): boolean {
  return [since, sample, budget, maxRead].some((option) => option !== undefined);
}

/** How fast and how long a scan may read. */
function limitsOf({ budget, maxRead }: ScanOptions, startedAt = performance.now()): RunLimits {
  return {
    ...(budget !== undefined && { until: startedAt + budget }),
    ...(maxRead !== undefined && { maxRead }),
  };
}

/**
 * Runs the part of a plan that options ask for: all of it; what has changed since an earlier report; a sample; as much as fits into
 * a time. Files that are not read for one of these reasons are outcomes that say so.
 */
async function runSelected(
  run: UnitRunner,
  units: readonly PlannedUnit[],
  jobs: number,
  options: ScanOptions,
  hooks: RunHooks,
): Promise<FileOutcome[]> {
  if (!isLimited(options)) return mergeUnits(units, await run(units, jobs, hooks));
  const limits = limitsOf(options);
  const selection = selectUnits(units, options);
  const outcomes = await run(selection.run, jobs, { ...hooks, limits });
  const unreached = options.budget === undefined ? undefined : OUT_OF_TIME;
  return byFile(units).map((pieces) => {
    const key = keyOf(pieces[0].entry);
    if (selection.skipped.has(key)) return notRead(pieces[0], 'skipped');
    const merged = mergePieces(pieces, outcomes, true, unreached);
    const before = selection.trusted.get(key);
    if (before === undefined) return merged;
    const unreadPieces = pieces.some(({ id }) => !outcomes.has(id));
    return unreadPieces && merged.findings.length === 0 ? notRead(pieces[0], before) : merged;
  });
}

/** What the MANIFEST says of a table stands for what reading it would tell the checks of other files. */
function notRead({ entry, kind, context }: PlannedUnit, why: 'skipped' | Trusted): FileOutcome {
  const outcome: FileOutcome = {
    entry,
    findings: [],
    unchecked: [],
    vanished: false,
    bytesRead: 0,
    notRead: why,
  };
  const live = kind === 'table' ? context.live : undefined;
  if (live === undefined) return outcome;
  const facts: TableFacts = {
    kind: 'table',
    file: entry.file,
    number: live.number,
    size: entry.size,
    readable: false,
    dataBlocks: 0,
    smallestSequence: live.smallestSequence,
    largestSequence: live.largestSequence,
    blobReferences: [],
  };
  return { ...outcome, facts };
}
