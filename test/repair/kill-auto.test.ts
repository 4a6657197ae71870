import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { type FileSet, fixture, readFileSet } from '../support/files.js';
import {
  canBeKilled,
  child,
  expectWholeOrBarred,
  forAll,
  type Prepared,
  repairAgain,
  Trials,
} from '../support/killed-repair.js';
import { applyPatches } from '../support/patch.js';

/*
 * As kill.test.ts, for a repair that writes tables, a MANIFEST, CURRENT and a WAL: killed at some twenty of its steps, the first
 * and the last among them.
 */

const root = mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-kill-auto-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const trials = new Trials(root);
const KILLS = 10;
let before: FileSet;
let after: FileSet;
let repair: RepairPlan;
let repairPoints = 0;
let undoPoints = 0;
const prepared = () => trials.prepared(before, repair);
/** The n-th of `KILLS` points: four at the end, where CURRENT gets its place and the journal its end, the others spread over all. */
const pointOf = (n: number, points: number) =>
  n < 4 ? points - 1 - 3 * n : Math.round(((n - 4) * (points - 11)) / (KILLS - 5));

describe.skipIf(!canBeKilled)('a repair of everything, killed', () => {
  const { PATH } = process.env;

  beforeAll(async () => {
    // without python3 and perl: what holds a lock is not what is tried here
    process.env.PATH = '/nonexistent';
    const files = await applyPatches(fixture('basic-7.8'), [
      'flip 000015.sst 0x20.1',
      'flip 000015.sst 0x30.2',
      'flip 000019.log 0x90.5',
      'flip 000019.log 0xa0.4',
      'create CURRENT "MANIFEST-"',
    ]);
    const first = trials.databaseWith(files);
    before = readFileSet(first);
    repair = await planAuto(await readDatabase(first), { onLostTombstones: 'keep-hidden' });
    const { dir, plan, journal } = prepared();
    repairPoints = Number(await child('apply', plan, journal, -1));
    after = readFileSet(dir);
    undoPoints = Number(await child('undo', journal, -1));
    expect(readFileSet(dir)).toEqual(before);
  });
  afterAll(() => {
    process.env.PATH = PATH;
  });

  it('writes a table, a MANIFEST and CURRENT, and cuts a WAL', () => {
    const kinds = repair.steps.map(({ path: name }) => name.replace(/\d+/, 'N')).sort();
    expect([...new Set(kinds)]).toEqual(['CURRENT', 'MANIFEST-N', 'N.log', 'N.sst']);
  });

  it('leaves what the next one, or an undo, ends', { timeout: 60_000 }, async () => {
    await forAll(KILLS, async (n) => {
      const database: Prepared = prepared();
      const { dir, plan, journal } = database;
      expect(await child('apply', plan, journal, pointOf(n, repairPoints))).toBe('killed');
      expectWholeOrBarred(dir, [before, after]);
      if (n % 2 === 1 && existsSync(path.join(journal, 'journal.json'))) {
        await undoRepair(journal, { stopped: true });
        expect(readFileSet(dir)).toEqual(before);
      } else {
        await repairAgain(database, repair);
        expect(readFileSet(dir)).toEqual(after);
      }
    });
  });

  it('and so does an undo', { timeout: 60_000 }, async () => {
    await forAll(KILLS, async (n) => {
      const database = prepared();
      await repairAgain(database, repair);
      expect(await child('undo', database.journal, pointOf(n, undoPoints))).toBe('killed');
      expectWholeOrBarred(database.dir, [before, after]);
      await undoRepair(database.journal, { stopped: true });
      expect(readFileSet(database.dir)).toEqual(before);
    });
  });
});
