import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c, maskCrc } from '../../src/bytes/crc32c.js';
import { xxh3Low, xxh32, xxh64Low } from '../../src/bytes/xxhash.js';
import { searchBlock } from '../../src/diagnose/block-flips.js';
import {
  bitPairsWithSyndrome,
  bitsWithSyndrome,
  bytesWithSyndrome,
  replacedUpTo,
  wordThatFits,
} from '../../src/diagnose/crc32c-syndrome.js';
import { searchRecord } from '../../src/diagnose/log-flips.js';
import { bitsForXxh3, bitsForXxh64 } from '../../src/diagnose/xxh-search.js';
import { bitsForXxh32 } from '../../src/diagnose/xxh32-search.js';
import { encodePhysical } from '../../src/encode/log/writer.js';
import { dialectNamed } from '../../src/format/dialect.js';
import { blockChecksum, CHECKSUM } from '../../src/format/sst/checksum.js';
import { Random } from '../mutation/random.js';

type Search = (bytes: Uint8Array, target: number) => { byte: number; bit: number }[];

const hashes: [string, (bytes: Uint8Array) => number, Search][] = [
  ['CRC-32C', crc32c, (bytes, target) => bitsWithSyndrome((crc32c(bytes) ^ target) >>> 0, bytes.length)],
  ['XXH32', xxh32, bitsForXxh32],
  ['XXH64', xxh64Low, bitsForXxh64],
  ['XXH3', xxh3Low, bitsForXxh3],
];

/** Lengths at which the hashes change their ways, and around them. */
const lengths = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.constantFrom(1023, 1024, 1025, 1087, 1088, 1089, 2047, 2048, 2049, 4096, 4101),
);

describe.each(hashes)('one flipped bit under %s', (_, hash, search) => {
  test('is found, and no other', () => {
    fc.assert(
      fc.property(lengths, fc.nat(), fc.nat(), (length, seed, place) => {
        const bytes = new Random(seed).bytes(length);
        const target = hash(bytes) >>> 0;
        const byte = Math.floor(place / 8) % length;
        bytes[byte] ^= 1 << (place % 8);
        expect(search(bytes, target)).toEqual([{ byte, bit: place % 8 }]);
      }),
      { numRuns: 300 },
    );
  });

  test('in the last and first bytes of 32 KiB, within the time that a scan gives it', () => {
    const bytes = new Random(3).bytes(32_768);
    const target = hash(bytes) >>> 0;
    for (const byte of [0, 1, 1023, 1024, 32_703, 32_704, 32_767]) {
      bytes[byte] ^= 0x80;
      const started = performance.now();
      expect(search(bytes, target)).toEqual([{ byte, bit: 7 }]);
      expect(performance.now() - started).toBeLessThan(3000);
      bytes[byte] ^= 0x80;
    }
  });
});

describe('CRC-32C is linear', () => {
  test('two flipped bits are among the pairs that fit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 2000 }), fc.nat(), fc.nat(), fc.nat(), (length, seed, a, b) => {
        const bytes = new Random(seed).bytes(length);
        const target = crc32c(bytes);
        const [first, second] = [a % (8 * length), b % (8 * length)].sort((x, y) => x - y);
        fc.pre(first !== second);
        for (const place of [first, second]) bytes[place >>> 3] ^= 1 << (place & 7);
        const pairs = bitPairsWithSyndrome((crc32c(bytes) ^ target) >>> 0, length);
        const placeOf = ({ byte, bit }: { byte: number; bit: number }) => 8 * byte + bit;
        const found = pairs.map((pair) => pair.map(placeOf).sort((x, y) => x - y));
        expect(found).toContainEqual([first, second]);
      }),
      { numRuns: 100 },
    );
  });

  test('four bytes at any place can make any checksum right, in one way', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 16, max: 500 }),
        fc.nat(),
        fc.nat(),
        fc.integer(),
        (length, seed, at, word) => {
          const bytes = new Random(seed).bytes(length);
          const place = at % (length - 3);
          const view = new DataView(bytes.buffer);
          const before = view.getUint32(place, true);
          const stored = maskCrc(crc32c(bytes, Math.min(place, 2)));
          view.setUint32(place, word, true);
          expect(wordThatFits(bytes, Math.min(place, 2), length, place, stored)).toBe(before);
        },
      ),
    );
  });
});

