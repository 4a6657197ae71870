import type { Database } from '../../engine/database.js';
import type { RepairPlan } from '../plan.js';
import { planPebbleNames } from './pebble-names.js';

/** Plans markers, CURRENT and a MANIFEST by which Pebble finds all that is there. */
export function planPebbleMetadata(database: Database): Promise<RepairPlan> {
  return planPebbleNames(database);
}
