// biome-ignore-all lint/correctness/noPrecisionLoss: these are 64-bit integers, not JavaScript's numbers
import { LANES } from './memory';
import {
  fold,
  mix16,
  PRIME32_1,
  PRIME32_2,
  PRIME32_3,
  PRIME64_1,
  PRIME64_2,
  PRIME64_3,
  PRIME64_4,
  PRIME64_5,
  SECRET,
} from './secret';

const STRIPE: u32 = 64;
const BLOCK: u32 = 1024;

/** XXH3, 64 bits, seed 0 (xxHash doc/xxhash_spec.md, section XXH3). */
export function xxh3(input: usize, length: u32): u64 {
  if (length > 240) return long(input, length);
  if (length > 128) return upTo240(input, length);
  if (length > 16) return upTo128(input, length);
  if (length > 8) {
    const low = load<u64>(input) ^ (load<u64>(SECRET, 24) ^ load<u64>(SECRET, 32));
    const high = load<u64>(input + length - 8) ^ (load<u64>(SECRET, 40) ^ load<u64>(SECRET, 48));
    return avalanche((length as u64) + bswap<u64>(low) + high + fold(low, high));
  }
  if (length >= 4) {
    const joined = (load<u32>(input + length - 4) as u64) + ((load<u32>(input) as u64) << 32);
    let hash = joined ^ (load<u64>(SECRET, 8) ^ load<u64>(SECRET, 16));
    hash ^= rotl<u64>(hash, 49) ^ rotl<u64>(hash, 24);
    hash *= 0x9fb21c651e98df25;
    hash ^= (hash >> 35) + (length as u64);
    hash *= 0x9fb21c651e98df25;
    return hash ^ (hash >> 28);
  }
  if (length > 0) {
    const first = load<u8>(input) as u32;
    const middle = load<u8>(input + (length >> 1)) as u32;
    const last = load<u8>(input + length - 1) as u32;
    const joined = (first << 16) | (middle << 24) | last | (length << 8);
    return avalanche64((joined as u64) ^ ((load<u32>(SECRET) ^ load<u32>(SECRET, 4)) as u64));
  }
  return avalanche64(load<u64>(SECRET, 56) ^ load<u64>(SECRET, 64));
}

function avalanche(value: u64): u64 {
  let hash = value ^ (value >> 37);
  hash *= 0x165667919e3779f9;
  return hash ^ (hash >> 32);
}

/** XXH64's, for the shortest inputs. */
function avalanche64(value: u64): u64 {
  let hash = (value ^ (value >> 33)) * PRIME64_2;
  hash = (hash ^ (hash >> 29)) * PRIME64_3;
  return hash ^ (hash >> 32);
}

function upTo128(input: usize, length: u32): u64 {
  let hash = (length as u64) * PRIME64_1;
  const end = input + length;
  for (let i: u32 = 0; i <= (length - 1) >> 5; i++) {
    hash += mix16(input + 16 * i, SECRET + 32 * i) + mix16(end - 16 * (i + 1), SECRET + 32 * i + 16);
  }
  return avalanche(hash);
}

function upTo240(input: usize, length: u32): u64 {
  let hash = (length as u64) * PRIME64_1;
  for (let i: u32 = 0; i < 8; i++) hash += mix16(input + 16 * i, SECRET + 16 * i);
  hash = avalanche(hash);
  for (let i: u32 = 8; i < length >> 4; i++) hash += mix16(input + 16 * i, SECRET + 16 * (i - 8) + 3);
  return avalanche(hash + mix16(input + length - 16, SECRET + 119));
}

/** One pair of lanes: the input is added crosswise, the product of the keyed halves in place. */
function lanes(sum: v128, data: v128, key: v128): v128 {
  const keyed = v128.xor(data, key);
  const low = v128.shuffle<i32>(keyed, keyed, 0, 2, 0, 2);
  const high = v128.shuffle<i32>(keyed, keyed, 1, 3, 1, 3);
  const product = i64x2.extmul_low_i32x4_u(low, high);
  return i64x2.add(i64x2.add(sum, v128.shuffle<i64>(data, data, 1, 0)), product);
}

function scramble(sum: v128, key: v128): v128 {
  const mixed = v128.xor(v128.xor(sum, i64x2.shr_u(sum, 47)), key);
  return i64x2.mul(mixed, i64x2.splat(PRIME32_1));
}

