import { KERNEL_FILTER, keyHashes, probeBlockBloom } from '../../../bytes/kernel.js';
import { BLOOM_SEED, rocksdbHash } from '../../../bytes/rocksdb-hash.js';
import type { FilterProblem, KernelBloom } from './filter.js';

/*
 * The filter block of LevelDB, and RocksDB's obsolete block-based one: a Bloom filter for every 2^base_lg bytes of the
 * file, and the offsets of them all (leveldb table/filter_block.cc, util/bloom.cc).
 *
 *   | filter 0 | filter 1 | … | u32 offset[0] | u32 offset[1] | … | u32 start of the offsets | u8 base_lg |
 *   filter = bits, u8 number of probes
 */
const TAIL = 5;
/** Above this many probes the filter is of a later encoding and matches. */
const MOST_PROBES = 30;

interface BlockFilter {
  /** False: a reader skips the data block that starts at file offset `blockOffset` for the user key `bytes[start, end)`. */
  mayMatch(blockOffset: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** The same of `count` keys at once, by `rocksdbHash` with the seed of Bloom filters in every other word. */
  mayMatchAll(blockOffset: number, hashes: Uint32Array, count: number): boolean;
  /** How the hash takes the last bytes of a key. */
  readonly tail: 'signed' | 'unsigned';
  readonly problems: readonly FilterProblem[];
  /** Present where nothing is wrong with it, it is not empty, and the kernel has room for it. */
  readonly bloom?: KernelBloom;
}

/**
 * Opens a block-based filter. `tail` is the hash's: unsigned for `filter.leveldb.BuiltinBloomFilter2`, signed for
 * `filter.rocksdb.BuiltinBloomFilter`. Damaged filters match everything, as they do in the engines.
 */
export function openBlockFilter(payload: Uint8Array, tail: 'signed' | 'unsigned'): BlockFilter {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const broken = (offset: number, length: number, message: string): BlockFilter => ({
    mayMatch: () => true,
    mayMatchAll: () => true,
    tail,
    problems: [{ offset, length, message }],
  });
  if (payload.length < TAIL)
    return broken(0, payload.length, 'shorter than the offset and the shift at its end');
  const offsets = view.getUint32(payload.length - TAIL, true);
  const shift = payload[payload.length - 1];
  if (offsets > payload.length - TAIL) {
    return broken(payload.length - TAIL, 4, `the offsets start at ${offsets}, after the end`);
  }
  if (shift > 31) return broken(payload.length - 1, 1, `a filter for every 2^${shift} bytes`);
  const count = Math.floor((payload.length - TAIL - offsets) / 4);
  // the offset after the last one is the start of the offsets itself, which stands there
  const offsetOf = (index: number) => view.getUint32(offsets + 4 * index, true);
  const problems: FilterProblem[] = [];
  for (let i = 0; i < count; i++) {
    if (offsetOf(i) <= offsetOf(i + 1) && offsetOf(i + 1) <= offsets) continue;
    problems.push({
      offset: offsets + 4 * i,
      length: 4,
      message: `the offset of filter ${i} does not ascend`,
    });
  }

  const matches = (blockOffset: number, hashes: ArrayLike<number>, keys: number): boolean => {
    const index = Math.floor(blockOffset / 2 ** shift);
    if (index >= count || keys === 0) return true;
    const from = offsetOf(index);
    const to = offsetOf(index + 1);
    if (from === to) return false;
    if (from > to || to > offsets) return true;
    if (to - from < 2) return false;
    if (payload[to - 1] > MOST_PROBES) return true;
    if (hashes === keyHashes && payload.length <= KERNEL_FILTER)
      return probeBlockBloom(payload, from, to, keys);
    for (let key = 0; key < keys; key++) if (!bloomMayMatch(payload, from, to, hashes[2 * key])) return false;
    return true;
  };
  const one = new Uint32Array(1);
  const isPlaced = problems.length === 0 && count > 0 && payload.length <= KERNEL_FILTER;
  return {
    problems,
    tail,
    ...(isPlaced && { bloom: { bits: payload, lines: offsets, probes: shift, parts: count } }),
    mayMatch(blockOffset, bytes, start, end) {
      one[0] = rocksdbHash(bytes, start, end, BLOOM_SEED, tail);
      return matches(blockOffset, one, 1);
    },
    mayMatchAll: matches,
  };
}

function bloomMayMatch(payload: Uint8Array, from: number, to: number, hashed: number): boolean {
  const probes = payload[to - 1];
  const bits = (to - from - 1) * 8;
  let hash = hashed;
  const delta = ((hash >>> 17) | (hash << 15)) >>> 0;
  for (let i = 0; i < probes; i++) {
    const bit = hash % bits;
    if ((payload[from + (bit >>> 3)] & (1 << (bit & 7))) === 0) return false;
    hash = (hash + delta) >>> 0;
  }
  return true;
}
