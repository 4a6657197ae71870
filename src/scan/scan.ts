import { availableParallelism } from 'node:os';
import { diagnoseDatabase } from '../diagnose/database.js';
import { type Database, readDatabase } from '../engine/database.js';
import { probeLock } from '../io/lock.js';
import type { TargetReport } from '../report/report.js';
import { scanBackups } from './backup.js';
import { crossCheck } from './cross.js';
import { fileReports } from './file-report.js';
import { settle } from './live.js';
import { checkMetadata, factsByFile } from './metadata.js';
import type { ScanHooks, ScanOptions } from './options.js';
import { planUnits } from './plan.js';
import { runPlan } from './run.js';
import { isFile, scanFile } from './single-file.js';
import { columnFamilyReports, emptyTarget, optionsReport, reasonNotToCheck } from './target.js';

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
  const path = target.toString();
  if (await isFile(target)) return scanFile(target, options);
  const database = await readDatabase(path, {
    ...(options.walDir !== undefined && { walDir: options.walDir }),
    ...(options.dbPaths !== undefined && { dbPaths: options.dbPaths }),
    ...(options.engineVersion !== undefined && { engineVersion: options.engineVersion }),
    ...(options.instead !== undefined && { instead: options.instead }),
  });
  if (database.detection.kind === 'backup') return scanBackups(path, options, hooks);
  const report = emptyTarget(path, database, options.kind);
  const unsupported = reasonNotToCheck(database);
  if (unsupported !== undefined) {
    report.unchecked.push({ file: '.', reason: unsupported });
    return report;
  }
  return scanDatabase(database, report, options, hooks);
}

async function scanDatabase(
  database: Database,
  report: TargetReport,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  const jobs = options.jobs ?? availableParallelism();
  const depth = options.depth ?? 'full';
  const lock = await probeLock(database.target, { quick: true });
  const units = await planUnits(database, depth, jobs);
  const outcomes = await runPlan(units, jobs, hooks);
  const atRest = report.kind !== 'database';
  const settled = await settle({ database, outcomes, depth, owned: lock.state === 'held', jobs });
  const circumstances = { atRest, owned: settled.owned };
  const metadata = await checkMetadata(settled.database, settled.outcomes, circumstances);
  const findings = [...metadata.findings, ...crossCheck(settled.database, settled.outcomes, circumstances)];
  const facts = factsByFile(settled.outcomes);
  await diagnoseDatabase(findings, { database: settled.database, facts, atRest });
  report.findings = findings;
  report.unchecked.push(...metadata.unchecked, ...settled.outcomes.flatMap((o) => o.unchecked));
  report.bytesRead = outcomes.reduce((sum, o) => sum + o.bytesRead, 0);
  report.files = fileReports(settled.database, settled.outcomes, findings);
  report.columnFamilies = columnFamilyReports(settled.database);
  report.options = optionsReport(settled.database);
  const [pid] = lock.pids;
  if (lock.state === 'held' && pid !== undefined) report.owner = { pid };
  return report;
}
