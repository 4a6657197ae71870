import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LiveTable } from '../../src/format/manifest/version.js';
import { overlapping, TablesByRange } from '../../src/lsm/older-tables.js';

const internalKey = (key: number) => Uint8Array.of(key, 1, 1, 0, 0, 0, 0, 0, 0);
const table = (number: number, [a, b]: [number, number]): LiveTable => ({
  columnFamily: 0,
  level: 0,
  number: BigInt(number),
  pathId: 0,
  size: 0n,
  smallest: internalKey(Math.min(a, b)),
  largest: internalKey(Math.max(a, b)),
  smallestSequence: 0n,
  largestSequence: 0n,
  addedAt: 0,
  entry: { offset: 0, length: 0 },
});

const byte = fc.integer({ min: 0, max: 40 });
const range = fc.tuple(byte, byte);

it.each(['leveldb.BytewiseComparator', 'rocksdb.ReverseBytewiseComparator', 'an.Unknown.Comparator'])(
  'tables by range are those that overlap: %s',
  (comparator) => {
    const reversed = comparator.includes('Reverse');
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30 }), range, (ranges, [a, b]) => {
        const tables = ranges.map((each, i) => {
          const made = table(i, each);
          return reversed ? { ...made, smallest: made.largest, largest: made.smallest } : made;
        });
        const ends = [Uint8Array.of(Math.min(a, b)), Uint8Array.of(Math.max(a, b))];
        const [from, to] = reversed ? ends.reverse() : ends;
        const met = new Set<LiveTable>();
        new TablesByRange(tables, comparator).some(from, to, (each) => {
          met.add(each);
          return false;
        });
        expect(met).toEqual(new Set(overlapping(tables, comparator, { from, to, closed: true })));
      }),
    );
  },
);
