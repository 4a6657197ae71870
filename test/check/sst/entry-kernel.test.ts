import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyHashes, lastKey } from '../../../src/bytes/kernel.js';
import { BLOOM_SEED, rocksdbHash } from '../../../src/bytes/rocksdb-hash.js';
import { xxph3 } from '../../../src/bytes/xxph3.js';
import { type DataRules, type HashedKeys, Tally } from '../../../src/check/sst/data-rules.js';
import { EntryKernel } from '../../../src/check/sst/entry-kernel.js';
import { DataBlockVerifier } from '../../../src/check/sst/verify.js';
import { comparatorNamed } from '../../../src/format/sst/comparator.js';

/*
 * The kernel's yes must be the yes of the path in JavaScript, with the same sums, on good blocks and on mutated ones. A
 * filter that is asked key by key keeps the kernel out of the verifier.
 */

const types = new Uint8Array(256);
for (const type of [0, 1, 2, 7]) types[type] = 1;

/** What each kind of filter hashes a key with. */
const hashOf = {
  xxph3: (key: Uint8Array, length: number) => xxph3(key, 0, length),
  signed: (key: Uint8Array, length: number) => BigInt(rocksdbHash(key, 0, length, BLOOM_SEED, 'signed')),
  unsigned: (key: Uint8Array, length: number) => BigInt(rocksdbHash(key, 0, length, BLOOM_SEED, 'unsigned')),
};
const kinds = ['xxph3', 'signed', 'unsigned'] as const;

const asked: Uint8Array[] = [];
const filter = {
  holds(key: Uint8Array, length: number) {
    asked.push(key.slice(0, length));
    return true;
  },
};
const rules = (zeroSequences: boolean): DataRules => ({
  comparator: comparatorNamed(),
  types,
  zeroSequences,
  embeddedBlobs: false,
  filter,
});

const hashed: bigint[] = [];
const byHash = (hash: (typeof kinds)[number]) => ({
  ...filter,
  byHash: {
    hash,
    holdsAll({ hashes, count, blockOffset }: HashedKeys) {
      expect(hashes).toBe(keyHashes);
      expect(blockOffset).toBe(4096);
      for (let i = 0; i < count; i++) hashed.push((BigInt(hashes[2 * i + 1]) << 32n) | BigInt(hashes[2 * i]));
      return true;
    },
  },
});

interface Entry {
  key: Uint8Array;
  sequence: number;
  type: number;
  value: Uint8Array;
}

const varint = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];

function internal({ key, sequence, type }: Entry): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeBigUInt64LE((BigInt(sequence) << 8n) | BigInt(type));
  return Buffer.concat([key, trailer]);
}

/** A data block as RocksDB lays it out, a restart point every `interval` entries. */
function blockOf(entries: readonly Entry[], interval: number): Uint8Array {
  const bytes: number[] = [];
  const restarts: number[] = [];
  let previous: Uint8Array = new Uint8Array(0);
  entries.forEach((entry, i) => {
    const key = internal(entry);
    let shared = 0;
    if (i % interval === 0) restarts.push(bytes.length);
    else while (shared < key.length && key[shared] === previous[shared]) shared++;
    bytes.push(...varint(shared), ...varint(key.length - shared), ...varint(entry.value.length));
    bytes.push(...key.subarray(shared), ...entry.value);
    previous = key;
  });
  const tail = Buffer.alloc(4 * restarts.length + 4);
  for (const [i, at] of [...restarts, restarts.length].entries()) tail.writeUInt32LE(at, 4 * i);
  return Buffer.concat([Buffer.from(bytes), tail]);
}

const key = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.constant(new Uint8Array(300)),
);
const entry: fc.Arbitrary<Entry> = fc.record({
  key,
  sequence: fc.oneof(fc.nat(5), fc.nat(2 ** 31 - 1)),
  type: fc.constantFrom(0, 1, 1, 1, 2, 7),
  value: fc.uint8Array({ maxLength: 200 }),
});

/** In the order of internal keys, none twice. */
function ordered(entries: readonly Entry[]): Entry[] {
  const order = (a: Entry, b: Entry) =>
    Buffer.compare(a.key, b.key) || b.sequence - a.sequence || b.type - a.type;
  return [...entries].sort(order).filter((e, i, all) => i === 0 || order(all[i - 1], e) !== 0);
}

function compare(block: Uint8Array, previous: Uint8Array, zeroSequences: boolean): boolean {
  const verifier = new DataBlockVerifier(rules(zeroSequences));
  if (previous.length > 0) verifier.resume(previous);
  asked.length = 0;
  const expected = verifier.verify(block, 0, block.length, 0);
  return kinds.map((kind) => isSame(block, previous, zeroSequences, kind, verifier, expected)).every(Boolean);
}

function isSame(
  block: Uint8Array,
  previous: Uint8Array,
  zeroSequences: boolean,
  kind: (typeof kinds)[number],
  verifier: DataBlockVerifier,
  expected: boolean,
): boolean {
  hashed.length = 0;
  const kernel = EntryKernel.for({ ...rules(zeroSequences), filter: byHash(kind) })!;
  const tally = new Tally();
  const padded = Buffer.concat([Buffer.from('..'), block, Buffer.from('..')]);
  const fine = kernel.verify(padded, 2, padded.length - 2, previous, previous.length, tally, 4096);
  expect(fine).toBe(expected);
  if (!fine) return false;
  expect(tally).toEqual(verifier.tally);
  expect(Buffer.from(lastKey.subarray(0, kernel.lastLength))).toEqual(
    Buffer.from(verifier.key.subarray(0, verifier.keyLength)),
  );
  expect(kernel.firstLength).toBe(verifier.firstLength);
  expect(hashed).toEqual(asked.map((key) => hashOf[kind](key, key.length)));
  return true;
}

test('good blocks: both say yes, with the same sums and the same keys for the filter', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 17 }),
      (entries, interval) => {
        expect(compare(blockOf(ordered(entries), interval), new Uint8Array(0), false)).toBe(true);
      },
    ),
  );
});

test('the key before the block counts', () => {
  const block = blockOf([{ key: Buffer.from('m'), sequence: 5, type: 1, value: new Uint8Array(1) }], 16);
  const before = (text: string, sequence: number) =>
    internal({ key: Buffer.from(text), sequence, type: 1, value: new Uint8Array(0) });
  expect(compare(block, before('a', 1), false)).toBe(true);
  expect(compare(block, before('m', 6), false)).toBe(true);
  expect(compare(block, before('m', 5), false)).toBe(false);
  expect(compare(block, before('z', 9), false)).toBe(false);
  expect(compare(block, before('a', 1), true)).toBe(false);
});

test('mutated blocks: they agree', () => {
  const change = fc.tuple(fc.nat(4000), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)));
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.nat(20),
      (entries, interval, changes, cut) => {
        const good = blockOf(ordered(entries), interval);
        const bytes = Uint8Array.from(good.subarray(0, good.length - (cut < 4 ? cut : 0)));
        for (const [at, to] of changes) bytes[at % bytes.length] = to;
        // flags of separated values and hash indexes are not for the kernel, nor is an empty block
        fc.pre(bytes.length >= 8 && bytes[bytes.length - 1] < 0x10 && bytes.length > 12);
        compare(bytes, new Uint8Array(0), false);
      },
    ),
    { numRuns: 2000 },
  );
});
