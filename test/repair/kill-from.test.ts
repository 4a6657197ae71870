import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { planFrom } from '../../src/repair/strategies/twins/plan.js';
import { scanTarget } from '../../src/scan/scan.js';
import { fixture } from '../support/files.js';
import { canBeKilled, killAndEnd, killable } from '../support/killed-repair.js';
import { applyPatches } from '../support/patch.js';

/*
 * As kill.test.ts, for a repair from a second source that writes a table, a MANIFEST, CURRENT and a WAL: it and its undo, killed at every step.
 */

describe.skipIf(!canBeKilled)('a repair from a second source, killed at every step', () => {
  const made = killable(async (trials) => {
    const before = await applyPatches(fixture('basic-7.8'), [
      'zero 000018.sst 0x40 60',
      'zero 000017.log 0x60 64',
      'zero MANIFEST-000005 0x60 16',
      'write CURRENT 0 4d00',
    ]);
    const source = trials.databaseWith(fixture('basic-7.8'));
    const first = trials.databaseWith(before);
    const { findings } = await scanTarget(first, { jobs: 1 });
    const { plan } = await planFrom(await readDatabase(first), { from: [source], findings });
    return { before, repair: plan };
  });

  it('writes all four, and gives back the clean ones', () => {
    const names = made.repair.steps.map(({ path: name }) => name).sort();
    expect(names).toEqual(['000017.log', '000018.sst', 'CURRENT', 'MANIFEST-000005']);
    expect(made.after).toEqual(fixture('basic-7.8'));
  });

  it('leaves the old files or the clean ones, or what the next one ends', { timeout: 120_000 }, async () => {
    expect(made.repairPoints).toBeGreaterThan(20);
    expect(await killAndEnd(made, { what: 'apply' })).toBeGreaterThan(0);
  });

  it('and so does its undo', { timeout: 120_000 }, async () => {
    expect(made.undoPoints).toBeGreaterThan(10);
    await killAndEnd(made, { what: 'undo' });
  });
});
