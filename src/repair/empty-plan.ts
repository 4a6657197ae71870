import type { Database } from '../engine/database.js';
import { formatVersion } from '../engine/version.js';
import type { RepairPlan } from './plan.js';

/** A plan that does nothing and loses nothing, to be filled. */
export function emptyPlan(
  { target, engineVersion }: Pick<Database, 'target' | 'engineVersion'>,
  strategy: RepairPlan['strategy'],
): RepairPlan {
  return {
    schemaVersion: 1,
    target,
    strategy,
    engineVersion: formatVersion(engineVersion),
    inputs: [],
    steps: [],
    loss: [],
    remarks: [],
  };
}
