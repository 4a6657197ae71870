import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { internalKey } from '../../src/format/sst/internal-key.js';
import { keyPosition, trailerHigh, trailerLow } from '../../src/lsm/key-order.js';
import { rangeTombstone, type TableBounds, TombstoneSweep } from '../../src/lsm/range-tombstones.js';
import { bytes, FORWARD, STAMPED } from './entries.js';

const MAX = (1n << 56n) - 1n;

function made(start: string, end: string, sequence: number, bounds?: TableBounds) {
  const at = BigInt(sequence);
  return rangeTombstone(FORWARD, bytes(start), bytes(end), trailerHigh(at), trailerLow(at, 0x0f), bounds);
}

function bounds(smallest: Uint8Array, largest: Uint8Array): TableBounds {
  return { smallest: keyPosition(smallest)!, largest: keyPosition(largest)! };
}

function covered(sweep: TombstoneSweep, key: string, sequence: number): boolean {
  const at = BigInt(sequence);
  return sweep.covers(bytes(key), 0, key.length, trailerHigh(at), trailerLow(at, 1));
}

describe('a range tombstone', () => {
  it('is empty when it ends where or before it begins', () => {
    expect(made('b', 'b', 5)).toBeUndefined();
    expect(made('b', 'a', 5)).toBeUndefined();
  });

  it('does not reach past the bounds of its table', () => {
    const sweep = new TombstoneSweep(FORWARD, MAX);
    const cut = made('a', 'z', 9, bounds(internalKey(bytes('c'), 3n, 1), internalKey(bytes('m'), 4n, 1)));
    sweep.add(cut!);
    expect(covered(sweep, 'b', 1)).toBe(false);
    // the smallest entry of the table itself is covered, a newer version of its key in another table is not
    expect(covered(sweep, 'c', 4)).toBe(false);
    expect(covered(sweep, 'c', 3)).toBe(true);
    expect(covered(sweep, 'd', 1)).toBe(true);
    expect(covered(sweep, 'm', 4)).toBe(true);
    // an older version of the largest key lies in the next table
    expect(covered(sweep, 'm', 3)).toBe(false);
    expect(covered(sweep, 'n', 1)).toBe(false);
  });

  it('reaches up to a bound that is its own end', () => {
    const sweep = new TombstoneSweep(FORWARD, MAX);
    const largest = internalKey(bytes('m'), MAX, 0x0f);
    sweep.add(made('a', 'm', 9, bounds(internalKey(bytes('a'), 9n, 0x0f), largest))!);
    expect(covered(sweep, 'l', 1)).toBe(true);
    expect(covered(sweep, 'm', 1)).toBe(false);
  });

  it('deletes a key at all its timestamps', () => {
    const sweep = new TombstoneSweep(STAMPED, MAX);
    const low = trailerLow(9n, 0x0f);
    sweep.add(rangeTombstone(STAMPED, bytes('b'), bytes('d'), 0, low)!);
    const stamped = (key: string, stamp: string, sequence: bigint) => {
      const whole = bytes(key + stamp);
      return sweep.covers(whole, 0, whole.length, 0, trailerLow(sequence, 1));
    };
    expect(stamped('a', '\xff'.repeat(8), 1n)).toBe(false);
    expect(stamped('b', '\xff'.repeat(8), 1n)).toBe(true);
    expect(stamped('b', '\0'.repeat(8), 1n)).toBe(true);
    expect(stamped('c', '\0'.repeat(8), 9n)).toBe(false);
    expect(stamped('d', '\xff'.repeat(8), 1n)).toBe(false);
  });
});

describe('a sweep over range tombstones', () => {
  it('agrees with looking at each of them', () => {
    const letter = fc.constantFrom(...'abcdefgh');
    const tombstone = fc.record({ start: letter, end: letter, sequence: fc.nat(20) });
    const query = fc.record({ key: letter, sequence: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(tombstone), fc.array(query), fc.nat(20), (tombstones, queries, snapshot) => {
        const sweep = new TombstoneSweep(FORWARD, BigInt(snapshot));
        for (const { start, end, sequence } of tombstones) {
          const tomb = made(start, end, sequence);
          if (tomb !== undefined) sweep.add(tomb);
        }
        const inOrder = queries.toSorted((a, b) =>
          a.key < b.key ? -1 : a.key > b.key ? 1 : b.sequence - a.sequence,
        );
        for (const { key, sequence } of inOrder) {
          const one = tombstones.some(
            (t) => t.sequence <= snapshot && t.sequence > sequence && t.start <= key && key < t.end,
          );
          expect(covered(sweep, key, sequence)).toBe(one);
        }
      }),
    );
  });
});
