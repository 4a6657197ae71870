import type { Database } from '../engine/database.js';
import type { RecoveryReport } from '../report/report.js';
import { type SimulateSettings, simulateDatabase } from '../scan/simulate-database.js';
import { databaseAfter } from './preview.js';
import { Refusal } from './refusal.js';
import { planSalvage } from './strategies/salvage-wal.js';

/**
 * What `repair --strategy salvage` would leave, as a fifth recovery mode; `undefined` where it would change nothing. The
 * salvaged files are put together in memory and opened as the engine would open them.
 */
export async function salvageColumn(
  database: Database,
  settings: SimulateSettings = {},
): Promise<RecoveryReport | undefined> {
  try {
    const plan = await planSalvage(database);
    if (plan.steps.length === 0) return undefined;
    const after = await simulateDatabase(await databaseAfter(database, plan), settings);
    const { own: _, sameAs: __, ...opened } = after.find(({ opens }) => opens) ?? after[0];
    return {
      ...opened,
      mode: 'salvage',
      harmless: false,
      lost: { records: plan.loss.length },
      ...(plan.remarks.length > 0 && { remarks: plan.remarks }),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { mode: 'salvage', opens: false, harmless: false, error: error.message, lost: {} };
  }
}
