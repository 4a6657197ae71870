/*
 * What runs once per block or per key and needs 64-bit numbers or no bounds checks, compiled to WebAssembly by
 * AssemblyScript. `npm run kernel` compiles it into src/bytes/kernel-module.ts; the JavaScript side, and what is gained,
 * is in src/bytes/kernel.ts.
 */
import { RESULT } from './memory';
import { ribbonRow } from './ribbon';
import { xxh3 } from './xxh3';
import { xxph3 } from './xxph3';

export { probeBloom } from './bloom';
export { setType, verifyDataBlock } from './data-block';
export { FILTER, FIRST_KEY, HASHES, INPUT, KEY, LONGEST_KEY, MOST_HASHES, RESULT, SUMS } from './memory';

export function hashXxh3(input: usize, length: u32): void {
  store<u64>(RESULT, xxh3(input, length));
}

export function hashXxph3(input: usize, length: u32): void {
  store<u64>(RESULT, xxph3(input, length));
}

/** The Ribbon row of the hash that was left in the result before. */
export function rowOfHash(rawSeed: u32, starts: u32): void {
  ribbonRow(load<u64>(RESULT), rawSeed, starts, RESULT);
}
