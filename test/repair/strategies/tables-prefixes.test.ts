import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { emptyEdit } from '../../../src/format/manifest/edit.js';
import { tags } from '../../../src/format/manifest/tags.js';
import { internalKey, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { withDatabase } from '../../support/database.js';
import { repaired, rewriteManifest, shown } from '../../support/pebble.js';
import { writeTable } from '../../support/pebble-table.js';
import { visible } from '../../support/visible.js';

/** Three blocks and more. */
const puts = Object.fromEntries(
  Array.from({ length: 150 }, (_, i) => [`zz${String(i).padStart(4, '0')}`, `${i}:${'abcd'.repeat(20)}`]),
);

describe('a table of Pebble without prefix bytes among those that have them', () => {
  it.each([
    ['its footer', 60, 0],
    ['its end', 3000, 60],
  ])('keeps its values where %s is lost', async (_, cut, least) => {
    await withDatabase('pebble-stores/valueblocks', [], async (dir) => {
      const size = writeTable(dir, 90, puts, { own: true, order: 'pebble.internal.testkeys' });
      const bound = (key: string) => internalKey(Buffer.from(key), 0n, VALUE_TYPE.put);
      await rewriteManifest(dir, (edits) => {
        const table = {
          tag: tags.newFile2,
          level: 6,
          number: 90n,
          pathId: 0,
          size: BigInt(size),
          unknown: [],
        };
        const bounds = { smallest: bound('zz0000'), largest: bound('zz0149') };
        const sequences = { smallestSequence: 0n, largestSequence: 0n, offset: 0, length: 0 };
        edits.push({
          ...emptyEdit(),
          newFiles: [{ ...table, ...bounds, ...sequences }],
          nextFileNumber: 91n,
        });
      });
      const [entries, digest] = (await shown(dir)).split(' ');
      fs.truncateSync(`${dir}/000090.sst`, size - cut);
      const { repair, findings } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      const [left, after] = (await shown(dir)).split(' ');
      if (least === 0) expect([left, after]).toEqual([entries, digest]);
      else expect(Number(left)).toBeGreaterThan(Number(entries) - 150 + least);
    });
  });
});

describe('a table of Pebble with prefix bytes', () => {
  it.each([30777, 25000, 17000])(
    'gives out none of them for a part of a value where it is cut at %i',
    async (at) => {
      const whole = await withDatabase('pebble-stores/valueblocks', [], visible);
      await withDatabase('pebble-stores/valueblocks', [`truncate 000005.sst ${at}`], async (dir) => {
        expect((await repaired(dir)).repair?.state).toBe('repaired');
        const left = await visible(dir);
        expect(left.size).toBeGreaterThan(200);
        expect([...left].filter(([key, value]) => whole.get(key) !== value)).toEqual([]);
      });
    },
  );
});
