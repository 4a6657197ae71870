import { availableParallelism } from 'node:os';
import { profiling } from '../app/application.js';
import { type Database, readDatabase } from '../engine/database.js';
import { sniffArchive } from '../io/archive-stream.js';
import { probeLock } from '../io/lock.js';
import { throughText } from '../io/odd-name.js';
import type { TargetReport } from '../report/report.js';
import { applicationReport, checkContents, nameLostKeys, sayInWords, sayRebuilding } from './application.js';
import { scanBackups } from './backup/backup.js';
import { conclude } from './conclude.js';
import { FindingStream } from './finding-stream.js';
import { settle } from './live.js';
import type { ScanHooks, ScanOptions } from './options.js';
import { planUnits } from './plan.js';
import { runnerFor } from './run-selected.js';
import { trustIn } from './select.js';
import { findingsOf, scanShard } from './shards/scan.js';
import { takesWhole } from './shards/shard.js';
import { simulateDatabase } from './simulate-database.js';
import { isFile, scanFile } from './single-file.js';
import { emptyTarget, reasonNotToCheck, withinLimits } from './target.js';

export type { ScanHooks, ScanOptions } from './options.js';

/**
 * Checks one directory, or one file of one, and returns what is wrong with it. Only reads. Rejects with a `TargetError` when
 * there is nothing at the path that can be listed; damage and unreadable files are part of the report.
 */
export async function scanTarget(
  target: string | Buffer,
  options: ScanOptions = {},
  hooks: ScanHooks = {},
): Promise<TargetReport> {
  if (await isFile(target)) {
    const path = target.toString();
    if (isElsewhere(path, options)) return nothing(path);
    const archive = await sniffArchive(target);
    if (!archive) return withoutContents(await scanFile(target, options), options);
    const { scanArchive } = await import('./archive/archive.js');
    return withoutContents(await scanArchive(path, archive.compression, options, hooks), options);
  }
  return throughText(target, (directory) => scanDirectory(directory, options, hooks));
}

async function scanDirectory(path: string, options: ScanOptions, hooks: ScanHooks): Promise<TargetReport> {
  const database = await readDatabase(path, {
    ...(options.walDir !== undefined && { walDir: options.walDir }),
    ...(options.dbPaths !== undefined && { dbPaths: options.dbPaths }),
    ...(options.engineVersion !== undefined && { engineVersion: options.engineVersion }),
    ...(options.instead !== undefined && { instead: options.instead }),
  });
  if (database.detection.kind === 'backup')
    return withoutContents(await scanBackups(path, options, hooks), options);
  const report = emptyTarget(path, database, options.kind);
  const unsupported = reasonNotToCheck(database);
  if (unsupported !== undefined) {
    report.unchecked.push({ file: '.', reason: unsupported });
    return report;
  }
  return scanDatabase(database, report, options, hooks);
}

/** How a reason begins that says why contents were not looked at. */
const CONTENTS = 'its contents:';

/** Says so where contents were to be held against the rules of an application and nothing has looked at them. */
function withoutContents(report: TargetReport, { application }: ScanOptions): TargetReport {
  const told =
    report.application?.checked || report.unchecked.some(({ reason }) => reason.startsWith(CONTENTS));
  if (application && !told)
    report.unchecked.push({ file: '.', reason: `${CONTENTS} they are checked in a database directory only` });
  return report;
}

/** A file is not cut into parts: it goes to one shard whole. */
function isElsewhere(path: string, { shard }: ScanOptions): boolean {
  return shard !== undefined && !takesWhole(shard, path);
}

/** What a shard reports of a target that another one checks. */
function nothing(path: string): TargetReport {
  return {
    path,
    kind: 'file',
    engine: { name: 'unknown' },
    options: { walRecoveryMode: 'point-in-time' },
    columnFamilies: [],
    files: [],
    findings: [],
    unchecked: [],
    bytesRead: 0,
  };
}

async function scanDatabase(
  database: Database,
  report: TargetReport,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  if (options.shard !== undefined)
    return scanShard(database, report, { ...options, shard: options.shard }, hooks);
  const jobs = options.jobs ?? availableParallelism();
  const depth = options.depth ?? 'full';
  const lock = await probeLock(database.target, { quick: true });
  const owned = lock.state === 'held';
  const atRest = report.kind !== 'database';
  const trust = trustIn(options.since, depth);
  const units = await planUnits(database, depth, jobs, (entry) => trust(entry) !== undefined);
  const recognised = await profiling(database, options.profile);
  const pass = findingsOf(database, { atRest, owned }, hooks);
  const stream = new FindingStream(pass, database, recognised.profile);
  const outcomes = await runnerFor(options)(units, jobs, { ...hooks, onUnit: stream.onUnit });
  await stream.end();
  const profile = await recognised.profile;
  const settled = await settle({ database, outcomes, depth, owned, jobs });
  if (profile !== undefined) await sayInWords(settled.outcomes, settled.database, profile);
  await conclude(report, settled.database, settled.outcomes, { atRest, owned: settled.owned });
  if (profile !== undefined) {
    report.application = applicationReport(profile);
    nameLostKeys(report, settled.database, profile);
  }
  if (options.application) await withinLimits(() => checkContents(report, settled.database, profile), report);
  if (report.findings.some(({ severity }) => severity === 'error')) await sayRebuilding(report, profile);
  report.bytesRead = outcomes.reduce((sum, o) => sum + o.bytesRead, 0);
  if (options.recovery && settled.database.version) {
    const words = { ...(profile && { profile }) };
    const modes = await withinLimits(() => simulateDatabase(settled.database, words), report);
    if (modes !== undefined) report.recovery = modes;
  }
  const [pid] = lock.pids;
  if (owned && pid !== undefined) report.owner = { pid };
  return report;
}
