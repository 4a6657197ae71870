import { LANES } from './memory';

/*
 * XXH32, seed 0 (xxHash doc/xxhash_spec.md): four lanes of 32 bits run over stripes of 16 bytes, then what is left is taken in. The
 * lanes lie in `LANES` between calls.
 */

const STRIPE: u32 = 16;
const PRIME_1: u32 = 0x9e3779b1;
const PRIME_2: u32 = 0x85ebca77;
const PRIME_3: u32 = 0xc2b2ae3d;
const PRIME_4: u32 = 0x27d4eb2f;
const PRIME_5: u32 = 0x165667b1;

function round(lane: u32, input: u32): u32 {
  return rotl<u32>(lane + input * PRIME_2, 13) * PRIME_1;
}

export function startXxh32(): void {
  store<u32>(LANES, PRIME_1 + PRIME_2);
  store<u32>(LANES, PRIME_2, 4);
  store<u32>(LANES, 0, 8);
  store<u32>(LANES, (0 as u32) - PRIME_1, 12);
}

/** `length` is a multiple of 16. */
export function takeXxh32(input: usize, length: u32): void {
  let a = load<u32>(LANES);
  let b = load<u32>(LANES, 4);
  let c = load<u32>(LANES, 8);
  let d = load<u32>(LANES, 12);
  const end = input + length;
  for (let at = input; at < end; at += STRIPE) {
    a = round(a, load<u32>(at));
    b = round(b, load<u32>(at, 4));
    c = round(c, load<u32>(at, 8));
    d = round(d, load<u32>(at, 12));
  }
  store<u32>(LANES, a);
  store<u32>(LANES, b, 4);
  store<u32>(LANES, c, 8);
  store<u32>(LANES, d, 12);
}

/** The hash of `total` bytes of which the last, fewer than 16, are here and all before have been taken. */
export function endXxh32(input: usize, length: u32, total: u32): u32 {
  let hash = PRIME_5;
  if (total >= STRIPE) {
    hash =
      rotl<u32>(load<u32>(LANES), 1) +
      rotl<u32>(load<u32>(LANES, 4), 7) +
      rotl<u32>(load<u32>(LANES, 8), 12) +
      rotl<u32>(load<u32>(LANES, 12), 18);
  }
  hash += total;
  const end = input + length;
  let at = input;
  for (; at + 4 <= end; at += 4) hash = rotl<u32>(hash + load<u32>(at) * PRIME_3, 17) * PRIME_4;
  for (; at < end; at++) hash = rotl<u32>(hash + (load<u8>(at) as u32) * PRIME_5, 11) * PRIME_1;
  hash = (hash ^ (hash >> 15)) * PRIME_2;
  hash = (hash ^ (hash >> 13)) * PRIME_3;
  return hash ^ (hash >> 16);
}
