import { profileOf } from '../app/application.js';
import type { ProfileChoice } from '../app/profile-choice.js';
import { type DatabaseRequest, readDatabase } from '../engine/database.js';
import type { TargetReport } from '../report/report.js';
import { applicationReport } from '../scan/application.js';
import { type SimulateHooks, simulateDatabase } from '../scan/simulate-database.js';
import { columnFamilyReports, emptyTarget, reasonNotToCheck } from '../scan/target.js';
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
  const unsupported = reasonNotToCheck(database);
  if (unsupported !== undefined) {
    report.unchecked.push({ file: '.', reason: unsupported });
    return report;
  }
  report.columnFamilies = columnFamilyReports(database);
  const profile = await profileOf(database, choice);
  if (profile !== undefined) report.application = applicationReport(profile);
  else if (application)
    report.unchecked.push({ file: '.', reason: 'its contents: no application is recognised' });
  const settings = { ...hooks, digest, application, ...(profile && { profile }) };
  const modes = await simulateDatabase(database, settings);
  const whole = modes.every(({ harmless, lost }) => harmless && !lost.tornBytes);
  const salvage = whole ? undefined : await salvageColumn(database, settings);
  report.recovery = salvage === undefined ? modes : [...modes, salvage];
  report.recommendation = await recommendation(database, modes, salvage, profile);
  return report;
}
