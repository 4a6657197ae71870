import { createXXHash3, createXXHash32, createXXHash64, createXXHash128, type IHasher } from 'hash-wasm';
import { hashResult, hashXxh3, KERNEL_INPUT } from './kernel.js';
import { u32BigEndian } from './u32.js';

let hashers: { xxh32: IHasher; xxh64: IHasher; xxh3: IHasher } | undefined;

/**
 * Compiles the hash functions. Await it once in every thread before calling any of them: a WebAssembly module of this
 * size may not be compiled synchronously everywhere, and the functions themselves are called from loops that must not wait.
 */
export async function loadHashes(): Promise<void> {
  if (hashers !== undefined) return;
  const [xxh32, xxh64, xxh3] = await Promise.all([createXXHash32(), createXXHash64(), createXXHash3()]);
  hashers = { xxh32, xxh64, xxh3 };
}

/** Big-endian digest of `bytes[start, end)`. */
function digest(name: 'xxh32' | 'xxh64' | 'xxh3', bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (hashers === undefined) throw new Error('loadHashes() has not been awaited');
  return hashers[name].init().update(bytes.subarray(start, end)).digest('binary');
}

function u64(digest: Uint8Array, offset = 0): bigint {
  return (BigInt(u32BigEndian(digest, offset)) << 32n) | BigInt(u32BigEndian(digest, offset + 4));
}

/** XXH32, seed 0. */
export function xxh32(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return u32BigEndian(digest('xxh32', bytes, start, end), 0);
}

/** Low 32 bits of XXH64, seed 0. */
export function xxh64Low(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return u32BigEndian(digest('xxh64', bytes, start, end), 4);
}

/** XXH64, seed 0, of bytes that come in pieces. */
export class Xxh64Stream {
  private state: Uint8Array | undefined;

  update(bytes: Uint8Array): void {
    if (hashers === undefined) throw new Error('loadHashes() has not been awaited');
    const { xxh64 } = hashers;
    if (this.state === undefined) xxh64.init();
    else xxh64.load(this.state);
    this.state = xxh64.update(bytes).save();
  }

  /** Low 32 bits. */
  low(): number {
    if (this.state === undefined || hashers === undefined) return xxh64Low(new Uint8Array(0));
    hashers.xxh64.load(this.state);
    return u32BigEndian(hashers.xxh64.digest('binary'), 4);
  }
}

/** Low 32 bits of the 64-bit XXH3, seed 0: what block checksums take of it. */
export function xxh3Low(bytes: Uint8Array, start = 0, end = bytes.length): number {
  if (end - start > KERNEL_INPUT) return u32BigEndian(digest('xxh3', bytes, start, end), 4);
  hashXxh3(bytes, start, end);
  return hashResult[0];
}

/** The 64-bit XXH3, seed 0. */
export function xxh3(bytes: Uint8Array, start = 0, end = bytes.length): bigint {
  if (end - start > KERNEL_INPUT) return u64(digest('xxh3', bytes, start, end));
  hashXxh3(bytes, start, end);
  return (BigInt(hashResult[1]) << 32n) | BigInt(hashResult[0]);
}

/** The 128-bit XXH3 with a 64-bit seed, as two halves. Asynchronous because each seed needs an instance of its own. */
export async function xxh3Wide(bytes: Uint8Array, seed: bigint): Promise<{ low: bigint; high: bigint }> {
  const hasher = await createXXHash128(Number(seed & 0xffffffffn), Number((seed >> 32n) & 0xffffffffn));
  const wide = hasher.init().update(bytes).digest('binary');
  return { high: u64(wide), low: u64(wide, 8) };
}
