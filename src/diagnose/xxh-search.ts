import { instantiate, type KernelMemory } from '../bytes/webassembly.js';
import { xxh3Low } from '../bytes/xxhash.js';
import type { BitPlace } from './crc32c-syndrome.js';
import { SEARCH_KERNEL } from './kernel-module.js';

/*
 * One flipped bit under a hash of the XXH family, none of which is linear: every bit is tried, from what is kept of one
 * pass over the bytes. Measured on Node 20, x86-64, all bits of 32 KiB: XXH32 0.1 ms (its lanes run backwards, so that
 * nothing has to be tried), XXH3 16 ms, XXH64 80 ms. Hashing 32 KiB 262,144 times would take one to three seconds.
 */

interface Exports {
  memory: KernelMemory;
  INPUT: { value: number };
  MATCHES: { value: number };
  MOST_MATCHES: { value: number };
  searchXxh3(length: number, target: number): number;
  searchXxh64(length: number, target: number): number;
}

let instance: Exports | undefined;

const PAGE = 65_536;

/** Up to here XXH3 has no lanes that could be kept, and hashing is cheap. Bytes. */
const SHORT_XXH3 = 240;

/** The kernel with `bytes` as its input. It is compiled when it is first needed: most scans never need it. */
function kernelWith(bytes: Uint8Array): Exports {
  instance ??= instantiate<Exports>(SEARCH_KERNEL);
  const { memory, INPUT } = instance;
  const needed = INPUT.value + 3 * bytes.length + PAGE;
  const missing = needed - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  new Uint8Array(memory.buffer).set(bytes, INPUT.value);
  return instance;
}

function matchesOf({ memory, MATCHES, MOST_MATCHES }: Exports, count: number): BitPlace[] {
  const bits = new Uint32Array(memory.buffer, MATCHES.value, Math.min(count, MOST_MATCHES.value));
  return [...bits].map((place) => ({ byte: place >>> 3, bit: place & 7 }));
}

/** The bits of `bytes` that, flipped alone, give the low 32 bits of XXH3 (64 bits, seed 0) the value `target`. */
export function bitsForXxh3(bytes: Uint8Array, target: number): BitPlace[] {
  if (bytes.length <= SHORT_XXH3) return tryAll(bytes, target >>> 0);
  const kernel = kernelWith(bytes);
  return matchesOf(kernel, kernel.searchXxh3(bytes.length, target | 0));
}

function tryAll(bytes: Uint8Array, target: number): BitPlace[] {
  const changed = Uint8Array.from(bytes);
  const found: BitPlace[] = [];
  for (let byte = 0; byte < changed.length; byte++) {
    for (let bit = 0; bit < 8; bit++) {
      changed[byte] = bytes[byte] ^ (1 << bit);
      if (xxh3Low(changed) >>> 0 === target) found.push({ byte, bit });
    }
    changed[byte] = bytes[byte];
  }
  return found;
}

/** The bits of `bytes` that, flipped alone, give the low 32 bits of XXH64 (seed 0) the value `target`. */
export function bitsForXxh64(bytes: Uint8Array, target: number): BitPlace[] {
  const kernel = kernelWith(bytes);
  return matchesOf(kernel, kernel.searchXxh64(bytes.length, target | 0));
}

/** Steps that a search takes, about a nanosecond each: what a budget is counted in. */
export function searchCost(hash: 'xxh32' | 'xxh64' | 'xxh3', length: number): number {
  switch (hash) {
    case 'xxh32':
      return 16 * length;
    case 'xxh64':
      // each bit runs its lane over half of the stripes on average
      return 8 * length * (40 + length / 64);
    case 'xxh3':
      return 8 * length * (20 + (3 * length) / 2048);
  }
}
