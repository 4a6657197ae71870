import { FILTER, HASHES } from './memory';

/** Loads whose result nobody stores are left out by the compiler. */
const TOUCHED: usize = memory.data(4);

/**
 * Whether the FastLocalBloom filter at FILTER, of `lines` lines of 64 bytes, matches all of the first `count` HASHES
 * (rocksdb util/bloom_impl.h). It looks at every probe of a key before it decides: in a table's own filter all are set, and
 * a branch a probe costs more than the probes.
 */
export function probeBloom(lines: u32, probes: u32, count: u32): bool {
  const end = HASHES + 8 * count;
  // the lines of all keys are on their way at once, and no key waits for its own; what they hold is not looked at yet
  let touched: u32 = 0;
  for (let at = HASHES; at < end; at += 8) {
    touched |= load<u32>(FILTER + 64 * ((((load<u32>(at) as u64) * (lines as u64)) >> 32) as usize));
  }
  store<u32>(TOUCHED, touched);
  for (let at = HASHES; at < end; at += 8) {
    const line = FILTER + 64 * ((((load<u32>(at) as u64) * (lines as u64)) >> 32) as usize);
    let hash = load<u32>(at, 4);
    let all: u32 = 1;
    for (let i: u32 = 0; i < probes; i++) {
      // the top nine bits are the bit's number in the line
      all &= load<u32>(line + ((hash >> 28) << 2)) >> ((hash >> 23) & 31);
      hash *= 0x9e3779b9;
    }
    if (all === 0) return false;
  }
  return true;
}

/**
 * Whether the Bloom filter for the data block at `offset` matches the first `keys` hashes. It is one of `count` in a filter block at FILTER, each
 * for 2^`shift` bytes of the file, whose offsets begin at `offsets`. False also for filters that match everything or nothing.
 */
export function probeFilterBlock(offset: u64, offsets: u32, shift: u32, count: u32, keys: u32): bool {
  const index = offset >> shift;
  if (index >= (count as u64)) return false;
  const at = FILTER + offsets + 4 * (index as u32);
  const from = load<u32>(at);
  const to = load<u32>(at, 4);
  if (from > to || to > offsets || to - from < 2 || load<u8>(FILTER + to - 1) > MOST_PROBES) return false;
  return probeBlockBloom(from, to, keys);
}

/** With more a filter is of a later encoding and matches (leveldb util/bloom.cc). */
const MOST_PROBES: u8 = 30;

/**
 * Whether a Bloom filter of LevelDB, the bytes from `from` to `to` of those at FILTER, matches the first `count` hashes. Its last byte is the
 * number of probes.
 */
export function probeBlockBloom(from: u32, to: u32, count: u32): bool {
  const filter = FILTER + from;
  const bits = (to - from - 1) * 8;
  const probes = load<u8>(FILTER + to - 1) as u32;
  for (let key: u32 = 0; key < count; key++) {
    let hash = load<u32>(HASHES + 8 * key);
    const delta = rotr<u32>(hash, 17);
    for (let i: u32 = 0; i < probes; i++) {
      const bit = hash % bits;
      if (((load<u8>(filter + (bit >> 3)) as u32) & (1 << (bit & 7))) === 0) return false;
      hash += delta;
    }
  }
  return true;
}
