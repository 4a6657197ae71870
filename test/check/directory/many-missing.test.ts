import { expect, test } from 'vitest';
import { append } from '../../../src/bytes/append.js';
import { checkLiveFiles } from '../../../src/check/directory/live-files.js';
import { emptyVersion } from '../../../src/format/manifest/apply.js';

const COUNT = 10_500;

function versionWithout(pathId: number) {
  const version = emptyVersion();
  const { tables } = version.columnFamilies.get(0)!;
  const bound = new Uint8Array(9);
  for (let i = 1; i <= COUNT; i++) {
    const number = BigInt(i);
    tables.set(number, {
      ...{ columnFamily: 0, level: 6, number, pathId, size: 1000n, smallest: bound, largest: bound },
      ...{ smallestSequence: 1n, largestSequence: 1n, addedAt: 0, entry: { offset: 0, length: 0 } },
    });
  }
  return version;
}

const inventory = { entries: [], unlistable: [] } as unknown as Parameters<typeof checkLiveFiles>[1];
const context = { manifest: 'MANIFEST-000005', complete: true };

test('of very many tables that are missing the first are findings and the rest one unchecked line', () => {
  const result = checkLiveFiles(versionWithout(0), inventory, { ...context, elsewhere: new Set() });
  expect(result.missing).toHaveLength(COUNT);
  expect(result.findings).toHaveLength(10_000);
  expect(result.unchecked).toEqual([
    { file: 'MANIFEST-000005', reason: expect.stringMatching(/^500 more .* 10000 are listed$/) },
  ]);
});

test('of very many tables in a place that is not here none is called missing', () => {
  const version = versionWithout(1);
  const elsewhere = new Set(version.columnFamilies.get(0)!.tables.keys());
  const result = checkLiveFiles(version, inventory, { ...context, elsewhere });
  expect(result.missing).toEqual([]);
  expect(result.findings).toEqual([]);
  expect(result.unchecked).toHaveLength(10_001);
});

test('a list of any length is appended', () => {
  const list: number[] = [];
  append(list, new Array(500_000).fill(1));
  expect(list).toHaveLength(500_000);
});
