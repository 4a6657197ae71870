import { cpSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../../src/engine/database.js';
import { planAuto } from '../../../src/repair/strategies/auto.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { carryOut } from '../../support/carry-out.js';
import { withDatabase } from '../../support/database.js';
import { askOracle, oracleMissing } from '../../support/oracle.js';
import { visible } from '../../support/visible.js';

/* An ingested table is stored with sequence 0 and has the one of the MANIFEST: what takes its place must have it, too. */

const DAMAGED = [
  { what: 'a lost data block', patches: ['zero 000010.sst 100 300'], hidden: 7 },
  { what: 'lost properties', patches: ['zero 000010.sst 0x57b 900'], hidden: 0 },
  { what: 'lost properties and footer', patches: ['zero 000010.sst 1852 585'], hidden: 0 },
];

describe('a damaged ingested table', () => {
  it.each(DAMAGED)('with $what stays newer than what it was put over', async ({ patches, hidden }) => {
    const truth = await withDatabase('ingested-7.8', [], visible);
    await withDatabase('ingested-7.8', patches, async (dir) => {
      await carryOut(await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' }), dir);
      const seen = await visible(dir);
      expect(truth.size - seen.size).toBe(hidden);
      for (const [key, value] of seen) expect(truth.get(key), key).toBe(value);
      expect((await scanTarget(dir)).findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
    });
  });

  it.skipIf(oracleMissing() !== undefined).each(DAMAGED)(
    'with $what opens and shows the same in RocksDB',
    async ({ patches }) => {
      await withDatabase('ingested-7.8', patches, async (dir) => {
        await carryOut(await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' }), dir);
        const copy = `${dir}.engine`;
        cpSync(dir, copy, { recursive: true });
        const { open, cfs } = askOracle(copy, 'pit');
        expect([open, cfs?.default.iter, cfs?.default.n]).toEqual(['OK', 'OK', (await visible(dir)).size]);
      });
    },
  );
});
