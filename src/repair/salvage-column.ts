import type { Database } from '../engine/database.js';
import type { LostCommandsReport, RecoveryReport } from '../report/report.js';
import { type SimulateSettings, simulateDatabase } from '../scan/simulate-database.js';
import type { RepairPlan } from './plan.js';
import { databaseAfter } from './preview.js';
import { Refusal } from './refusal.js';
import { planSalvage } from './strategies/salvage-wal.js';

/** Commands of all cut batches that are kept. */
const COMMANDS_KEPT = 20;

/**
 * What `repair --strategy salvage` would leave, as a fifth recovery mode; `undefined` where it would change nothing. The
 * salvaged files are put together in memory and opened as the engine would open them.
 */
export async function salvageColumn(
  database: Database,
  settings: SimulateSettings = {},
): Promise<RecoveryReport | undefined> {
  try {
    const plan = await planSalvage(database, settings.profile);
    if (plan.steps.length === 0) return undefined;
    const after = await simulateDatabase(await databaseAfter(database, plan), settings);
    const { own: _, sameAs: __, ...opened } = after.find(({ opens }) => opens) ?? after[0];
    return {
      ...opened,
      mode: 'salvage',
      harmless: false,
      lost: lossOf(plan),
      ...(unprovenOf(plan) > 0 && { unproven: unprovenOf(plan) }),
      ...(plan.remarks.length > 0 && { remarks: plan.remarks }),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { mode: 'salvage', opens: false, harmless: false, error: error.message, lost: {} };
  }
}

/** Operations that the plan keeps and does not prove. */
function unprovenOf({ unproven = [] }: RepairPlan): number {
  return unproven.reduce((sum, { facts }) => sum + Number(facts.kept ?? 0), 0);
}

/** Records of which nothing is kept, and what is not kept of others where an application has words for it. */
function lossOf({ loss }: RepairPlan): RecoveryReport['lost'] {
  const parts = loss.flatMap(({ facts }) =>
    facts.commands === undefined ? [] : [facts.commands as unknown as LostCommandsReport],
  );
  const kinds = new Map<string, number>();
  for (const { kind, count } of parts.flatMap((part) => part.kinds ?? []))
    kinds.set(kind, (kinds.get(kind) ?? 0) + count);
  const commands: LostCommandsReport = {
    count: parts.reduce((sum, part) => sum + part.count, 0),
    ...(kinds.size > 0 && { kinds: [...kinds].map(([kind, count]) => ({ kind, count })) }),
    first: parts.flatMap(({ first }) => first).slice(0, COMMANDS_KEPT),
  };
  const whole = loss.filter(({ facts }) => facts.kept === 0);
  const operations = loss.reduce((sum, { facts }) => sum + Number(facts.operations ?? 0), 0);
  return { records: whole.length, operations, ...(parts.length > 0 && { commands }) };
}
