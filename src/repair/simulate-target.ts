import { availableParallelism } from 'node:os';
import { profileOf } from '../app/application.js';
import type { ProfileChoice } from '../app/profile-choice.js';
import { append } from '../bytes/append.js';
import { type Database, type DatabaseRequest, readDatabase } from '../engine/database.js';
import { unseenParts } from '../engine/unseen.js';
import { reasonWalsAlone } from '../engine/wals-alone.js';
import type { TargetReport } from '../report/report.js';
import { applicationReport, sayRebuilding } from '../scan/application.js';
import { type SimulateHooks, simulateDatabase } from '../scan/simulate-database.js';
import {
  columnFamilyReports,
  emptyTarget,
  reasonNotToCheck,
  uncheckedOrders,
  withinLimits,
} from '../scan/target.js';
import { readability } from '../scan/unreadable.js';
import { recommendation } from './recommend.js';
import { salvageColumn } from './salvage-column.js';

export interface SimulateOptions extends DatabaseRequest {
  /** Count and hash what every mode would show. */
  digest?: boolean;
  /** The application whose bytes these are, or that none is to be looked for. Default: it is recognised. */
  profile?: ProfileChoice;
  /** Hold what every mode would show against the application's own rules. */
  application?: boolean;
}

/**
 * What RocksDB would do with a database in each of its recovery modes, what `--strategy salvage` would keep, and which way
 * out is the best one. Only reads. Rejects with a `TargetError` when the directory cannot be listed.
 */
export async function simulateTarget(
  target: string,
  { digest = false, profile: choice, application = false, ...request }: SimulateOptions = {},
  hooks: SimulateHooks = {},
): Promise<TargetReport> {
  const database = await readDatabase(target, request);
  const report = emptyTarget(target, database);
  const unsupported = reasonNotToCheck(database) ?? reasonWalsAlone(database);
  if (unsupported !== undefined) {
    report.unchecked.push({ file: '.', reason: unsupported });
    return report;
  }
  report.columnFamilies = columnFamilyReports(database);
  append(report.unchecked, uncheckedOrders(database));
  append(report.unchecked, unseenParts(database));
  // the engine opens every table: what it would say of those that are not here says nothing of the database
  if (database.absent.some(({ tables }) => tables.length > 0)) return report;
  const profile = await profileOf(database, choice);
  if (profile !== undefined) report.application = applicationReport(profile);
  else if (application)
    report.unchecked.push({ file: '.', reason: 'its contents: no application is recognised' });
  const settings = { ...hooks, digest, application, ...(profile && { profile }) };
  const modes = await withinLimits(() => simulateDatabase(database, settings), report);
  if (modes === undefined) return report;
  const whole = modes.every(({ harmless, lost }) => harmless && !lost.tornBytes);
  const salvage = whole ? undefined : await salvageColumn(database, settings);
  report.recovery = salvage === undefined ? modes : [...modes, salvage];
  if (report.recovery.some(({ opens }) => opens)) await readTables(database, report, hooks);
  const own = modes.find((mode) => mode.own) ?? modes[0];
  if (!own.harmless || own.contents?.coherent === false) await sayRebuilding(report, profile);
  report.recommendation = await recommendation(database, modes, salvage, {
    ...(profile && { profile }),
    ...(report.application?.rebuild && { rebuild: report.application.rebuild }),
  });
  return report;
}

/** Reads what an open leaves to readers, and says of every mode that opens what these do not get. */
async function readTables(database: Database, report: TargetReport, hooks: SimulateHooks): Promise<void> {
  const { unreadable, unchecked, bytesRead } = await readability(database, availableParallelism(), {
    ...(hooks.signal && { signal: hooks.signal }),
    onProgress: ({ done, total }) => hooks.onProgress?.(total > 0 ? done / total : 0),
  });
  append(report.unchecked, unchecked);
  report.bytesRead += bytesRead;
  if (unreadable === undefined) return;
  for (const mode of report.recovery ?? []) {
    if (!mode.opens) continue;
    mode.unreadable = unreadable;
    mode.harmless = false;
    if (mode.contents !== undefined) mode.contents = { ...mode.contents, coherent: false, incomplete: true };
  }
}
