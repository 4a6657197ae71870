/*
 * A table has two unique ids (rocksdb table/unique_id.cc). The internal one, two u64, stands in the MANIFEST: session and
 * database hashed, and the file number mixed in by XOR. The public one, which the engine's tools print, is the same through
 * a hash of 128 bits onto 128 bits that can be undone (util/hash.cc, BijectiveHash2x64: XXH3 of 16 bytes).
 */

const MASK = (1n << 64n) - 1n;
const LOW_OFFSET = 6417269962128484497n;
const HIGH_OFFSET = 17391078804906429400n;
const FLIP_LOW = 0x59973f0033362349n;
const FLIP_HIGH = 0xc202797692d63d58n;
const PRIME_64_1 = 0x9e3779b185ebca87n;
const PRIME_64_2 = 0xc2b2ae3d27d4eb4fn;
const PRIME_32_2 = 0x85ebca77n;
const AVALANCHE = 0x165667919e3779f9n;
/** (16 - 1) << 54: the length goes into the hash. */
const LENGTH = 0x03c0000000000000n;

function avalanche(hash: bigint): bigint {
  let mixed = hash ^ (hash >> 37n);
  mixed = (mixed * AVALANCHE) & MASK;
  return mixed ^ (mixed >> 32n);
}

function swapped(word: bigint): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, word, true);
  return view.getBigUint64(0, false);
}

/** The public id, as tools print it, of an internal one (16 bytes as in the MANIFEST). */
export function publicUniqueId(internal: Uint8Array): string {
  const view = new DataView(internal.buffer, internal.byteOffset, internal.byteLength);
  const low = (view.getBigUint64(0, true) + LOW_OFFSET) & MASK;
  const high = (view.getBigUint64(8, true) + HIGH_OFFSET) & MASK;
  const first = (low ^ high ^ FLIP_LOW) * PRIME_64_1;
  const flipped = high ^ FLIP_HIGH;
  let lo = ((first & MASK) + LENGTH) & MASK;
  const hi = ((first >> 64n) + flipped + (flipped & 0xffffffffn) * (PRIME_32_2 - 1n)) & MASK;
  lo ^= swapped(hi);
  const second = lo * PRIME_64_2;
  const outLow = avalanche(second & MASK);
  const outHigh = avalanche(((second >> 64n) + hi * PRIME_64_2) & MASK);
  // bytes in the order in which they would stand in a file
  const text = (word: bigint) => swapped(word).toString(16).toUpperCase().padStart(16, '0');
  return `${text(outLow)}-${text(outHigh)}`;
}
