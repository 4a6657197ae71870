import fc from 'fast-check';
import { BLOCK_INDEX_SEED, rocksdbHash } from '../../../src/bytes/rocksdb-hash.js';
import { type Comparator, compareInternalKeys } from '../../../src/format/sst/comparator.js';
import { internalKey } from '../../../src/format/sst/internal-key.js';

/** An entry of a data block, its key with timestamp where the comparator has one. */
export interface Entry {
  key: Uint8Array;
  sequence: bigint;
  type: number;
  value: Uint8Array;
}

export interface BlockForm {
  restartInterval: number;
  separated?: boolean;
  /** Buckets of the hash index; 0 or absent for none. */
  buckets?: number;
}

const varint = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];

const u32 = (value: number): number[] => [
  value & 255,
  (value >>> 8) & 255,
  (value >>> 16) & 255,
  value >>> 24,
];

/** A data block as RocksDB lays it out (src/format/sst/block.ts has the drawing). */
export function buildBlock(entries: readonly Entry[], form: BlockForm): Uint8Array {
  const keys: number[] = [];
  const values: number[] = [];
  const restarts: number[] = [];
  const buckets = new Uint8Array(form.buckets ?? 0).fill(255);
  let previous: Uint8Array = new Uint8Array(0);
  entries.forEach(({ key: userKey, sequence, type, value }, i) => {
    const key = internalKey(userKey, sequence, type);
    const atRestart = i % form.restartInterval === 0;
    let shared = 0;
    if (!atRestart) while (shared < key.length && key[shared] === previous[shared]) shared++;
    if (atRestart) restarts.push(keys.length);
    keys.push(...varint(shared), ...varint(key.length - shared), ...varint(value.length));
    if (form.separated && atRestart) keys.push(...varint(values.length));
    keys.push(...key.subarray(shared));
    (form.separated ? values : keys).push(...value);
    if (buckets.length > 0) {
      const slot = rocksdbHash(userKey, 0, userKey.length, BLOCK_INDEX_SEED) % buckets.length;
      buckets[slot] =
        buckets[slot] === 255 || buckets[slot] === restarts.length - 1 ? restarts.length - 1 : 254;
    }
    previous = key;
  });
  if (restarts.length === 0) restarts.push(0);
  let flags = restarts.length;
  if (form.separated) flags += 0x10000000;
  if (buckets.length > 0) flags += 0x80000000;
  return Uint8Array.from([
    ...keys,
    ...values,
    ...restarts.flatMap(u32),
    ...(buckets.length > 0 ? [...buckets, buckets.length & 255, buckets.length >>> 8] : []),
    ...(form.separated ? u32(keys.length) : []),
    ...u32(flags >>> 0),
  ]);
}

/** Sorts entries as the comparator does and leaves out equal internal keys. */
export function inOrder(entries: readonly Entry[], comparator: Comparator): Entry[] {
  const order = (a: Entry, b: Entry) =>
    compareInternalKeys(
      comparator,
      internalKey(a.key, a.sequence, a.type),
      internalKey(b.key, b.sequence, b.type),
    ) ?? 0;
  return [...entries].sort(order).filter((entry, i, all) => i === 0 || order(all[i - 1], entry) !== 0);
}

/** Keys that share prefixes, with `extra` bytes of timestamp after them. */
export function arbitraryEntry(extra: number): fc.Arbitrary<Entry> {
  const body = fc.oneof(
    fc.array(fc.constantFrom(0x61, 0x62, 0xff, 0), { maxLength: 6 }),
    fc.array(fc.nat(255), { maxLength: 3 }),
    fc.constant(Array.from({ length: 140 }, () => 0x7a)),
  );
  return fc
    .tuple(
      body,
      fc.array(fc.constantFrom(0, 1, 255), { minLength: extra, maxLength: extra }),
      fc.oneof(fc.bigInt(0n, 3n), fc.bigInt(0n, (1n << 53n) - 1n)),
      fc.constantFrom(0, 1, 1, 1, 2, 7, 0x14, 0x11, 0x16, 0x18),
      fc.oneof(fc.nat(20), fc.constant(200)),
    )
    .map(([key, timestamp, sequence, type, length]) => ({
      key: Uint8Array.from([...key, ...timestamp]),
      sequence,
      type,
      value: valueOfType(type, length),
    }));
}

function valueOfType(type: number, length: number): Uint8Array {
  switch (type) {
    case 0x11:
      return Uint8Array.from([1, 10, 71 + length, 64, 0]);
    case 0x16:
      return Uint8Array.from([1, 1, 1, 0x61, length & 0x7f, ...new Uint8Array(length & 0x7f)]);
    case 0x18:
      return new Uint8Array(8 + length);
    case 1:
    case 2:
      return new Uint8Array(length).fill(0x76);
    default:
      return new Uint8Array(0);
  }
}

/** Overwrites bytes of a copy. */
export function mutate(
  bytes: Uint8Array,
  changes: readonly (readonly [at: number, to: number])[],
): Uint8Array {
  const copy = bytes.slice();
  for (const [at, to] of changes) copy[at % copy.length] = to;
  return copy;
}
