import { type DatabaseRequest, readDatabase } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import type { Finding } from '../finding/finding.js';
import type { TargetReport } from '../report/report.js';
import { scanTarget } from '../scan/scan.js';
import { simulateDatabase } from '../scan/simulate-database.js';
import { reasonNotToCheck } from '../scan/target.js';
import { realDisk } from './disk.js';
import { methodOptions } from './method.js';
import { planReport } from './plan-report.js';
import { databaseAfter } from './preview.js';
import { refuseArchive } from './run.js';
import { planFrom } from './strategies/twins/plan.js';

interface OfferRequest extends DatabaseRequest {
  /** Second sources: directories and archives. */
  from: readonly string[];
  /** What a scan has found. Default: one is made. */
  findings?: readonly Finding[];
}

/**
 * A report with what second sources could give back, as the plan that `repair` with the same sources would make, and what the engine would
 * find after it. Only reads. Rejects with a `Refusal` where the target or a source is none.
 */
export async function withOffer(
  report: TargetReport,
  target: string,
  { from, findings, ...request }: OfferRequest,
): Promise<TargetReport> {
  await refuseArchive(target);
  const database = await readDatabase(target, request);
  if (reasonNotToCheck(database) !== undefined) return report;
  const found = findings ?? (await scanTarget(target, request)).findings;
  const { plan } = await planFrom(database, { from, findings: found });
  const result =
    plan.steps.length === 0 ? undefined : await simulateDatabase(await databaseAfter(database, plan));
  const options = methodOptions({ strategy: 'from', from });
  const offered = { ...report, plan: { ...(await planReport(plan, realDisk, result)), options } };
  if (plan.steps.length > 0 && report.recommendation !== undefined)
    offered.recommendation = {
      command: commandOn(database, `repair ${options.join(' ')} --dry-run`),
      reason:
        'The second sources give back bytes that are proven, and nothing is lost by that: the plan below. Another repair after it takes what is left.',
    };
  return offered;
}
