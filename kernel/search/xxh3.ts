// biome-ignore-all lint/correctness/noPrecisionLoss: these are 64-bit integers, not JavaScript's numbers
import {
  fold,
  PRIME32_1,
  PRIME32_2,
  PRIME32_3,
  PRIME64_1,
  PRIME64_2,
  PRIME64_3,
  PRIME64_4,
  PRIME64_5,
  SECRET,
} from '../hash/secret';
import { addMatch, INPUT, matchCount, scratch, startSearch } from './memory';

const STRIPE: u32 = 64;
const BLOCK: u32 = 1024;
const LANES: u32 = 64;

/*
 * XXH3 of more than 240 bytes (xxHash doc/xxhash_spec.md) adds each stripe of 64 bytes into eight lanes and scrambles the
 * lanes after every 16. Within a block that is a sum: a flipped bit of lane `l` changes lanes `l` and its neighbour by a
 * difference that can be told at once, and only those two are carried on, block by block. For each block two things are
 * kept: the lanes at its end, before they are scrambled, and what its stripes add to them.
 */

let stripes: u32 = 0;
let blocks: u32 = 0;
let ends: usize = 0;
let sums: usize = 0;
let inputLength: u32 = 0;

function product(keyed: u64): u64 {
  return (keyed & 0xffffffff) * (keyed >> 32);
}

/** Adds a stripe to the eight lanes at `to`. */
function addStripe(to: usize, at: usize, key: usize): void {
  for (let lane: u32 = 0; lane < 8; lane++) {
    const data = load<u64>(at + 8 * lane);
    const own = to + 8 * lane;
    const other = to + 8 * (lane ^ 1);
    store<u64>(other, load<u64>(other) + data);
    store<u64>(own, load<u64>(own) + product(data ^ load<u64>(key + 8 * lane)));
  }
}

function scramble(value: u64, lane: u32): u64 {
  return (value ^ (value >> 47) ^ load<u64>(SECRET + 128 + 8 * lane)) * PRIME32_1;
}

function initial(lane: u32): u64 {
  switch (lane) {
    case 0:
      return PRIME32_3;
    case 1:
      return PRIME64_1;
    case 2:
      return PRIME64_2;
    case 3:
      return PRIME64_3;
    case 4:
      return PRIME64_4;
    case 5:
      return PRIME32_2;
    case 6:
      return PRIME64_5;
    default:
      return PRIME32_1;
  }
}

/** What the pair of lanes beginning at `lane` adds to the hash. */
function merge(low: u64, high: u64, lane: u32): u64 {
  const key = SECRET + 11 + 8 * lane;
  return fold(low ^ load<u64>(key), high ^ load<u64>(key + 8));
}

function avalanche(value: u64): u64 {
  const hash = (value ^ (value >> 37)) * 0x165667919e3779f9;
  return hash ^ (hash >> 32);
}

/** Sums and ends of the blocks from `from` on, the lanes before it being known. The last stripe belongs to the last block. */
function runFrom(from: u32): void {
  for (let block = from; block < blocks; block++) {
    const sum = sums + block * LANES;
    memory.fill(sum, 0, LANES);
    const first = block * (BLOCK / STRIPE);
    const limit = min<u32>(first + BLOCK / STRIPE, stripes);
    for (let i = first; i < limit; i++) addStripe(sum, INPUT + i * STRIPE, SECRET + 8 * (i - first));
    if (block + 1 === blocks) addStripe(sum, INPUT + inputLength - STRIPE, SECRET + 121);
    for (let lane: u32 = 0; lane < 8; lane++) {
      const before =
        block === 0 ? initial(lane) : scramble(load<u64>(ends + (block - 1) * LANES + 8 * lane), lane);
      store<u64>(ends + block * LANES + 8 * lane, before + load<u64>(sum + 8 * lane));
    }
  }
}

/** The hash, from the lanes at the end, without what the pair at `without` adds; 8: with all. */
function sumOfPairs(without: u32): u64 {
  const last = ends + (blocks - 1) * LANES;
  let hash = (inputLength as u64) * PRIME64_1;
  for (let pair: u32 = 0; pair < 8; pair += 2) {
    if (pair !== without) hash += merge(load<u64>(last + 8 * pair), load<u64>(last + 8 * pair + 8), pair);
  }
  return hash;
}

/**
 * Finds the bits of the `length` bytes at `INPUT`, more than 240, without which the low half of their XXH3 (64 bits, seed
 * 0) is `target`.
 */
export function searchXxh3(length: u32, target: u32): u32 {
  startSearch();
  inputLength = length;
  stripes = (length - 1) / STRIPE;
  // scrambled after each full block: where the stripes end with one, the last stripe is a block of its own
  blocks = stripes / (BLOCK / STRIPE) + 1;
  ends = scratch(length);
  sums = ends + blocks * LANES;
  runFrom(0);
  const tail = length - STRIPE;
  for (let lane: u32 = 0; lane < 8; lane++) searchLane(lane, tail, target);
  searchTail(tail, target);
  return matchCount();
}

/** The bits of one lane in all stripes but the last. */
function searchLane(lane: u32, tail: u32, target: u32): void {
  const pair = lane & ~1;
  const rest = sumOfPairs(pair);
  for (let i: u32 = 0; i < stripes; i++) {
    const at = i * STRIPE + 8 * lane;
    if (at >= tail) break;
    const block = i / (BLOCK / STRIPE);
    const data = load<u64>(INPUT + at);
    const key = load<u64>(SECRET + 8 * (i % (BLOCK / STRIPE)) + 8 * lane);
    const before = product(data ^ key);
    const own = load<u64>(ends + block * LANES + 8 * lane) - before;
    const other = load<u64>(ends + block * LANES + 8 * (lane ^ 1)) - data;
    // bytes that the last stripe takes in, too, are left to `searchTail`
    const bits = min<u32>(64, (tail - at) * 8);
    for (let bit: u32 = 0; bit < bits; bit++) {
      const flipped = data ^ ((1 as u64) << (bit as u64));
      let mine = own + product(flipped ^ key);
      let neighbour = other + flipped;
      for (let next = block + 1; next < blocks; next++) {
        mine = scramble(mine, lane) + load<u64>(sums + next * LANES + 8 * lane);
        neighbour = scramble(neighbour, lane ^ 1) + load<u64>(sums + next * LANES + 8 * (lane ^ 1));
      }
      const merged = lane === pair ? merge(mine, neighbour, pair) : merge(neighbour, mine, pair);
      if ((avalanche(rest + merged) as u32) === target) addMatch(at * 8 + bit);
    }
  }
}

/** The bits of the last 64 bytes, which the last stripe takes in and perhaps one before it: hashed again for each. */
function searchTail(tail: u32, target: u32): void {
  const from = min<u32>(tail / BLOCK, blocks - 1);
  for (let at = tail; at < inputLength; at++) {
    const byte = load<u8>(INPUT + at);
    for (let bit: u32 = 0; bit < 8; bit++) {
      store<u8>(INPUT + at, ((byte as u32) ^ (1 << bit)) as u8);
      runFrom(from);
      if ((avalanche(sumOfPairs(8)) as u32) === target) addMatch(at * 8 + bit);
    }
    store<u8>(INPUT + at, byte);
  }
}
