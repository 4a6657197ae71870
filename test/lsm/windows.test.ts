import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VALUE_TYPE } from '../../src/format/sst/internal-key.js';
import { MemoryPool } from '../../src/lsm/memory-pool.js';
import { type Replay, ReplayedMemtables } from '../../src/lsm/windows.js';
import { bytes, drain, type Entry, FORWARD, memtable, REVERSE } from './entries.js';

const orders = new Map([
  [0, FORWARD],
  [7, REVERSE],
]);

type Op = Entry & { columnFamily: number };

const history = fc
  .array(
    fc.record({
      columnFamily: fc.constantFrom(0, 7, 9),
      key: fc.stringMatching(/^[a-f]{0,4}$/),
      type: fc.constantFrom(0, 1, 2),
      value: fc.constantFrom('', 'v', 'long value '.repeat(20)),
    }),
    { maxLength: 300 },
  )
  .map((ops): Op[] => ops.map((op, i) => ({ ...op, sequence: i + 1 })));

function replayOf(ops: readonly Op[]): Replay {
  // one buffer for all keys, as a replay that reuses its memory has
  const shared = new Uint8Array(4096);
  return async (sink) => {
    for (const { columnFamily, sequence, type, key, value } of ops) {
      shared.set(bytes(key));
      sink.apply(columnFamily, BigInt(sequence), type, shared.subarray(0, key.length), bytes(value));
    }
  };
}

describe('replayed memtables', () => {
  it('yield the same entries whatever memory they have', async () => {
    await fc.assert(
      fc.asyncProperty(
        history,
        fc.constantFrom(100, 2000, 20_000, 1 << 20),
        fc.option(fc.stringMatching(/^[a-f]{0,2}$/)),
        async (ops, budget, from) => {
          const start = from === null ? undefined : bytes(from);
          const memtables = await ReplayedMemtables.fill(orders, replayOf(ops), { budget });
          for (const [id, order] of orders) {
            const mine = ops.filter(({ columnFamily }) => columnFamily === id);
            const all = await drain(memtable(order, mine).cursor());
            const want = all.filter(
              ({ key }) =>
                start === undefined ||
                order.compareKeys(bytes(key), 0, key.length, start, 0, start.length) >= 0,
            );
            const cursor = memtables.cursor(id, start);
            expect(await drain(cursor)).toEqual(want);
            await cursor.close();
            expect(await drain(memtables.cursor(id, start))).toEqual(want);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('replay once where everything fits, and once more per window where it does not', async () => {
    const ops = Array.from({ length: 20_000 }, (_, i): Op => {
      const key = ((i * 48271) % 65537).toString(16).padStart(6, '0');
      return { columnFamily: 0, key, sequence: i + 1, type: 1, value: 'v'.repeat(50) };
    });
    const want = await drain(memtable(FORWARD, ops).cursor());
    for (const [budget, replays] of [
      [16 << 20, 1],
      [1 << 20, 5],
    ]) {
      const pool = new MemoryPool();
      const memtables = await ReplayedMemtables.fill(orders, replayOf(ops), { budget, pool });
      expect(await drain(memtables.cursor(0))).toEqual(want);
      expect(memtables.replays).toBeLessThanOrEqual(replays);
      memtables.release();
    }
  });

  it('refuse a key whose versions take more than they may', async () => {
    const ops = Array.from({ length: 5000 }, (_, i): Op => {
      return { columnFamily: 0, key: 'k', sequence: i + 1, type: 1, value: 'v'.repeat(50) };
    });
    const walk = async (versions: number) => {
      const memtables = await ReplayedMemtables.fill(orders, replayOf(ops), { budget: 50_000, versions });
      return drain(memtables.cursor(0));
    };
    expect(await walk(1 << 20)).toHaveLength(5000);
    await expect(walk(200_000)).rejects.toThrow('the versions of one key');
  });

  it('keep range tombstones apart, and drop what goes to a column family that is gone', async () => {
    const ops: Op[] = [
      { columnFamily: 0, key: 'a', sequence: 1, type: VALUE_TYPE.rangeDelete, value: 'c' },
      { columnFamily: 0, key: 'b', sequence: 2, type: 1, value: 'v' },
      { columnFamily: 9, key: 'b', sequence: 3, type: 1, value: 'v' },
    ];
    const memtables = await ReplayedMemtables.fill(orders, replayOf(ops));
    expect(memtables.rangeTombstones(0)).toHaveLength(1);
    expect(await drain(memtables.cursor(0))).toHaveLength(1);
    expect(await drain(memtables.cursor(7))).toEqual([]);
  });
});
