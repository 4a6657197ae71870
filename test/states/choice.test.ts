import { describe, expect, test } from 'vitest';
import type { DialectName } from '../../src/format/dialect.js';
import { internalKey, VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import type { InventoryEntry } from '../../src/io/inventory.js';
import { assignLevels, chooseTables } from '../../src/states/choice.js';
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

const chosen = (...tables: ReturnType<typeof table>[]) => chosenAbove([], ...tables);

/** With some of them on the last level. */
function chosenAbove(deepest: bigint[], ...tables: ReturnType<typeof table>[]): bigint[] {
  const contents = new Map(tables.map(({ found, contents }) => [found.live.number, contents]));
  const { live } = chooseTables(
    tables.map(({ found }) => found),
    contents,
    new Set(),
    new Set(deepest),
  );
  return live.map(({ live }) => live.number);
}

describe('one table under two numbers', () => {
  const puts: Parameters<typeof table>[1] = { a: [10, 'a1'], b: [11, 'b1'] };

  test('is taken under the higher one, where nothing tells which is its own, and that is told', () => {
    const [lower, higher] = [table(20n, puts), table(25n, puts)];
    const contents = new Map([lower, higher].map(({ found, contents }) => [found.live.number, contents]));
    const { live, copies } = chooseTables([lower.found, higher.found], contents, new Set(), undefined);
    expect(live).toEqual([higher.found]);
    expect(copies).toEqual([[higher.found, lower.found]]);
  });

  test('is taken under the one it was written as', () => {
    const written = (number: bigint, writtenAs: bigint) => {
      const { found, contents } = table(number, puts);
      return { found: { ...found, writtenAs }, contents };
    };
    expect(chosen(written(20n, 20n), written(25n, 20n))).toEqual([20n]);
    expect(chosen(written(20n, 25n), written(25n, 25n))).toEqual([25n]);
  });
});

describe('a table and one that came later and overlaps it', () => {
  const older = table(20n, { a: [10, 'a1'], b: [11, 'b1'], c: [12, 'c1'] });

  test('cannot both be live where one key was set to 0 in both', () => {
    const oldest = table(19n, { a: [0, 'a1'], b: [0, 'b1'], e: [7, 'e1'] });
    expect(chosen(oldest, table(25n, { b: [0, 'b2'], c: [0, 'c1'], f: [0, 'f1'] }))).toEqual([25n]);
    expect(chosen(oldest, table(25n, { b: [11, 'b2'], c: [0, 'c1'], f: [0, 'f1'] }))).toEqual([19n, 25n]);
  });

  test('cannot both be live where one key was set to 0 in the later one and the other lies on the last level', () => {
    const later = table(25n, { b: [0, 'b2'], d: [0, 'd1'] });
    expect(chosen(older, later)).toEqual([20n, 25n]);
    expect(chosenAbove([20n], older, later)).toEqual([25n]);
  });

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

describe('levels', () => {
  /** Levels by number, or nothing where so many do not suffice. */
  function leveledBy(dialect: DialectName, most: number, ...tables: ReturnType<typeof table>[]) {
    const contents = new Map(tables.map(({ found, contents }) => [found.live.number, contents]));
    const live = tables.map(({ found }) => ({ ...found, live: { ...found.live } }));
    if (!assignLevels(live, contents, new Map(), { levels: most, dialect })) return undefined;
    return Object.fromEntries(live.map(({ live: { number, level } }) => [Number(number), level]));
  }

  const leveled = (most: number, ...tables: ReturnType<typeof table>[]) =>
    leveledBy('rocksdb', most, ...tables);

  const bottom = table(20n, { a: [0, 'a1'], z: [0, 'z1'] });
  // each of them overlaps the next one in its sequences, too
  const middle = table(21n, { a: [10, 'a2'], c: [30, 'c1'] });
  const top = table(22n, { a: [20, 'a3'], c: [40, 'c2'] });

  test('a table that a compaction wrote lies on level 0 where there is no other', () => {
    expect(leveled(1, bottom)).toEqual({ 20: 0 });
    expect(leveled(1, bottom, table(21n, { b: [12, 'b1'] }))).toEqual({ 20: 0, 21: 0 });
  });

  test('what does not fit above goes to level 0, in the order in which it is read there', () => {
    expect(leveled(4, bottom, middle, top)).toEqual({ 20: 3, 21: 2, 22: 1 });
    expect(leveled(3, bottom, middle, top)).toEqual({ 20: 2, 21: 1, 22: 0 });
    expect(leveled(2, bottom, middle, top)).toEqual({ 20: 1, 21: 0, 22: 0 });
    expect(leveled(1, bottom, middle, top)).toEqual({ 20: 0, 21: 0, 22: 0 });
  });

  test('level 0 is read by the numbers of tables in LevelDB, and Pebble splits a flush', () => {
    const [early, late] = [table(31n, { a: [10, 'a1'] }), table(30n, { a: [20, 'a2'] })];
    const [left, right] = [
      table(32n, { b: [30, 'b1'], c: [40, 'c1'] }),
      table(33n, { x: [31, 'x1'], y: [39, 'y1'] }),
    ];
    const older = table(29n, { b: [11, 'b0'], x: [12, 'x0'] });
    expect(leveledBy('pebble', 1, early, late)).toEqual({ 30: 0, 31: 0 });
    expect(leveledBy('leveldb', 1, bottom, early, late)).toBeUndefined();
    expect(leveledBy('pebble', 7, older, left, right)).toEqual({ 29: 0, 32: 0, 33: 0 });
    expect(leveledBy('rocksdb', 7, older, left, right)).toBeUndefined();
  });

  test('none where level 0 would be read in another order', () => {
    // the newer versions are in the one whose sequences begin and end before
    const odd = table(23n, { a: [11, 'a3'], c: [35, 'c2'] });
    const early = table(24n, { a: [5, 'a9'], c: [45, 'c9'] });
    expect(leveled(1, odd, early)).toBeUndefined();
    expect(leveled(1, bottom, table(23n, { a: [0, 'a1'], m: [0, 'm1'] }))).toEqual({ 20: 0, 23: 0 });
  });
});

test('a bottommost table was made from one over its keys that is older than it', () => {
  const older = table(20n, { b: [10, 'b1'] });
  expect(chosen(older, named(table(25n, { a: [0, 'a1'], b: [30, 'b2'] })))).toEqual([25n]);
  // written to be ingested, or of an engine that does not say: its 0 says nothing
  expect(chosen(older, table(25n, { a: [0, 'a1'], b: [30, 'b2'] }))).toEqual([20n, 25n]);
});

const named = ({ found, contents }: ReturnType<typeof table>) => ({
  found: { ...found, columnFamilyName: 'default' },
  contents,
});
