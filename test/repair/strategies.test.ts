import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { databaseView } from '../../src/recovery/database-view.js';
import { prepareOpen, simulateOpen } from '../../src/recovery/open.js';
import { realDisk } from '../../src/repair/disk.js';
import { Refusal } from '../../src/repair/refusal.js';
import { planSalvage } from '../../src/repair/strategies/salvage-wal.js';
import { planWalRepair } from '../../src/repair/strategies/wal-mode.js';
import { undo } from '../../src/repair/undo.js';
import { scanTarget } from '../../src/scan/scan.js';
import { carryOut } from '../support/carry-out.js';
import { damageCases } from '../support/case.js';
import { withDatabase } from '../support/database.js';
import { fixtureNames, readFileSet } from '../support/files.js';

const nobody = async () => {};

const planners = {
  'point-in-time': async (dir: string) => planWalRepair(await readDatabase(dir), { mode: 'point-in-time' }),
  'skip-any-corrupted': async (dir: string) =>
    planWalRepair(await readDatabase(dir), { mode: 'skip-any-corrupted' }),
  salvage: async (dir: string) => planSalvage(await readDatabase(dir)),
};

async function openIn(dir: string, mode: 'absolute-consistency' | 'point-in-time') {
  const database = await readDatabase(dir);
  const prepared = await prepareOpen(databaseView(database), database.engineVersion);
  return simulateOpen(prepared, mode, undefined, mode === 'point-in-time');
}

/** Cases about WALs and batches. */
const cases = damageCases().filter(({ name }) => /^(wal|batch)\//.test(name));

/** RocksDB databases that are whole. */
const healthy = fixtureNames().filter((name) => !/kvrocks|leveldb|pebble|backup-7/.test(name));

describe.each(Object.keys(planners) as (keyof typeof planners)[])('a repair to %s', (strategy) => {
  it.each(cases.map((c) => [c.name, c] as const))(
    'of %s can be opened, is clean, and can be taken back',
    async (_, c) => {
      await withDatabase(c.base, c.patches, async (dir) => {
        const before = readFileSet(dir);
        const promised = strategy === 'point-in-time' ? await openIn(dir, 'point-in-time') : undefined;
        const plan = await planners[strategy](dir).catch((error) => {
          if (error instanceof Refusal) return undefined;
          throw error;
        });
        if (plan === undefined) {
          expect(readFileSet(dir)).toEqual(before);
          return;
        }
        if (plan.steps.length === 0) return;
        await carryOut(plan, dir);
        const opened = await openIn(dir, 'absolute-consistency');
        expect(opened.errorText).toBeUndefined();
        if (promised) expect(opened.lastSequence).toBe(promised.lastSequence);
        const { findings } = await scanTarget(dir, { jobs: 1 });
        expect(findings.filter((f) => f.severity === 'error')).toEqual([]);
        expect((await planners[strategy](dir)).steps).toEqual([]);
        await undo(realDisk, `${dir}.kvdoctor-undo-test`, nobody);
        expect(readFileSet(dir)).toEqual(before);
      });
    },
  );

  it.each(healthy)('of the healthy %s changes nothing', async (name) => {
    await withDatabase(name, [], async (dir) => {
      expect((await planners[strategy](dir)).steps).toEqual([]);
    });
  });
});

describe('what salvage keeps and point-in-time does not', () => {
  it('is every record of a log whose number its records cannot hold', async () => {
    const moved = ['move 000027.log 4294967323.log'];
    await withDatabase('wal-recycled-11.9', moved, async (dir) => {
      expect((await openIn(dir, 'absolute-consistency')).lastSequence).toBe(1422n);
      await carryOut(await planners.salvage(dir), dir);
      expect((await openIn(dir, 'absolute-consistency')).lastSequence).toBe(1428n);
    });
  });

  it('is everything after a damaged record, and as much of a batch as decodes', async () => {
    // the second of two bad records in the race of apache/kvrocks#2766; the first is the log's first record
    await withDatabase('kvrocks-race-8', [], async (parent) => {
      const dir = `${parent}/db`;
      const cut = await planners['point-in-time'](dir);
      expect(cut.steps).toMatchObject([{ action: 'write', path: '000010.log', content: [] }]);
      await carryOut(await planners.salvage(dir), dir);
      const { wals, lastSequence } = await openIn(dir, 'absolute-consistency');
      expect(wals.map((w) => w.records)).toEqual([39]);
      expect(lastSequence).toBe(264n);
    });
  });
});
