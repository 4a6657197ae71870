import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { withDatabase } from '../support/database.js';
import { engineAvailable, runEngine } from '../support/engine.js';
import { repairInPlace } from '../support/repair.js';
import { visible } from '../support/visible.js';

// the judge of a repair is the engine: it opens what auto leaves, and sees what kvdoctor says it sees

/** Every entry that RocksDB 9.7 shows, as `visible` has it. */
async function seenByEngine(dir: string): Promise<Map<string, string>> {
  const names = [...(await readDatabase(dir)).version!.columnFamilies.values()].map(({ name }) => name);
  const { opened, error, results } = await runEngine('rocksdb-9.7', dir, {
    options: { columns: Object.fromEntries(names.map((name) => [name, {}])) },
    steps: names.map((column) => ({ op: 'iterate', column })),
  });
  expect(error).toBeUndefined();
  expect(opened).toBe(true);
  const text = (base64: string) => Buffer.from(base64, 'base64').toString('latin1');
  return new Map(
    names.flatMap((name, i) =>
      (results[i] as [string, string][]).map(
        ([key, value]) => [`${name}/${text(key)}`, text(value)] as const,
      ),
    ),
  );
}

/** The damage, and how many of the entries that were there it may cost. */
const cases: [string, string, string[], number][] = [
  ['CURRENT gone', 'basic-9.7', ['remove CURRENT'], 0],
  ['CURRENT cut', 'basic-9.7', ['truncate CURRENT 0x5'], 0],
  [
    'a MANIFEST with two wrong bits',
    'basic-9.7',
    ['flip MANIFEST-000011 0x90.3', 'flip MANIFEST-000011 0xc0.1'],
    0,
  ],
  ['no MANIFEST', 'basic-9.7', ['remove MANIFEST-000011', 'remove CURRENT'], 0],
  ['a block with two wrong bits', 'basic-9.7', ['flip 000008.sst 0x20.3', 'flip 000008.sst 0x100.6'], 70],
  ['a table gone', 'basic-9.7', ['remove 000009.sst'], 150],
  [
    'a blob record with two wrong bits',
    'blob-7.8',
    ['flip 000010.blob 0x60.1', 'flip 000010.blob 0x90.4'],
    2,
  ],
  [
    'a WAL record with two wrong bits',
    'basic-9.7',
    ['flip 000010.log 0x300.1', 'flip 000010.log 0x310.2'],
    120,
  ],
];

describe.skipIf(!engineAvailable('rocksdb-9.7'))('repair --strategy auto, judged by RocksDB 9.7', () => {
  it.each(cases)('%s', async (_, base, patches, cost) => {
    const truth = await withDatabase(base, [], visible);
    await withDatabase(base, patches, async (dir) => {
      const { repair } = await repairInPlace(dir);
      expect(repair?.state).toBe('repaired');
      const told = await visible(dir);
      const seen = await seenByEngine(dir);
      expect(seen).toEqual(told);
      // a WAL that is cut takes deletions back that are after the cut
      if (!patches.join().includes('.log'))
        expect([...seen.keys()].filter((key) => !truth.has(key))).toEqual([]);
      expect(truth.size - seen.size).toBeLessThanOrEqual(cost);
    });
  });
});
