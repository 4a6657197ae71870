import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../src/bytes/source.js';
import type { LiveTable } from '../../src/format/manifest/version.js';
import { internalKey } from '../../src/format/sst/internal-key.js';
import { comparePositions, keyOrder } from '../../src/lsm/key-order.js';
import { RunCursor } from '../../src/lsm/run-cursor.js';
import { tableDepths, tableRuns } from '../../src/lsm/runs.js';
import { SourcePool } from '../../src/lsm/source-pool.js';
import { bytes, drain, FORWARD, HaltingCursor, memtable, text } from './entries.js';

function table(number: number, level: number, smallest: string, largest: string): LiveTable {
  return {
    columnFamily: 0,
    level,
    number: BigInt(number),
    pathId: 0,
    size: 1n,
    smallest: internalKey(bytes(smallest), 9n, 1),
    largest: internalKey(bytes(largest), 5n, 1),
    smallestSequence: 5n,
    largestSequence: 9n,
    addedAt: 0,
    entry: { offset: 0, length: 0 },
  };
}

const sortedPair = (a: string, b: string): [string, string] => (a < b ? [a, b] : [b, a]);

const numbers = (tables: LiveTable[], order = FORWARD, bySublevels = false) =>
  tableRuns(tables, order, bySublevels).map((run) => run.map(({ live }) => Number(live.number)));

describe('runs of tables', () => {
  it('are one for a level, and as many as overlap on level 0', () => {
    const tables = [
      table(1, 2, 'm', 'p'),
      table(2, 2, 'a', 'f'),
      table(3, 2, 'g', 'l'),
      table(4, 0, 'a', 'k'),
      table(5, 0, 'c', 'e'),
      table(6, 0, 'x', 'z'),
    ];
    expect(numbers(tables)).toEqual([[4, 6], [5], [2, 3, 1]]);
  });

  it('stand below the memtable by age on level 0, by level otherwise', () => {
    const flushed = (number: number, sequence: bigint, epoch?: bigint) => ({
      ...table(number, 0, 'a', 'k'),
      largestSequence: sequence,
      ...(epoch !== undefined && { epoch }),
    });
    const depths = (...tables: LiveTable[]) =>
      Object.fromEntries([...tableDepths(tables)].map(([{ number }, depth]) => [String(number), depth]));
    const lower = [table(1, 2, 'm', 'p'), table(2, 2, 'a', 'f'), table(3, 1, 'g', 'l')];
    expect(depths(...lower, flushed(4, 20n), flushed(5, 40n), flushed(6, 30n))).toEqual({
      ...{ 5: 1, 6: 2, 4: 3 },
      ...{ 3: 4, 1: 5, 2: 5 },
    });
    expect(depths(flushed(4, 40n, 1n), flushed(5, 20n, 2n))).toEqual({ 5: 1, 4: 2 });
  });

  it('do not overlap, hold each table once, and are no more than must be', () => {
    const letter = fc.constantFrom(...'abcdefghij');
    fc.assert(
      fc.property(fc.array(fc.tuple(letter, letter), { maxLength: 30 }), (ranges) => {
        const tables = ranges.map(([a, b], i) => table(i, 0, ...sortedPair(a, b)));
        const runs = tableRuns(tables, FORWARD);
        expect(runs.flat()).toHaveLength(tables.length);
        for (const run of runs) {
          for (let i = 1; i < run.length; i++)
            expect(comparePositions(FORWARD, run[i - 1].largest, run[i].smallest)).toBeLessThan(0);
        }
        const depth = [...'abcdefghij'].map(
          (at) => tables.filter((t) => text(t.smallest)[0] <= at && at <= text(t.largest)[0]).length,
        );
        expect(runs.length).toBeLessThanOrEqual(Math.max(0, ...depth));
      }),
    );
  });

  it('are Pebble’s sublevels of level 0, by age, where bounds are turned round overlapping nothing', () => {
    const tables = [
      table(5, 0, 'a', 'c'),
      table(7, 0, 'b', 'e'),
      table(9, 0, 'g', 'd'),
      table(11, 0, 'e', 'f'),
      table(13, 0, 'h', 'i'),
    ];
    expect(numbers(tables, FORWARD, true)).toEqual([[11], [7], [5, 9, 13]]);
  });

  it('are single tables where the order of keys is not known', () => {
    const tables = [table(1, 1, 'a', 'b'), table(2, 1, 'c', 'd')];
    expect(numbers(tables, keyOrder('my.Comparator'))).toEqual([[1], [2]]);
  });

  it('are read with one table open at a time, from the one that holds the first key', async () => {
    const tables = [...'abcdef'].map((letter, i) => table(i, 1, `${letter}0`, `${letter}9`));
    const [run] = tableRuns(tables, FORWARD);
    const opened: number[] = [];
    let open = 0;
    const cursor = new RunCursor(
      run,
      FORWARD,
      async ({ live }) => {
        opened.push(Number(live.number));
        expect(++open).toBe(1);
        // one table that cannot be read
        if (live.number === 4n) {
          open--;
          return undefined;
        }
        const key = text(live.smallest, 0, 2);
        const inner = new HaltingCursor(
          memtable(FORWARD, [{ key, sequence: 9, type: 1, value: 'v' }]).cursor(),
          2,
        );
        inner.close = async () => void open--;
        return inner;
      },
      { userKey: bytes('c5'), high: 0, low: 0 },
    );
    expect((await drain(cursor)).map(({ key }) => key)).toEqual(['c0', 'd0', 'f0']);
    await cursor.close();
    expect(opened).toEqual([2, 3, 4, 5]);
  });
});

describe('a pool of sources', () => {
  it('reads them all and keeps few of them open', async () => {
    const open = new Set<number>();
    const pool = new SourcePool(3);
    const sources: ByteSource[] = [];
    for (let i = 0; i < 10; i++) {
      sources.push(
        await pool.source(async () => {
          open.add(i);
          return {
            size: 1,
            descriptor: { kind: 'memory', bytes: Uint8Array.of(i) },
            read: async (into) => into.fill(i).length,
            close: async () => void open.delete(i),
          };
        }),
      );
    }
    for (let round = 0; round < 3; round++) {
      for (const [i, source] of sources.entries()) {
        const into = new Uint8Array(1);
        await source.read(into, 0);
        expect(into[0]).toBe(i);
        expect(open.size).toBeLessThanOrEqual(3);
      }
    }
    for (const source of sources) await source.close();
    expect(open.size).toBe(0);
  });
});
