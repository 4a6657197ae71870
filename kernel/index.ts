/*
 * The hash functions that run once per block or per key, compiled to WebAssembly by AssemblyScript: 64-bit multiplies,
 * which JavaScript has only as allocated bigints. `npm run kernel` compiles them into src/bytes/kernel-module.ts; the
 * JavaScript side, and what it gains, is src/bytes/kernel.ts.
 */
import { ribbonRow } from './ribbon';
import { xxh3 } from './xxh3';
import { xxph3 } from './xxph3';

/** Where results are left. A 64-bit hash as low half, high half: returned, it would be a bigint, and allocated. */
export const RESULT: usize = memory.data(64, 16);

/** From here to the end of memory is room for input. */
export const INPUT: usize = 4096;

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
