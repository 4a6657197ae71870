import type { RepairMethod } from '../../src/repair/method.js';
import { repairTarget } from '../../src/repair/run.js';
import { simulateTarget } from '../../src/repair/simulate-target.js';

/** Repairs a Pebble directory in place. */
export const repaired = (dir: string, way: RepairMethod = { strategy: 'auto' }) =>
  repairTarget(
    dir,
    { way, destination: { kind: 'in-place' }, stopped: true, jobs: 1, tool: 'test' },
    { confirm: async () => true },
  );

/** Keys that Pebble would show, and a hash of them. */
export async function shown(dir: string): Promise<string> {
  const { recovery = [] } = await simulateTarget(dir, { digest: true });
  const family = recovery[0].columnFamilies?.[0];
  return recovery[0].opens ? `${family?.entries} ${family?.fnv1a64}` : `refused: ${recovery[0].error}`;
}
