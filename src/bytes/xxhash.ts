import { hashResult, hashXxh3, hashXxh3Wide, hashXxh32, hashXxh64 } from './kernel.js';
import { u32BigEndian } from './u32.js';

/** XXH32, seed 0. */
export function xxh32(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return hashXxh32(bytes, start, end) >>> 0;
}

/** Low 32 bits of XXH64, seed 0. */
export function xxh64Low(bytes: Uint8Array, start = 0, end = bytes.length): number {
  hashXxh64(bytes, start, end);
  return hashResult[0];
}

/** Low 32 bits of the 64-bit XXH3, seed 0: what block checksums take of it. */
export function xxh3Low(bytes: Uint8Array, start = 0, end = bytes.length): number {
  hashXxh3(bytes, start, end);
  return hashResult[0];
}

/** The 64-bit XXH3, seed 0. */
export function xxh3(bytes: Uint8Array, start = 0, end = bytes.length): bigint {
  hashXxh3(bytes, start, end);
  return u64Result(0);
}

/** The half of the last result that begins at word `at`. */
const u64Result = (at: number) => (BigInt(hashResult[at + 1]) << 32n) | BigInt(hashResult[at]);

/** Lengths that the kernel takes: the identifiers of databases have 36 bytes. */
const WIDE_FROM = 17;
const WIDE_TO = 128;

/** The 128-bit XXH3 with a 64-bit seed, as two halves. Asynchronous because other lengths take another library. */
export async function xxh3Wide(bytes: Uint8Array, seed: bigint): Promise<{ low: bigint; high: bigint }> {
  if (bytes.length >= WIDE_FROM && bytes.length <= WIDE_TO) {
    hashXxh3Wide(bytes, seed);
    return { low: u64Result(0), high: u64Result(2) };
  }
  const { createXXHash128 } = await import('hash-wasm');
  const hasher = await createXXHash128(Number(seed & 0xffffffffn), Number((seed >> 32n) & 0xffffffffn));
  const wide = hasher.init().update(bytes).digest('binary');
  return { high: u64(wide), low: u64(wide, 8) };
}

function u64(digest: Uint8Array, offset = 0): bigint {
  return (BigInt(u32BigEndian(digest, offset)) << 32n) | BigInt(u32BigEndian(digest, offset + 4));
}
