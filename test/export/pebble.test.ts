import { describe, expect, it } from 'vitest';
import { areDifferent, compareDatabases } from '../../src/compare/compare.js';
import { Fnv1a64 } from '../../src/lsm/fnv1a64.js';
import { type ExportRequest, exportTarget } from '../../src/repair/export-target.js';
import { withDatabase } from '../support/database.js';

/** Entries of an export, and a hash of them as Pebble's own iteration gives it. */
async function exported(dir: string, options: ExportRequest = {}) {
  const hash = new Fnv1a64();
  let entries = 0;
  const { problems, notes } = await exportTarget(
    dir,
    {
      family: async () => {},
      entry: ({ key, value }) => {
        entries++;
        hash.update(key);
        hash.updateByte(0);
        hash.update(value);
        hash.updateByte(1);
      },
      flush: async () => {},
    },
    options,
  );
  return { shown: `${entries} ${hash.hex()}`, problems, notes };
}

// what Pebble 1.1.5 itself showed, of columns 2.1.7
const WHOLE = {
  cosmos: '941 1ca97d616838b00f',
  virtual: '307 b3b89ff5a9e4bd89',
  rangekeys: '338 ee2007791fa64d2b',
  valueblocks: '619 f9b3a668c540d988',
  columns: '123 1845d0b4737833d9',
  'columns-cockroach': '224 f76338e3f55be7b9',
  'columns-v5': '242 b4a89a66c9139528',
  values: '159 5381ffbfa151f8d2',
} as const;

describe('an export of a Pebble directory', () => {
  it.each(Object.keys(WHOLE) as (keyof typeof WHOLE)[])('holds what Pebble shows: %s', async (base) => {
    await withDatabase(`pebble-stores/${base}`, [], async (dir) => {
      expect(await exported(dir)).toEqual({ shown: WHOLE[base], problems: [], notes: [] });
    });
  });

  it.each([
    ['CURRENT is lost', ['remove CURRENT']],
    ['its MANIFEST is damaged', ['zero MANIFEST-000013 0x40 8']],
  ])('is refused where %s, unless it is lenient', async (_, patches) => {
    await withDatabase('pebble-stores/cosmos', patches, async (dir) => {
      await expect(exported(dir)).rejects.toThrow('would not find all of its tables');
      expect((await exported(dir, { lenient: true })).shown).toBe(WHOLE.cosmos);
    });
  });
});

describe('a comparison of Pebble directories', () => {
  it('finds no difference in copies, and what a damaged log has lost', async () => {
    await withDatabase('pebble-stores/cosmos', [], async (a) => {
      expect(areDifferent(await compareDatabases(a, a))).toBe(false);
      await withDatabase('pebble-stores/cosmos', ['write 000012.log 288 27'], async (b) => {
        const { contents } = await compareDatabases(a, b);
        // Pebble shows 641 of 941 entries then, 41 of them older ones
        expect(contents?.differences).toBe(341);
      });
    });
  });
});