describe.each(Object.entries(CHECKSUM).filter(([name]) => name !== 'none'))(
  'a block under %s',
  (_, checksumType) => {
    const offset = 77;

    test.each([0, 0x565fc271])('with context base %i: a bit of payload, type or checksum', (baseContext) => {
      const protection = { checksumType, baseContext };
      const block = new Random(5).bytes(505);
      block[500] = 1;
      const checksum = blockChecksum(protection, block, 0, 500, offset);
      new DataView(block.buffer).setUint32(501, checksum, true);
      expect(searchBlock(protection, block, offset).flips).toEqual([]);
      for (const [at, field] of [
        [3, 'content'],
        [499, 'content'],
        [500, 'type'],
        [501, 'checksum'],
        [504, 'checksum'],
      ] as const) {
        block[at] ^= 0x04;
        const { flips, tried } = searchBlock(protection, block, offset);
        expect(flips).toEqual([{ offset: offset + at, bit: 2, field }]);
        expect(tried).toBe(8 * 505);
        block[at] ^= 0x04;
      }
    });
  },
);

describe('a log record', () => {
  const payload = new Random(9).bytes(300);
  const legacy = encodePhysical(1, payload);

  test.each([
    [0, 'checksum'],
    [4, 'length'],
    [5, 'length'],
    [6, 'type'],
    [7, 'content'],
    [306, 'content'],
  ])('one bit of byte %i, in its %s', (at, field) => {
    const bytes = Uint8Array.from([...legacy, ...legacy]);
    for (let bit = 0; bit < 8; bit++) {
      bytes[at] ^= 1 << bit;
      const { flips } = searchRecord(
        bytes,
        1000,
        at === 6 ? dialectNamed('leveldb').wal : dialectNamed('rocksdb').wal,
      );
      expect(flips).toEqual([{ offset: 1000 + at, bit, field }]);
      bytes[at] ^= 1 << bit;
    }
  });

  test('a type that moves the payload: full and recyclable full differ in one bit', () => {
    const bytes = Uint8Array.from([...legacy, ...legacy]);
    bytes[6] = 5;
    expect(searchRecord(bytes, 0, dialectNamed('rocksdb').wal).flips).toEqual([
      { offset: 6, bit: 2, field: 'type' },
    ]);
  });

  test('too few bytes for a header', () => {
    expect(searchRecord(legacy.subarray(0, 6), 0, dialectNamed('rocksdb').wal).flips).toEqual([]);
  });
});

describe('one overwritten byte under CRC-32C', () => {
  test('is found with the bits of it that differ, as trying every value in every place finds it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (length, seed, place, mask) => {
          const bytes = new Random(seed).bytes(length);
          const target = crc32c(bytes);
          const byte = place % length;
          bytes[byte] ^= mask;
          const found = bytesWithSyndrome((crc32c(bytes) ^ target) >>> 0, length);
          expect(found).toContainEqual({ byte, mask });
          for (const each of found) {
            bytes[each.byte] ^= each.mask;
            expect(crc32c(bytes)).toBe(target);
            bytes[each.byte] ^= each.mask;
          }
        },
      ),
    );
  });

  test('is found by chance about once in 2^32 / (255 · length) syndromes', () => {
    const random = new Random(5);
    let found = 0;
    for (let i = 0; i < 2000; i++) {
      const word = random.bytes(4);
      const syndrome = new DataView(word.buffer, word.byteOffset, 4).getUint32(0, true);
      found += bytesWithSyndrome(syndrome, 16_384).length;
    }
    expect(found).toBeLessThan(10);
  });
});

describe('bytes that two runs share between them under CRC-32C', () => {
  test('are parted where trying every place parts them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        (length, seed, first, second, isWhole) => {
          const random = new Random(seed);
          const other = random.bytes(length);
          const bytes = random.bytes(length);
          const from = first % length;
          const place = from + (second % (length - from + 1));
          const whole = Uint8Array.from(bytes);
          whole.set(other.subarray(from, place), from);
          const target = isWhole ? crc32c(whole) : random.below(2 ** 32);
          const tried = Array.from({ length: length - from }, (_, i) => from + i).find((at) => {
            const each = Uint8Array.from(bytes);
            each.set(other.subarray(from, at), from);
            return crc32c(each) === target;
          });
          const run = { from, to: length, end: length };
          expect(replacedUpTo(bytes, other, run, (crc32c(bytes) ^ target) >>> 0)).toBe(tried);
        },
      ),
    );
  });
});
