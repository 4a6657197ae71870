import { type RepairOptions, repairTarget } from '../../src/repair/run.js';

/** Repairs a directory in place as somebody does who has stopped the server and says yes; `auto` where nothing else is asked for. */
export const repairInPlace = (dir: string, more: Partial<RepairOptions> = {}) =>
  repairTarget(
    dir,
    {
      way: { strategy: 'auto' },
      destination: { kind: 'in-place' },
      stopped: true,
      jobs: 1,
      tool: 'test',
      ...more,
    },
    { confirm: async () => true },
  );
