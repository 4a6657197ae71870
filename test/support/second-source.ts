import path from 'node:path';
import { expect } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { applyInPlace } from '../../src/repair/apply.js';
import { realDisk } from '../../src/repair/disk.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { planFrom } from '../../src/repair/strategies/twins/plan.js';
import { undo } from '../../src/repair/undo.js';
import { scanTarget } from '../../src/scan/scan.js';
import { type FileSet, readFileSet, withTemporaryDirectory, writeFileSet } from './files.js';

export interface Repaired {
  before: FileSet;
  after: FileSet;
  plan: RepairPlan;
}

/** Repairs files from sources, in place, and undoes it. The sources must be as they were. */
export async function repaired(
  files: FileSet,
  sources: readonly (FileSet | string)[],
  more: { acceptUnproven?: boolean } = {},
): Promise<Repaired> {
  return withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(files, dir);
    const from = sources.map((source, i) => {
      if (typeof source === 'string') return source;
      writeFileSet(source, path.join(parent, `source-${i}`));
      return path.join(parent, `source-${i}`);
    });
    const { findings } = await scanTarget(dir, { jobs: 1 });
    const { plan } = await planFrom(await readDatabase(dir), { from, findings, ...more });
    const checkOwner = async () => {};
    const journal = path.join(parent, 'db.kvdoctor-undo-test');
    if (plan.steps.length > 0) {
      await applyInPlace(plan, { disk: realDisk, journal, checkOwner, tool: 'test', now: new Date(0) });
    }
    const after = readFileSet(dir);
    if (plan.steps.length > 0) {
      await undo(realDisk, journal, checkOwner);
      expect(readFileSet(dir)).toEqual(files);
    }
    for (const [i, source] of sources.entries())
      if (typeof source !== 'string') expect(readFileSet(from[i])).toEqual(source);
    return { before: files, after, plan };
  });
}
