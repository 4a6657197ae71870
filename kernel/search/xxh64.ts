// biome-ignore-all lint/correctness/noPrecisionLoss: these are 64-bit integers, not JavaScript's numbers
import { PRIME64_1, PRIME64_2, PRIME64_5 } from '../hash/secret';
import { finish, initial, joined, round } from '../hash/xxh64';
import { addMatch, INPUT, matchCount, scratch, startSearch } from './memory';

const STRIPE: u32 = 32;

/*
 * XXH64 (xxHash doc/xxhash_spec.md) runs four lanes of 64 bits over stripes of 32 bytes and then takes in what is left. A
 * flipped bit of a stripe changes one lane from there on, so only that lane is run again; of the rest of the input, only
 * what follows the bit.
 */

/** Finds the bits of the `length` bytes at `INPUT` without which the low half of their XXH64 (seed 0) is `target`. */
export function searchXxh64(length: u32, target: u32): u32 {
  startSearch();
  const stripes = length / STRIPE;
  const tail = INPUT + stripes * STRIPE;
  const end = INPUT + length;
  let hash = PRIME64_5 + (length as u64);
  if (stripes > 0) hash = searchStripes(stripes, length, target);
  searchTail(hash, tail, end, target);
  return matchCount();
}

/** The bits of the last bytes, few enough to hash them again for each. */
function searchTail(hash: u64, tail: usize, end: usize, target: u32): void {
  for (let at = tail; at < end; at++) {
    const byte = load<u8>(at);
    for (let bit: u32 = 0; bit < 8; bit++) {
      store<u8>(at, ((byte as u32) ^ (1 << bit)) as u8);
      if ((finish(hash, tail, end) as u32) === target) addMatch(((at - INPUT) as u32) * 8 + bit);
    }
    store<u8>(at, byte);
  }
}

/** Searches the stripes; returns the hash after them, before the tail. */
function searchStripes(stripes: u32, length: u32, target: u32): u64 {
  const before = scratch(length);
  const tail = INPUT + stripes * STRIPE;
  const end = INPUT + length;
  for (let lane: u32 = 0; lane < 4; lane++) {
    let value = initial(lane);
    for (let i: u32 = 0; i < stripes; i++) {
      store<u64>(before + i * STRIPE + lane * 8, value);
      value = round(value, load<u64>(INPUT + i * STRIPE + lane * 8));
    }
    store<u64>(before + stripes * STRIPE + lane * 8, value);
  }
  const last = before + stripes * STRIPE;
  const a = load<u64>(last);
  const b = load<u64>(last, 8);
  const c = load<u64>(last, 16);
  const d = load<u64>(last, 24);
  for (let i: u32 = 0; i < stripes; i++) {
    for (let lane: u32 = 0; lane < 4; lane++) {
      const at = i * STRIPE + lane * 8;
      const start = load<u64>(before + at);
      const word = load<u64>(INPUT + at);
      // eight chains side by side: each waits for its own multiplications only
      for (let byte: u32 = 0; byte < 8; byte++) {
        const flip = (1 as u64) << ((8 * byte) as u64);
        let v0 = round(start, word ^ flip);
        let v1 = round(start, word ^ (flip << 1));
        let v2 = round(start, word ^ (flip << 2));
        let v3 = round(start, word ^ (flip << 3));
        let v4 = round(start, word ^ (flip << 4));
        let v5 = round(start, word ^ (flip << 5));
        let v6 = round(start, word ^ (flip << 6));
        let v7 = round(start, word ^ (flip << 7));
        for (let p = INPUT + at + STRIPE; p < tail; p += STRIPE) {
          const input = load<u64>(p) * PRIME64_2;
          v0 = rotl<u64>(v0 + input, 31) * PRIME64_1;
          v1 = rotl<u64>(v1 + input, 31) * PRIME64_1;
          v2 = rotl<u64>(v2 + input, 31) * PRIME64_1;
          v3 = rotl<u64>(v3 + input, 31) * PRIME64_1;
          v4 = rotl<u64>(v4 + input, 31) * PRIME64_1;
          v5 = rotl<u64>(v5 + input, 31) * PRIME64_1;
          v6 = rotl<u64>(v6 + input, 31) * PRIME64_1;
          v7 = rotl<u64>(v7 + input, 31) * PRIME64_1;
        }
        const first = (at + byte) * 8;
        for (let bit: u32 = 0; bit < 8; bit++) {
          const v =
            bit < 4
              ? bit < 2
                ? bit === 0
                  ? v0
                  : v1
                : bit === 2
                  ? v2
                  : v3
              : bit < 6
                ? bit === 4
                  ? v4
                  : v5
                : bit === 6
                  ? v6
                  : v7;
          const hash = joined(
            lane === 0 ? v : a,
            lane === 1 ? v : b,
            lane === 2 ? v : c,
            lane === 3 ? v : d,
            length,
          );
          if ((finish(hash, tail, end) as u32) === target) addMatch(first + bit);
        }
      }
    }
  }
  return joined(a, b, c, d, length);
}
