import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beforeKey, type KeyOrder } from '../../src/lsm/key-order.js';
import { bytes, drain, type Entry, FORWARD, memtable, REVERSE, STAMPED } from './entries.js';

/** Keys with long shared prefixes and without, empty ones too. */
const key = fc.oneof(
  fc.stringMatching(/^[ab]{0,8}$/),
  fc.stringMatching(/^user-key-[ab]{0,8}$/),
  fc.string({ maxLength: 3 }),
);
const history = fc
  .array(fc.record({ key, type: fc.constantFrom(0, 1, 2, 7), value: fc.string({ maxLength: 20 }) }), {
    maxLength: 200,
  })
  .map((ops): Entry[] =>
    ops.map((op, i) => ({
      ...op,
      key: latin1(op.key),
      value: latin1(op.value),
      sequence: (i + 1) * 5_000_003,
    })),
  );

function latin1(text: string): string {
  return [...text].map((c) => String.fromCharCode(c.charCodeAt(0) & 0xff)).join('');
}

function sorted(order: KeyOrder, entries: readonly Entry[]): Entry[] {
  const compare = (a: string, b: string) =>
    order.compareUserKeys(bytes(a), 0, a.length, bytes(b), 0, b.length);
  return entries.toSorted((a, b) => compare(a.key, b.key) || b.sequence - a.sequence);
}

describe('a memtable', () => {
  it('yields its entries by key, newest first', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(FORWARD, REVERSE, STAMPED), history, async (order, entries) => {
        const stamp = (i: number) => (order.timestampSize > 0 ? String(i % 3).padStart(8, '.') : '');
        const stamped = entries.map((entry, i) => ({ ...entry, key: entry.key + stamp(i) }));
        expect(await drain(memtable(order, stamped).cursor())).toEqual(sorted(order, stamped));
      }),
    );
  });

  it('starts at a key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(FORWARD, REVERSE), history, key, async (order, entries, from) => {
        const start = bytes(latin1(from));
        const rest = sorted(order, entries).filter(
          (entry) => order.compareKeys(bytes(entry.key), 0, entry.key.length, start, 0, start.length) >= 0,
        );
        expect(await drain(memtable(order, entries).cursor(beforeKey(start, order)))).toEqual(rest);
      }),
    );
  });

  it('keeps entries larger than its chunks', async () => {
    const large = 'x'.repeat(3 << 20);
    const entries = [
      { key: 'b', sequence: 1, type: 1, value: large },
      { key: 'a', sequence: 2, type: 1, value: 'small' },
      { key: large, sequence: 3, type: 1, value: '' },
    ];
    expect(await drain(memtable(FORWARD, entries).cursor())).toEqual(sorted(FORWARD, entries));
  });

  it('gives up the keys after what fits, and never part of a key', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(8000), async (entries, budget) => {
        const table = memtable(FORWARD, entries);
        const end = table.trim(budget);
        const kept = sorted(FORWARD, entries).filter(
          (entry) => end === undefined || Buffer.compare(bytes(entry.key), end) < 0,
        );
        if (entries.length > 0) expect(kept.length).toBeGreaterThan(0);
        expect(await drain(table.cursor())).toEqual(kept);
      }),
    );
  });

  it('sorts a hundred thousand entries in little time', async () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => ({
      key: `user${((i * 2654435761) >>> 0).toString(16).padStart(12, '0')}`,
      sequence: i,
      type: 1,
      value: 'v',
    }));
    const table = memtable(FORWARD, entries);
    const start = performance.now();
    table.cursor();
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
