import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../../src/engine/database.js';
import { planAuto } from '../../../src/repair/strategies/auto.js';
import { carryOut } from '../../support/carry-out.js';
import { withDatabase } from '../../support/database.js';
import { hasSharedArchive, withSharedArchive } from '../../support/field.js';
import { shown } from '../../support/pebble.js';
import { visible } from '../../support/visible.js';

/* A whole table under another one's name is not taken for one of which the MANIFEST is wrong. */

function swap(dir: string, a: string, b: string): void {
  const [one, other] = [a, b].map((name) => path.join(dir, name));
  fs.renameSync(one, `${one}.x`);
  fs.renameSync(other, one);
  fs.renameSync(`${one}.x`, other);
}

const plan = async (dir: string) => planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });

describe('a table that lies under the name of another one', () => {
  it('is put back where two of Pebble are exchanged, one of range keys alone', async () => {
    const truth = await withDatabase('pebble-stores/rangekeys', [], visible);
    await withDatabase('pebble-stores/rangekeys', ['swap 000005.sst 000007.sst'], async (dir) => {
      const planned = await plan(dir);
      expect([planned.loss, planned.steps.map((step) => step.path)]).toEqual([
        [],
        ['000005.sst', '000007.sst'],
      ]);
      await carryOut(planned, dir);
      expect(await visible(dir)).toEqual(truth);
    });
  });

  // 000005.sst backs two virtual tables; a WAL brings 000010.sst and 000011.sst in
  const named = ['000005.sst', '000006.sst', '000007.sst'];
  const pairs = named.flatMap((a) => named.filter((b) => b !== a).map((b) => [a, b] as const));
  const withIngested = named.flatMap((a) => ['000010.sst', '000011.sst'].map((b) => [a, b] as const));
  it.each([...pairs.filter(([a, b]) => a < b), ...withIngested])(
    'is put back where %s and %s are exchanged',
    async (a, b) => {
      const truth = await withDatabase('pebble-stores/virtual', [], visible);
      await withDatabase('pebble-stores/virtual', [`swap ${a} ${b}`], async (dir) => {
        const planned = await plan(dir);
        expect([planned.loss, planned.steps.map((step) => step.path).sort()]).toEqual([[], [a, b]]);
        await carryOut(planned, dir);
        expect(await visible(dir)).toEqual(truth);
      });
    },
  );

  it('is lost with the WAL that would bring in what it stands in place of', async () => {
    await withDatabase('pebble-stores/virtual', ['move 000006.sst 000010.sst'], async (dir) => {
      const planned = await plan(dir);
      const files = planned.loss.map(({ file }) => file);
      expect(files).toEqual(expect.arrayContaining(['000010.sst', '000011.sst', '000012.log', '000013.log']));
      const [{ firstKey }] = planned.loss.find(({ file }) => file === '.')!.facts.columnFamilies as [
        { firstKey: { utf8: string } },
      ];
      // the numbers of the tables are no keys
      expect(firstKey.utf8).toMatch(/^[a-z]/);
      await carryOut(planned, dir);
      expect(fs.existsSync(path.join(dir, '000006.sst'))).toBe(true);
      expect(fs.existsSync(path.join(dir, '000010.sst'))).toBe(false);
      expect(await shown(dir)).toMatch(/^306 /);
    });
  });

  it.each(pairs)('is said to be lost where %s stands in place of %s, too', async (a, b) => {
    await withDatabase('pebble-stores/virtual', [`copy ${a} ${b}`], async (dir) => {
      const { loss } = await plan(dir);
      expect(new Set(loss.map(({ file }) => file))).toEqual(new Set([b]));
    });
  });

  const archive = 'corpus-leveldb/bases/l123-leftover.tar.gz';
  it.skipIf(!hasSharedArchive(archive)).each([
    { what: 'exchanged', damage: (dir: string) => swap(dir, '000005.ldb', '000013.ldb'), lost: false },
    {
      what: 'overwritten',
      damage: (dir: string) => fs.copyFileSync(path.join(dir, '000013.ldb'), path.join(dir, '000005.ldb')),
      lost: true,
    },
  ])('of LevelDB is put back, or announced as lost: $what', async ({ damage, lost }) => {
    await withSharedArchive(archive, async (parent) => {
      const dir = path.join(parent, 'l123-leftover');
      const truth = await visible(dir);
      damage(dir);
      const planned = await plan(dir);
      expect(planned.loss.length > 0).toBe(lost);
      await carryOut(planned, dir);
      if (!lost) expect(await visible(dir)).toEqual(truth);
    });
  });
});
