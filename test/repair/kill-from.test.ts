import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { planFrom } from '../../src/repair/strategies/twins/plan.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { scanTarget } from '../../src/scan/scan.js';
import { type FileSet, fixture, readFileSet } from '../support/files.js';
import {
  canBeKilled,
  child,
  expectWholeOrBarred,
  forAll,
  killed,
  repairAgain,
  Trials,
} from '../support/killed-repair.js';
import { applyPatches } from '../support/patch.js';

/*
 * As kill.test.ts, for a repair from a second source that writes a table, a MANIFEST, CURRENT and a WAL: killed at every step.
 */

const root = mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-kill-from-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const trials = new Trials(root);
const clean: FileSet = fixture('basic-7.8');
let before: FileSet;
let repair: RepairPlan;
let points = 0;
const prepared = () => trials.prepared(before, repair);

describe.skipIf(!canBeKilled)('a repair from a second source, killed at every step', () => {
  const { PATH } = process.env;

  beforeAll(async () => {
    // without python3 and perl: what holds a lock is not what is tried here
    process.env.PATH = '/nonexistent';
    before = await applyPatches(fixture('basic-7.8'), [
      'zero 000018.sst 0x40 60',
      'zero 000017.log 0x60 64',
      'zero MANIFEST-000005 0x60 16',
      'write CURRENT 0 4d00',
    ]);
    const source = trials.databaseWith(clean);
    const first = trials.databaseWith(before);
    const { findings } = await scanTarget(first, { jobs: 1 });
    ({ plan: repair } = await planFrom(await readDatabase(first), { from: [source], findings }));
    const { plan, journal } = prepared();
    points = Number(await child('apply', plan, journal, -1));
  });
  afterAll(() => {
    process.env.PATH = PATH;
  });

  it('writes all four', () => {
    const names = repair.steps.map(({ path: name }) => name).sort();
    expect(names).toEqual(['000017.log', '000018.sst', 'CURRENT', 'MANIFEST-000005']);
  });

  it('leaves the old files or the clean ones, or what the next one ends', { timeout: 120_000 }, async () => {
    expect(points).toBeGreaterThan(20);
    await forAll(points, async (point) => {
      const database = prepared();
      const { dir, journal } = database;
      await killed('apply', database, repair, point);
      expectWholeOrBarred(dir, [before, clean]);
      if (point % 2 === 1 && existsSync(path.join(journal, 'journal.json'))) {
        await undoRepair(journal, { stopped: true });
        expect(readFileSet(dir)).toEqual(before);
      } else {
        await repairAgain(database, repair);
        expect(readFileSet(dir)).toEqual(clean);
      }
      rmSync(path.dirname(dir), { recursive: true });
    });
  });
});
