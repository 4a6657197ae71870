import { availableParallelism } from 'node:os';
import type { DatabaseRequest } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import type { TargetReport } from '../report/report.js';
import { contentsUnchecked } from './application.js';
import { backupSubject } from './backup/backup.js';
import { databaseSubject } from './database.js';
import type { ScanHooks, ScanOptions } from './options.js';
import type { ScanOrigin } from './origin.js';
import type { RunHooks } from './run.js';
import { limitsOf, runSelected } from './run-selected.js';
import { scanShard } from './shards/scan.js';
import type { Subject } from './subject.js';
import { emptyTarget, reasonNotToCheck } from './target.js';

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

function requestOf({ walDir, dbPaths, engineVersion, instead }: ScanOptions): DatabaseRequest {
  return {
    ...(walDir !== undefined && { walDir }),
    ...(dbPaths !== undefined && { dbPaths }),
    ...(engineVersion !== undefined && { engineVersion }),
    ...(instead !== undefined && { instead }),
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
