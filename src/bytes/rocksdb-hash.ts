/**
 * RocksDB's and LevelDB's own 32-bit hash, a relative of MurmurHash1 (rocksdb util/hash.cc, leveldb util/hash.cc): legacy
 * Bloom filters (seed `BLOOM_SEED`) and the hash index inside data blocks (`BLOCK_INDEX_SEED`).
 * The last one to three bytes are added as signed characters by RocksDB and Pebble and as unsigned ones by LevelDB, so
 * keys with a high bit in their tail differ.
 */
export function rocksdbHash(
  bytes: Uint8Array,
  start: number,
  end: number,
  seed: number,
  tail: 'signed' | 'unsigned' = 'signed',
): number {
  let hash = seed ^ Math.imul(end - start, MULTIPLIER);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    hash = Math.imul(hash + word, MULTIPLIER);
    hash ^= hash >>> 16;
  }
  if (at === end) return hash >>> 0;
  for (let i = end - at - 1; i >= 0; i--) {
    const byte = tail === 'signed' ? (bytes[at + i] << 24) >> 24 : bytes[at + i];
    hash = (hash + (byte << (8 * i))) | 0;
  }
  hash = Math.imul(hash, MULTIPLIER);
  return (hash ^ (hash >>> 24)) >>> 0;
}

const MULTIPLIER = 0xc6a4a793;

export const BLOOM_SEED = 0xbc9f1d34;
export const BLOCK_INDEX_SEED = 397;
