import { repairTarget } from '../../src/repair/run.js';

/** A copy of a directory beside it, repaired by `--strategy auto`, and the report of that. */
export async function repairedCopy(dir: string) {
  const output = `${dir}.out`;
  const report = await repairTarget(
    dir,
    { way: { strategy: 'auto' }, destination: { kind: 'copy', output }, tool: 'test', jobs: 1 },
    { confirm: async () => true },
  );
  return { report, output };
}
