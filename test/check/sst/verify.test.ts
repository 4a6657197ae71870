import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DataRules, Tally } from '../../../src/check/sst/data-rules.js';
import { explainDataBlock } from '../../../src/check/sst/explain.js';
import { DataBlockVerifier } from '../../../src/check/sst/verify.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';
import { internalKey, ROCKSDB_POINT_TYPES } from '../../../src/format/sst/internal-key.js';
import { arbitraryEntry, type BlockForm, buildBlock, type Entry, inOrder, mutate } from './data-blocks.js';

/*
 * The two paths over data blocks: the fast one says whether a block is fine, the slow one says what is not. On any bytes
 * the first says yes exactly when the second has nothing to say, and then both have counted the same.
 */

const COMPARATORS = [
  'leveldb.BytewiseComparator',
  'rocksdb.ReverseBytewiseComparator',
  'leveldb.BytewiseComparator.u64ts',
  'an.application.Comparator',
];

function rulesFor(comparator: string, more: Partial<DataRules> = {}): DataRules {
  const shared = { types: ROCKSDB_POINT_TYPES, zeroSequences: false, embeddedBlobs: false };
  return { comparator: comparatorNamed(comparator), ...shared, ...more };
}

/** Runs both paths over a block and holds them against each other. */
function bothSay(block: Uint8Array, rules: DataRules, before: Uint8Array = new Uint8Array(0)): string[] {
  const verifier = new DataBlockVerifier(rules);
  verifier.resume(before);
  const fine = verifier.verify(block, 0, block.length, 0);
  const tally = new Tally();
  const { anomalies, first, last } = explainDataBlock(block, rules, before, 0, tally);
  expect([fine, anomalies]).toEqual([anomalies.length === 0, anomalies]);
  for (const { offset, length } of anomalies) {
    expect(offset).toBeGreaterThanOrEqual(0);
    expect(offset + length).toBeLessThanOrEqual(block.length);
  }
  if (fine) {
    expect(verifier.tally).toEqual(tally);
    expect(Buffer.from(verifier.key.subarray(0, verifier.keyLength))).toEqual(Buffer.from(last ?? before));
    if (first !== undefined) {
      expect(Buffer.from(verifier.first.subarray(0, verifier.firstLength))).toEqual(Buffer.from(first));
    }
  } else expect(verifier.tally).toEqual(new Tally());
  return anomalies.map(({ rule }) => rule);
}

const form: fc.Arbitrary<BlockForm> = fc.record({
  restartInterval: fc.constantFrom(1, 2, 3, 16),
  separated: fc.boolean(),
  buckets: fc.constantFrom(0, 0, 1, 7, 31),
});

describe.each(COMPARATORS)('%s', (name) => {
  const comparator = comparatorNamed(name);
  const entries = fc.array(arbitraryEntry(comparator.timestampSize), { maxLength: 20 });

  test('accepts what a writer leaves', () => {
    fc.assert(
      fc.property(entries, form, (list, shape) => {
        const sorted = comparator.order === 'unknown' ? list.slice(0, 1) : inOrder(list, comparator);
        expect(bothSay(buildBlock(sorted, shape), rulesFor(name))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('any order of entries: both paths agree', () => {
    fc.assert(
      fc.property(entries, form, (list, shape) => {
        bothSay(buildBlock(list, shape), rulesFor(name));
      }),
      { numRuns: 300 },
    );
  });

  test('any bytes changed, any end cut off: both paths agree', () => {
    const changes = fc.array(
      fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255))),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(entries, form, changes, fc.nat(12), fc.boolean(), (list, shape, patches, cut, zeros) => {
        const block = mutate(buildBlock(inOrder(list, comparator), shape), patches);
        const end = cut < 6 ? block.length : Math.max(0, block.length - cut);
        bothSay(block.subarray(0, end), rulesFor(name, { zeroSequences: zeros }));
      }),
      { numRuns: 700 },
    );
  });

  test('bytes of no block: both paths agree', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        bothSay(bytes, rulesFor(name));
      }),
      { numRuns: 300 },
    );
  });
});

