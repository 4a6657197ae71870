import { describe, expect, test } from 'vitest';
import { internalKey, VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import type { InventoryEntry } from '../../src/io/inventory.js';
import { chooseTables } from '../../src/states/choice.js';
import type { Contents, FoundTable } from '../../src/states/tables.js';

/** A table of puts, by key: the sequence of its version and its value. */
function table(number: bigint, puts: Record<string, [sequence: number, value: string]>) {
  const keys = Object.keys(puts).sort();
  const sequences = Object.values(puts).map(([sequence]) => sequence);
  const bound = (key: string) => internalKey(Buffer.from(key), BigInt(puts[key][0]), VALUE_TYPE.put);
  const found: FoundTable = {
    entry: { file: `${number}.sst` } as InventoryEntry,
    live: {
      ...{
        columnFamily: 0,
        level: 0,
        number,
        pathId: 0,
        size: 1n,
        addedAt: 0,
        entry: { offset: 0, length: 0 },
      },
      smallest: bound(keys[0]),
      largest: bound(keys.at(-1)!),
      smallestSequence: BigInt(Math.min(...sequences)),
      largestSequence: BigInt(Math.max(...sequences)),
    },
    comparator: 'leveldb.BytewiseComparator',
    entries: keys.length,
    ingested: false,
    sequenceLost: false,
    isDense: false,
    blobFiles: new Map(),
  };
  const contents: Contents = new Map(
    keys.map((key) => [key, [{ sequence: BigInt(puts[key][0]), type: VALUE_TYPE.put, value: puts[key][1] }]]),
  );
  return { found, contents };
}

function chosen(...tables: ReturnType<typeof table>[]): bigint[] {
  const contents = new Map(tables.map(({ found, contents }) => [found.live.number, contents]));
  const { live } = chooseTables(
    tables.map(({ found }) => found),
    contents,
    new Set(),
  );
  return live.map(({ live }) => live.number);
}

describe('a table and one that came later and overlaps it', () => {
  const older = table(20n, { a: [10, 'a1'], b: [11, 'b1'], c: [12, 'c1'] });

  test('cannot both be live where the later one is newer for one key and the lowest for another', () => {
    // all values have been written again since; b of the later one was set to 0, so that nothing lies below it
    const later = table(25n, { a: [30, 'a2'], b: [0, 'b2'], d: [0, 'd1'] });
    expect(chosen(older, later)).toEqual([25n]);
  });

  test('are both live where the later one is newer for all keys of both', () => {
    const later = table(25n, { a: [30, 'a2'], d: [31, 'd1'] });
    expect(chosen(older, later)).toEqual([20n, 25n]);
  });

  test('are both live where the later one holds the lowest versions of what both have', () => {
    const later = table(25n, { a: [0, 'a0'], b: [0, 'b0'], d: [31, 'd1'] });
    expect(chosen(older, later)).toEqual([20n, 25n]);
  });
});
