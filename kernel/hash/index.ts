/*
 * What runs once per block or per key and needs 64-bit numbers or no bounds checks, compiled to WebAssembly by
 * AssemblyScript. `npm run kernel` compiles it into src/bytes/kernel-module.ts; the JavaScript side, and what is gained,
 * is in src/bytes/kernel.ts.
 */
import { RESULT } from './memory';
import { ribbonRow } from './ribbon';
import { finishXxh3, xxh3, xxh3Wide } from './xxh3';
import { xxh64 } from './xxh64';
import { xxph3 } from './xxph3';

export { probeBlockBloom, probeBloom } from './bloom';
export { setType, verifyDataBlock } from './data-block';
export { verifyBlocks } from './data-blocks';
export {
  DECLARED,
  ENDS,
  FILTER,
  FIRST_KEY,
  HASHES,
  INPUT,
  KEY,
  LANES,
  LONGEST_KEY,
  MOST_BLOCKS,
  MOST_HASHES,
  PLACES,
  RESULT,
  SEPARATORS,
  SOUND_KEY,
  SUMS,
  TOTALS,
} from './memory';
export { startXxh3, takeXxh3 } from './xxh3';
export { endXxh32, startXxh32, takeXxh32 } from './xxh32';
export { startXxh64, takeXxh64 } from './xxh64';

export function hashXxh3(input: usize, length: u32): void {
  store<u64>(RESULT, xxh3(input, length));
}

/** Lengths of whole inputs are JavaScript's numbers: 64-bit integers would be bigints there. */
export function endXxh3(last: usize, total: f64): void {
  store<u64>(RESULT, finishXxh3(last, total as u64));
}

export function hashXxh3Wide(input: usize, length: u32, seedLow: u32, seedHigh: u32): void {
  xxh3Wide(input, length, (seedLow as u64) | ((seedHigh as u64) << 32), RESULT);
}

export function endXxh64(input: usize, length: u32, total: f64): void {
  store<u64>(RESULT, xxh64(input, length, total as u64));
}

export function hashXxph3(input: usize, length: u32): void {
  store<u64>(RESULT, xxph3(input, length));
}

/** The Ribbon row of the hash that was left in the result before. */
export function rowOfHash(rawSeed: u32, starts: u32): void {
  ribbonRow(load<u64>(RESULT), rawSeed, starts, RESULT);
}
