import type { Database } from '../../engine/database.js';
import type { RepairPlan } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { type HealRequest, planHeal } from './heal.js';
import { joinPlans } from './join-plans.js';

/** A plan that heals what is proven and then does something else, and the database that the second part was made for. */
interface HealedPlan {
  plan: RepairPlan;
  /** The database as healing alone would leave it: what the second part's promise is held against. */
  healed: Database;
}

/**
 * Heals first, then plans for what the healed database needs: one plan for both, so that a file is written once. `then` is
 * given the healed database, whose files are read from their parts.
 */
export async function planHealFirst(
  database: Database,
  then: (healed: Database) => Promise<RepairPlan>,
  request: HealRequest = {},
): Promise<HealedPlan> {
  const heal = await planHeal(database, request);
  if (heal.steps.length === 0) return { plan: await then(database), healed: database };
  const healed = await databaseAfter(database, heal);
  return { plan: healedThen(heal, await then(healed)), healed };
}

function healedThen(heal: RepairPlan, then: RepairPlan): RepairPlan {
  return joinPlans({ ...heal, remarks: healRemarks(heal) }, then);
}

/** What has been healed, in words. */
export function healRemarks({ steps }: RepairPlan): string[] {
  return steps.map(({ path, why }) => `healed first: ${path}, ${why}`);
}