const put = (key: string, sequence = 1n, type = 1): Entry => ({
  key: Buffer.from(key),
  sequence,
  type,
  value: Buffer.from('v'),
});
const plain = { restartInterval: 16 };

test('names what is wrong', () => {
  const rules = rulesFor(COMPARATORS[0]);
  const say = (entries: Entry[], before?: Uint8Array) => bothSay(buildBlock(entries, plain), rules, before);
  expect(say([put('a'), put('b')])).toEqual([]);
  expect(say([put('b'), put('a')])).toEqual(['sst/key-order']);
  expect(say([put('a', 5n), put('a', 4n)])).toEqual([]);
  expect(say([put('a', 4n), put('a', 5n)])).toEqual(['sst/key-order']);
  expect(say([put('a', 4n), put('a', 4n)])).toEqual(['sst/key-order']);
  expect(say([put('a'), put('b', 1n, 3)])).toEqual(['sst/bad-key']);
  expect(say([put('a', 1n << 55n)])).toEqual(['sst/bad-key']);
  expect(say([put('a')], internalKey(Buffer.from('b'), 1n, 1))).toEqual(['sst/key-order']);
  expect(say([put('a', 1n, 0x11)])).toEqual(['sst/bad-blob-index']);
  expect(say([put('a', 1n, 0x16)])).toEqual(['sst/bad-value']);
  expect(say([put('a', 1n, 0x18)])).toEqual(['sst/bad-value']);
});

test('a key that is too large is reported with the one after it, and once', () => {
  const block = buildBlock([put('a'), put('z'), put('c'), put('d')], plain);
  const { anomalies } = explainDataBlock(block, rulesFor(COMPARATORS[0]), new Uint8Array(0), 0, new Tally());
  expect(anomalies).toMatchObject([{ rule: 'sst/key-order', offset: 13, length: 26 }]);
});

test('ingested tables hold sequence 0 and nothing else', () => {
  const rules = rulesFor(COMPARATORS[0], { zeroSequences: true });
  expect(bothSay(buildBlock([put('a', 0n), put('b', 0n)], plain), rules)).toEqual([]);
  expect(bothSay(buildBlock([put('a', 0n), put('b', 7n)], plain), rules)).toEqual(['sst/global-sequence']);
});

test('timestamps: the newer one first, then the sequence falls', () => {
  const rules = rulesFor(COMPARATORS[2]);
  const at = (time: number, sequence: bigint): Entry => ({
    ...put('', sequence),
    key: Uint8Array.from([0x6b, 0, 0, 0, 0, 0, 0, 0, time]),
  });
  expect(bothSay(buildBlock([at(9, 1n), at(8, 5n), at(8, 4n)], plain), rules)).toEqual([]);
  expect(bothSay(buildBlock([at(8, 5n), at(9, 1n)], plain), rules)).toEqual(['sst/key-order']);
});

test('the filter is asked for each user key once', () => {
  const asked: string[] = [];
  const filter = {
    holds(key: Uint8Array, length: number) {
      asked.push(Buffer.from(key.subarray(0, length)).toString());
      return key[0] !== 0x62;
    },
  };
  const rules = rulesFor(COMPARATORS[0], { filter });
  const block = buildBlock([put('a', 2n), put('a', 1n), put('b', 2n), put('b', 1n), put('c')], plain);
  expect(bothSay(block, rules)).toEqual(['sst/filter-misses-key']);
  // the fast path stops at the first key that the filter denies
  expect(asked).toEqual(['a', 'b', 'a', 'b', 'c']);
});

test('a hash index that leads past a key', () => {
  const block = buildBlock([put('a'), put('b'), put('c')], { restartInterval: 1, buckets: 31 });
  const changed = block.map((byte, at) => (at > block.length - 37 && byte === 1 ? 255 : byte));
  expect(bothSay(block, rulesFor(COMPARATORS[0]))).toEqual([]);
  expect(bothSay(changed, rulesFor(COMPARATORS[0]))).toEqual(['sst/hash-index']);
});
