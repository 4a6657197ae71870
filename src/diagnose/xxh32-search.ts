import type { BitPlace } from './crc32c-syndrome.js';

/*
 * XXH32 (xxHash doc/xxhash_spec.md) is a chain of steps each of which can be undone, and block checksums store all of it. So
 * the state that each step must lead to is known from after, the state that it starts from is known from the front, and the
 * input that takes the one to the other can be solved for: a flipped bit is where that input differs from the bytes in one
 * bit. Linear in the length.
 */

const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f | 0;
const PRIME_5 = 0x165667b1 | 0;

/** The inverse of an odd number modulo 2^32: each round doubles the bits that are right. */
function inverse(odd: number): number {
  let result = odd;
  for (let round = 0; round < 5; round++) result = Math.imul(result, 2 - Math.imul(odd, result));
  return result;
}

const INVERSE_1 = inverse(PRIME_1);
const INVERSE_2 = inverse(PRIME_2);
const INVERSE_3 = inverse(PRIME_3);
const INVERSE_4 = inverse(PRIME_4);
const INVERSE_5 = inverse(PRIME_5);

const STRIPE = 16;
const MERGE = [1, 7, 12, 18] as const;

const left = (value: number, by: number) => (value << by) | (value >>> (32 - by));
const right = (value: number, by: number) => (value >>> by) | (value << (32 - by));

/** The bits of `bytes` that, flipped alone, give their XXH32 (seed 0) the value `target`. */
export function bitsForXxh32(bytes: Uint8Array, target: number): BitPlace[] {
  const found: BitPlace[] = [];
  const stripes = Math.floor(bytes.length / STRIPE);
  const lanes = lanesOf(bytes, stripes);
  const merged = stripes === 0 ? PRIME_5 : mergeLanes(lanes, stripes);
  const needed = searchTail(
    bytes,
    stripes * STRIPE,
    (merged + bytes.length) | 0,
    undoAvalanche(target),
    found,
  );
  if (stripes > 0) searchStripes(bytes, stripes, lanes, (needed - bytes.length) | 0, found);
  return found;
}

/** The four lanes before each stripe and after the last. */
function lanesOf(bytes: Uint8Array, stripes: number): Int32Array {
  const lanes = new Int32Array(4 * (stripes + 1));
  lanes.set([PRIME_1 + PRIME_2, PRIME_2, 0, -PRIME_1]);
  for (let i = 0; i < 4 * stripes; i++) {
    lanes[i + 4] = Math.imul(left((lanes[i] + Math.imul(u32(bytes, 4 * i), PRIME_2)) | 0, 13), PRIME_1);
  }
  return lanes;
}

function mergeLanes(lanes: Int32Array, stripes: number): number {
  let sum = 0;
  for (let lane = 0; lane < 4; lane++) sum = (sum + left(lanes[4 * stripes + lane], MERGE[lane])) | 0;
  return sum;
}

function searchStripes(
  bytes: Uint8Array,
  stripes: number,
  lanes: Int32Array,
  needed: number,
  found: BitPlace[],
): void {
  const missing = (needed - mergeLanes(lanes, stripes)) | 0;
  for (let lane = 0; lane < 4; lane++) {
    const end = lanes[4 * stripes + lane];
    let wanted = right((left(end, MERGE[lane]) + missing) | 0, MERGE[lane]);
    for (let i = stripes - 1; i >= 0; i--) {
      const sum = right(Math.imul(wanted, INVERSE_1), 13);
      const word = u32(bytes, STRIPE * i + 4 * lane);
      const fitting = Math.imul((sum - lanes[4 * i + lane]) | 0, INVERSE_2);
      addIfOneBit(found, STRIPE * i + 4 * lane, fitting ^ word);
      wanted = (sum - Math.imul(word, PRIME_2)) | 0;
    }
  }
}

/** Searches the bytes after the stripes. Returns what the hash must be before them. */
function searchTail(
  bytes: Uint8Array,
  start: number,
  hash: number,
  wanted: number,
  found: BitPlace[],
): number {
  const steps: { at: number; isWord: boolean; before: number }[] = [];
  let state = hash;
  for (let at = start; at < bytes.length; ) {
    const isWord = at + 4 <= bytes.length;
    steps.push({ at, isWord, before: state });
    state = isWord
      ? Math.imul(left((state + Math.imul(u32(bytes, at), PRIME_3)) | 0, 17), PRIME_4)
      : Math.imul(left((state + Math.imul(bytes[at], PRIME_5)) | 0, 11), PRIME_1);
    at += isWord ? 4 : 1;
  }
  let needed = wanted;
  for (const { at, isWord, before } of steps.reverse()) {
    const sum = isWord ? right(Math.imul(needed, INVERSE_4), 17) : right(Math.imul(needed, INVERSE_1), 11);
    const input = isWord ? u32(bytes, at) : bytes[at];
    const fitting = Math.imul((sum - before) | 0, isWord ? INVERSE_3 : INVERSE_5);
    const difference = (fitting ^ input) >>> 0;
    if (isWord || difference < 256) addIfOneBit(found, at, difference);
    needed = (sum - Math.imul(input, isWord ? PRIME_3 : PRIME_5)) | 0;
  }
  return needed;
}

function addIfOneBit(found: BitPlace[], at: number, difference: number): void {
  if (difference === 0 || (difference & (difference - 1)) !== 0) return;
  const place = 31 - Math.clz32(difference);
  found.push({ byte: at + (place >>> 3), bit: place & 7 });
}

function undoAvalanche(hash: number): number {
  let value = hash ^ (hash >>> 16);
  value = Math.imul(value, INVERSE_3);
  value = undoShift(value, 13);
  value = Math.imul(value, INVERSE_2);
  return undoShift(value, 15) | 0;
}

/** Undoes `x ^ x >>> by`. */
function undoShift(value: number, by: number): number {
  let result = value;
  for (let shift = by; shift < 32; shift += by) result = value ^ (result >>> by);
  return result;
}

function u32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
