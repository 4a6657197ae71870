// biome-ignore-all lint/correctness/noPrecisionLoss: these are 64-bit integers, not JavaScript's numbers
/**
 * What Standard128 Ribbon asks for a key, from its XXPH3 `hash` (rocksdb util/ribbon_impl.h). Left at `to`, as u32 words:
 * the start slot; the expected result; the row of 128 coefficients, moved to the slot's place in its segment (4 words);
 * what of it falls into the next segment (4 words).
 */
export function ribbonRow(hash: u64, rawSeed: u32, starts: u32, to: usize): void {
  const seeded = (hash ^ (rawSeed as u64)) * 0x6193d459236a3a0d;
  const slot = (((seeded >> 32) * (starts as u64) + (((seeded & 0xffffffff) * (starts as u64)) >> 32)) >>
    32) as u32;
  const high = seeded * 0xc28f82822b650bed;
  const low = (high ^ 0xc367844a6e52731d) | 1;
  store<u32>(to, slot);
  store<u32>(to, bswap<u32>((high >> 32) as u32), 4);

  const shift = (slot & 127) as u64;
  let low0 = low;
  let high0 = high;
  let low1: u64 = 0;
  let high1: u64 = 0;
  if (shift >= 64) {
    // shifts count modulo 64
    low0 = 0;
    high0 = low << shift;
    low1 = shift === 64 ? high : (high << shift) | (low >> (64 - shift));
    high1 = shift === 64 ? 0 : high >> (64 - shift);
  } else if (shift > 0) {
    low0 = low << shift;
    high0 = (high << shift) | (low >> (64 - shift));
    low1 = high >> (64 - shift);
  }
  store<u64>(to, low0, 8);
  store<u64>(to, high0, 16);
  store<u64>(to, low1, 24);
  store<u64>(to, high1, 32);
}
