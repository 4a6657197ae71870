import { type Database, liveWals } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { planUnits } from './plan.js';
import { runPlan } from './run.js';

/** What is wrong with the WALs that recovery reads, with causes where the bytes tell. Nothing but those WALs is read. */
export async function logFindings(database: Database): Promise<Finding[]> {
  const live = new Set(liveWals(database));
  const units = (await planUnits(database, 'full', 1)).filter(({ entry }) => live.has(entry));
  const outcomes = await runPlan(units, 1, {});
  return outcomes.flatMap(({ findings, entry: { root } }) =>
    findings.map((found) => (root === undefined ? found : { ...found, root })),
  );
}