/** Lanes of inputs above 240 bytes, in `LANES` between calls. */
export function startXxh3(): void {
  v128.store(LANES, i64x2(PRIME32_3, PRIME64_1));
  v128.store(LANES, i64x2(PRIME64_2, PRIME64_3), 16);
  v128.store(LANES, i64x2(PRIME64_4, PRIME32_2), 32);
  v128.store(LANES, i64x2(PRIME64_5, PRIME32_1), 48);
}

/** Takes stripes of 64 bytes, the first of which begins a block of 1 KiB. Lanes are four vectors of two, so that they stay in registers. */
export function takeXxh3(input: usize, stripes: u32): void {
  let a = v128.load(LANES);
  let b = v128.load(LANES, 16);
  let c = v128.load(LANES, 32);
  let d = v128.load(LANES, 48);
  let at = input;
  let key = SECRET;
  for (let i: u32 = 0; i < stripes; i++) {
    a = lanes(a, v128.load(at), v128.load(key));
    b = lanes(b, v128.load(at, 16), v128.load(key, 16));
    c = lanes(c, v128.load(at, 32), v128.load(key, 32));
    d = lanes(d, v128.load(at, 48), v128.load(key, 48));
    at += STRIPE;
    key += 8;
    if (key === SECRET + BLOCK / 8) {
      key = SECRET;
      a = scramble(a, v128.load(SECRET, 128));
      b = scramble(b, v128.load(SECRET, 144));
      c = scramble(c, v128.load(SECRET, 160));
      d = scramble(d, v128.load(SECRET, 176));
    }
  }
  v128.store(LANES, a);
  v128.store(LANES, b, 16);
  v128.store(LANES, c, 32);
  v128.store(LANES, d, 48);
}

/** The hash of `total` bytes of which all stripes but the last have been taken; that one is the last 64 bytes, at `last`. */
export function finishXxh3(last: usize, total: u64): u64 {
  const a = lanes(v128.load(LANES), v128.load(last), v128.load(SECRET, 121));
  const b = lanes(v128.load(LANES, 16), v128.load(last, 16), v128.load(SECRET, 137));
  const c = lanes(v128.load(LANES, 32), v128.load(last, 32), v128.load(SECRET, 153));
  const d = lanes(v128.load(LANES, 48), v128.load(last, 48), v128.load(SECRET, 169));
  return avalanche(total * PRIME64_1 + merge(a, 11) + merge(b, 27) + merge(c, 43) + merge(d, 59));
}

function long(input: usize, length: u32): u64 {
  startXxh3();
  // the last stripe is taken from the end, so it never completes a block
  takeXxh3(input, (length - 1) / STRIPE);
  return finishXxh3(input + length - STRIPE, length);
}

/** 16 bytes of input with 16 of the secret, to which a seed is added. */
function seeded16(input: usize, key: usize, seed: u64): u64 {
  return fold(load<u64>(input) ^ (load<u64>(key) + seed), load<u64>(input, 8) ^ (load<u64>(key, 8) - seed));
}

/** XXH3 of 128 bits with a seed, of 17 to 128 bytes: the low half at `to`, then the high half. */
export function xxh3Wide(input: usize, length: u32, seed: u64, to: usize): void {
  const end = input + length;
  let low = (length as u64) * PRIME64_1;
  let high: u64 = 0;
  for (let pair = (length - 1) >> 5; ; pair--) {
    const front = input + 16 * pair;
    const back = end - 16 * (pair + 1);
    const key = SECRET + 32 * pair;
    low = (low + seeded16(front, key, seed)) ^ (load<u64>(back) + load<u64>(back, 8));
    high = (high + seeded16(back, key + 16, seed)) ^ (load<u64>(front) + load<u64>(front, 8));
    if (pair === 0) break;
  }
  store<u64>(to, avalanche(low + high));
  const mixed = low * PRIME64_1 + high * PRIME64_4 + ((length as u64) - seed) * PRIME64_2;
  store<u64>(to, (0 as u64) - avalanche(mixed), 8);
}

function merge(sum: v128, key: usize): u64 {
  return fold(
    v128.extract_lane<u64>(sum, 0) ^ load<u64>(SECRET + key),
    v128.extract_lane<u64>(sum, 1) ^ load<u64>(SECRET + key + 8),
  );
}
