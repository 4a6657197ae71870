// biome-ignore-all lint/correctness/noPrecisionLoss: these are 64-bit integers, not JavaScript's numbers
import { LANES } from './memory';
import { PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME64_5 } from './secret';

/*
 * XXH64, seed 0 (xxHash doc/xxhash_spec.md): four lanes of 64 bits run over stripes of 32 bytes, then what is left is taken in. The
 * lanes lie in `LANES` between calls.
 */

const STRIPE: u32 = 32;

export function round(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * PRIME64_2, 31) * PRIME64_1;
}

function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME64_1 + PRIME64_4;
}

/** What lane `lane` starts from. */
export function initial(lane: u32): u64 {
  if (lane === 0) return PRIME64_1 + PRIME64_2;
  if (lane === 1) return PRIME64_2;
  return lane === 2 ? 0 : (0 as u64) - PRIME64_1;
}

/** The hash after all stripes of `length` bytes. */
export function joined(a: u64, b: u64, c: u64, d: u64, length: u64): u64 {
  const sum = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
  return merge(merge(merge(merge(sum, a), b), c), d) + length;
}

/** Takes in `[at, end)`, fewer than 32 bytes. */
export function finish(start: u64, from: usize, end: usize): u64 {
  let hash = start;
  let at = from;
  while (at + 8 <= end) {
    hash = rotl<u64>(hash ^ round(0, load<u64>(at)), 27) * PRIME64_1 + PRIME64_4;
    at += 8;
  }
  if (at + 4 <= end) {
    hash = rotl<u64>(hash ^ ((load<u32>(at) as u64) * PRIME64_1), 23) * PRIME64_2 + PRIME64_3;
    at += 4;
  }
  while (at < end) {
    hash = rotl<u64>(hash ^ ((load<u8>(at) as u64) * PRIME64_5), 11) * PRIME64_1;
    at++;
  }
  hash = (hash ^ (hash >> 33)) * PRIME64_2;
  hash = (hash ^ (hash >> 29)) * PRIME64_3;
  return hash ^ (hash >> 32);
}

export function startXxh64(): void {
  for (let lane: u32 = 0; lane < 4; lane++) store<u64>(LANES + 8 * lane, initial(lane));
}

/** `length` is a multiple of 32. */
export function takeXxh64(input: usize, length: u32): void {
  let a = load<u64>(LANES);
  let b = load<u64>(LANES, 8);
  let c = load<u64>(LANES, 16);
  let d = load<u64>(LANES, 24);
  const end = input + length;
  for (let at = input; at < end; at += STRIPE) {
    a = round(a, load<u64>(at));
    b = round(b, load<u64>(at, 8));
    c = round(c, load<u64>(at, 16));
    d = round(d, load<u64>(at, 24));
  }
  store<u64>(LANES, a);
  store<u64>(LANES, b, 8);
  store<u64>(LANES, c, 16);
  store<u64>(LANES, d, 24);
}

/** The hash of `total` bytes of which the last, fewer than 32, are here and all before have been taken. */
export function xxh64(input: usize, length: u32, total: u64): u64 {
  const hash =
    total < STRIPE
      ? PRIME64_5 + total
      : joined(load<u64>(LANES), load<u64>(LANES, 8), load<u64>(LANES, 16), load<u64>(LANES, 24), total);
  return finish(hash, input, input + length);
}
