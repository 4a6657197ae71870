import { applyInPlace } from '../../src/repair/apply.js';
import { realDisk } from '../../src/repair/disk.js';
import type { RepairPlan } from '../../src/repair/plan.js';

/** Carries a plan out in place; the undo journal lies beside the directory, as `DIR.kvdoctor-undo-test`. */
export const carryOut = (plan: RepairPlan, dir: string) =>
  applyInPlace(plan, {
    disk: realDisk,
    journal: `${dir}.kvdoctor-undo-test`,
    checkOwner: async () => {},
    tool: 'test',
    now: new Date(0),
  });
