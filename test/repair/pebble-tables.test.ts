import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTable } from '../../src/format/sst/table.js';
import { memorySource } from '../../src/io/source.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import type { PlanReport } from '../../src/report/repair-report.js';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';
import { repaired, shown } from '../support/pebble.js';

type Store = 'cosmos' | 'rangekeys' | 'valueblocks' | 'virtual';

const wholeOf = (store: Store) => withDatabase(`pebble-stores/${store}`, [], shown);

const madeTable = (plan: PlanReport | undefined) =>
  plan!.steps.map(({ file }) => file).find((file) => file.endsWith('.sst'))!;

/** The names of the meta blocks of a table, and how many range keys it has. */
async function partsOf(dir: string, file: string) {
  const table = await openTable(memorySource(readFileSync(path.join(dir, file))), { dialect: 'pebble' });
  return {
    format: `${table.footer?.format} ${table.footer?.formatVersion}`,
    meta: table.meta.map(({ name }) => name),
    rangeKeys: table.rangeKeys.length,
    tombstones: table.rangeTombstones.length,
  };
}

describe('damaged tables of Pebble', () => {
  it.each<[string, Store, string, string]>([
    ['index', 'cosmos', 'zero 000010.sst 32400 200', 'block-based 2'],
    ['properties', 'cosmos', 'zero 000010.sst 32700 300', 'block-based 2'],
    ['index', 'valueblocks', 'zero 000005.sst 16500 200', 'pebble 4'],
    ['properties', 'rangekeys', 'zero 000005.sst 15100 300', 'pebble 4'],
    ['filter', 'rangekeys', 'zero 000005.sst 13800 200', 'pebble 4'],
  ])('lose nothing where the %s of one of %s is damaged', async (_, store, patch, format) => {
    const whole = await wholeOf(store);
    await withDatabase(`pebble-stores/${store}`, [patch], async (dir) => {
      const before = readFileSet(dir);
      const { repair, plan, findings } = await repaired(dir);
      expect(repair?.reason).toBeUndefined();
      expect(plan?.loss).toEqual([]);
      expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      expect(await shown(dir)).toBe(whole);
      const made = madeTable(plan);
      expect(await partsOf(dir, made)).toMatchObject({ format });
      await undoRepair(repair!.journal!, { stopped: true });
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it('lose nothing where the footer is zeros before its version: no checksums are not what it had', async () => {
    const whole = await wholeOf('cosmos');
    await withDatabase('pebble-stores/cosmos', ['zero 000010.sst 33337 41'], async (dir) => {
      const { repair, plan } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(await shown(dir)).toBe(whole);
      expect(await partsOf(dir, madeTable(plan))).toMatchObject({ format: 'block-based 2' });
    });
  });

  it.each<[Store, string]>([
    ['cosmos', 'zero 000010.sst 3300 64'],
    ['valueblocks', 'zero 000005.sst 1300 64'],
    ['rangekeys', 'zero 000005.sst 3400 64'],
    ['virtual', 'zero 000005.sst 3400 64'],
  ])('of %s keep what stands beside a damaged data block', async (store, patch) => {
    const [whole] = (await wholeOf(store)).split(' ').map(Number);
    await withDatabase(`pebble-stores/${store}`, [patch], async (dir) => {
      const { repair, plan, findings } = await repaired(dir);
      expect(repair?.reason).toBeUndefined();
      expect(plan?.loss.length).toBeGreaterThan(0);
      expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      const [left] = (await shown(dir)).split(' ').map(Number);
      expect(left).toBeGreaterThan(whole / 2);
      expect(left).toBeLessThan(whole);
    });
  });

  it('take filter, range keys and range tombstones along', async () => {
    await withDatabase('pebble-stores/rangekeys', ['zero 000005.sst 3400 64'], async (dir) => {
      const before = await partsOf(dir, '000005.sst');
      const { plan } = await repaired(dir);
      const made = madeTable(plan);
      expect(await partsOf(dir, made)).toEqual(before);
    });
  });

  it('delete the keys whose values stood in a value block that is lost', async () => {
    await withDatabase('pebble-stores/valueblocks', ['zero 000005.sst 17400 64'], async (dir) => {
      const { plan, findings } = await repaired(dir);
      expect(plan?.loss[0].detail).toMatch(/^\d+ entries, whose values cannot be read$/);
      expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
      expect(await shown(dir)).toMatch(/^\d+ /);
    });
  });

  it('that are cut short keep what is left, also where no other table names the merger', async () => {
    const patches = ['truncate 000010.sst 20000', 'remove 000011.sst'];
    await withDatabase('pebble-stores/cosmos', patches, async (dir) => {
      const { repair, findings } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'repaired' });
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    });
  });

  it('that are missing leave the MANIFEST', async () => {
    await withDatabase('pebble-stores/cosmos', ['remove 000011.sst'], async (dir) => {
      const { plan, findings, repair } = await repaired(dir);
      expect(repair?.reason).toBeUndefined();
      expect(plan?.loss[0]).toMatchObject({ file: '000011.sst' });
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(await shown(dir)).toMatch(/^\d+ /);
    });
  });

  it.each([
    ['columns-v5', '000007.sst', 'pebble 4'],
    ['columns-cockroach', '000007.sst', 'pebble 4'],
    ['values', '000016.sst', 'pebble 4'],
  ])(
    'that are missing in a store of columns (%s, %s) are stood for by rows, in the order of its keys',
    async (store, file, format) => {
      await withDatabase(`pebble-stores/${store}`, [`remove ${file}`], async (dir) => {
        const { plan, findings, repair } = await repaired(dir);
        expect(repair).toMatchObject({ state: 'repaired' });
        expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
        expect(plan?.loss[1].detail).toMatch(/^\d+ keys hidden by deletions/);
        expect(await partsOf(dir, madeTable(plan))).toMatchObject({ format });
        expect(await shown(dir)).toMatch(/^\d+ /);
      });
    },
  );
});
