/*
 * RocksDB's and LevelDB's own 32-bit hash with the seed of their older Bloom filters; src/bytes/rocksdb-hash.ts says where it comes from
 * and what `signed` means.
 */

const SEED: u32 = 0xbc9f1d34;
const MULTIPLIER: u32 = 0xc6a4a793;

export function bloomHash(key: usize, length: u32, signed: bool): u32 {
  let hash = SEED ^ (length * MULTIPLIER);
  const end = key + length;
  let at = key;
  for (; at + 4 <= end; at += 4) {
    hash = (hash + load<u32>(at)) * MULTIPLIER;
    hash ^= hash >> 16;
  }
  if (at === end) return hash;
  for (let i = (end - at - 1) as i32; i >= 0; i--) {
    const byte: u32 = signed ? (load<i8>(at + i) as i32 as u32) : (load<u8>(at + i) as u32);
    hash += byte << (8 * i);
  }
  hash *= MULTIPLIER;
  return hash ^ (hash >> 24);
}
