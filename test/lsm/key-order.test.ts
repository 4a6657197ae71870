import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparatorNamed, compareInternalKeys } from '../../src/format/sst/comparator.js';
import { internalKey } from '../../src/format/sst/internal-key.js';
import {
  beforeKey,
  comparePositions,
  keyOrder,
  keyPosition,
  sequenceOfTrailer,
  trailerHigh,
  trailerLow,
} from '../../src/lsm/key-order.js';

const names = [
  'leveldb.BytewiseComparator',
  'rocksdb.ReverseBytewiseComparator',
  'leveldb.BytewiseComparator.u64ts',
  'rocksdb.ReverseBytewiseComparator.u64ts',
];
/** Few different bytes, so that keys share prefixes; long enough for a timestamp. */
const userKey = fc
  .array(fc.constantFrom(0, 1, 0x61, 0xff), { minLength: 8, maxLength: 12 })
  .map((list) => Uint8Array.from(list));
const sequence = fc.bigInt(0n, (1n << 56n) - 1n);
const type = fc.constantFrom(0, 1, 2, 7, 0x0f, 0x11, 0x14, 0x16, 0x18);

describe('the order of internal keys', () => {
  it('is that of the tables, with every comparator that RocksDB ships', () => {
    const key = fc.tuple(userKey, sequence, type).map(([user, seq, kind]) => internalKey(user, seq, kind));
    fc.assert(
      fc.property(fc.constantFrom(...names), key, key, (name, a, b) => {
        const mine = comparePositions(keyOrder(name), keyPosition(a)!, keyPosition(b)!);
        expect(Math.sign(mine)).toBe(Math.sign(compareInternalKeys(comparatorNamed(name), a, b)!));
      }),
    );
  });

  it('splits a trailer into two halves and puts it together again', () => {
    fc.assert(
      fc.property(sequence, type, (seq, kind) => {
        const low = trailerLow(seq, kind);
        expect(sequenceOfTrailer(trailerHigh(seq), low)).toBe(seq);
        expect(low & 0xff).toBe(kind);
      }),
    );
  });

  it('has a place before all versions of a key, at whatever timestamp', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), userKey, sequence, type, (name, user, seq, kind) => {
        const order = keyOrder(name);
        const bare = user.subarray(0, user.length - order.timestampSize);
        const position = keyPosition(internalKey(user, seq, kind))!;
        expect(comparePositions(order, beforeKey(bare, order), position)).toBeLessThan(0);
      }),
    );
  });

  it('says that it does not know an application’s own comparator', () => {
    expect(keyOrder('my.Comparator').known).toBe(false);
  });
});
