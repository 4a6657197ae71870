// biome-ignore-all lint/correctness/noPrecisionLoss: these are 64-bit integers, not JavaScript's numbers
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
/** Eight lanes of 64 bits. */
const LANES: usize = memory.data(64, 16);

/** XXPH3, 64 bits, seed 0. src/bytes/xxph3.ts is the same in words that can be read. */
export function xxph3(input: usize, length: u32): u64 {
  if (length > 240) return long(input, length);
  if (length > 128) return upTo240(input, length);
  if (length > 16) return upTo128(input, length);
  if (length > 8) {
    const left = load<u64>(input) ^ load<u64>(SECRET);
    const right = load<u64>(input + length - 8) ^ load<u64>(SECRET, 8);
    return avalanche((length as u64) + left + right + fold(left, right));
  }
  if (length >= 4) {
    const joined = (load<u32>(input) as u64) | ((load<u32>(input + length - 4) as u64) << 32);
    const keyed = joined ^ load<u64>(SECRET);
    const mixed = (length as u64) + (keyed ^ (keyed >> 51)) * PRIME32_1;
    return avalanche((mixed ^ (mixed >> 47)) * PRIME64_2);
  }
  if (length > 0) {
    const first = load<u8>(input) as u32;
    const middle = load<u8>(input + (length >> 1)) as u32;
    const last = load<u8>(input + length - 1) as u32;
    const joined = first | (middle << 8) | (last << 16) | (length << 24);
    return avalanche(((joined ^ load<u32>(SECRET)) as u64) * PRIME64_1);
  }
  return fold(load<u64>(SECRET), PRIME64_2);
}

function avalanche(value: u64): u64 {
  let hash = value ^ (value >> 37);
  hash *= PRIME64_3;
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

function stripe(input: usize, key: usize): void {
  for (let lane: usize = 0; lane < 64; lane += 8) {
    const value = load<u64>(input + lane);
    const keyed = value ^ load<u64>(key + lane);
    store<u64>(LANES + lane, load<u64>(LANES + lane) + value + (keyed & 0xffffffff) * (keyed >> 32));
  }
}

function long(input: usize, length: u32): u64 {
  store<u64>(LANES, PRIME32_3);
  store<u64>(LANES, PRIME64_1, 8);
  store<u64>(LANES, PRIME64_2, 16);
  store<u64>(LANES, PRIME64_3, 24);
  store<u64>(LANES, PRIME64_4, 32);
  store<u64>(LANES, PRIME32_2, 40);
  store<u64>(LANES, PRIME64_5, 48);
  store<u64>(LANES, PRIME32_1, 56);
  const end = input + length;
  let at = input;
  for (; at + BLOCK <= end; at += BLOCK) {
    for (let i: u32 = 0; i < BLOCK / STRIPE; i++) stripe(at + i * STRIPE, SECRET + 8 * i);
    for (let lane: usize = 0; lane < 64; lane += 8) {
      const sum = load<u64>(LANES + lane);
      store<u64>(LANES + lane, (sum ^ (sum >> 47) ^ load<u64>(SECRET + 128 + lane)) * PRIME32_1);
    }
  }
  for (let key = SECRET; at + STRIPE <= end; at += STRIPE, key += 8) stripe(at, key);
  if (length % STRIPE !== 0) stripe(end - STRIPE, SECRET + 121);
  let hash = (length as u64) * PRIME64_1;
  for (let pair: usize = 0; pair < 4; pair++) {
    const left = load<u64>(LANES + 16 * pair) ^ load<u64>(SECRET + 11 + 16 * pair);
    const right = load<u64>(LANES + 16 * pair + 8) ^ load<u64>(SECRET + 19 + 16 * pair);
    hash += fold(left, right);
  }
  return avalanche(hash);
}
