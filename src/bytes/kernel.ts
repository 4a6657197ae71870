import { KERNEL } from './kernel-module.js';
import { xxph3 } from './xxph3.js';

/*
 * XXH3 and XXPH3 in WebAssembly (kernel/*.ts). They run once per block and once per key, and need 64-bit multiplies.
 * Measured on Node 20, x86-64, two busy cores: a block of 4 KiB 250 ns and 150 ns more to copy it in (hash-wasm: 930 ns);
 * a key of 16 bytes 9 ns where it lies in `keyScratch`, 28 ns elsewhere (with bigints: 2,500 ns).
 *
 *   memory   0 constants, result | 4 KiB keys | 64 KiB input of up to 1 MiB |
 */
interface Exports {
  memory: { buffer: ArrayBuffer };
  RESULT: { value: number };
  hashXxh3(input: number, length: number): void;
  hashXxph3(input: number, length: number): void;
  rowOfHash(rawSeed: number, starts: number): void;
}

// TypeScript has these only together with a browser's types
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

// 5 KB compile in a millisecond; waiting for it would make every caller wait
const kernel = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(KERNEL, 'base64')))
  .exports as Exports;

/** The memory never grows, so views of it stay valid. */
const memory = new Uint8Array(kernel.memory.buffer);
const KEYS = 4096;
const INPUT = 65536;

/** Longer inputs do not fit, bytes. */
export const KERNEL_INPUT = memory.length - INPUT;

/**
 * Keys that lie in here are hashed where they are. For code that runs from start to end without waiting: whatever runs
 * next may use it, too.
 */
export const keyScratch = memory.subarray(KEYS, INPUT);

/** Result of the last call, 32 bits each; for the 64-bit hashes the low half first. */
export const hashResult: Uint32Array = new Uint32Array(kernel.memory.buffer, kernel.RESULT.value, 10);

/** XXH3 of `bytes[start, end)`, at most `KERNEL_INPUT` bytes, into `hashResult`. */
export function hashXxh3(bytes: Uint8Array, start: number, end: number): void {
  memory.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), INPUT);
  kernel.hashXxh3(INPUT, end - start);
}

/** XXPH3 of `bytes[start, end)` into `hashResult`. */
export function hashXxph3(bytes: Uint8Array, start: number, end: number): void {
  if (end - start > KERNEL_INPUT) {
    const hash = xxph3(bytes, start, end);
    hashResult[0] = Number(hash & 0xffffffffn);
    hashResult[1] = Number(hash >> 32n);
  } else kernel.hashXxph3(place(bytes, start, end), end - start);
}

/** The Ribbon row of `bytes[start, end)` into `hashResult`; kernel/ribbon.ts says what it is made of. */
export function hashRibbon(
  bytes: Uint8Array,
  start: number,
  end: number,
  rawSeed: number,
  starts: number,
): void {
  hashXxph3(bytes, start, end);
  kernel.rowOfHash(rawSeed, starts);
}

/** Below it, words put together here are faster than the fixed cost of `set`. */
const SHORT = 64;
const words = new Int32Array(kernel.memory.buffer);

/** Where the kernel finds the bytes: in place, or copied in. */
function place(bytes: Uint8Array, start: number, end: number): number {
  if (bytes === keyScratch) return KEYS + start;
  if (end - start > SHORT) {
    memory.set(bytes.subarray(start, end), INPUT);
    return INPUT;
  }
  let to = INPUT >> 2;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    words[to++] = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  }
  let rest = 0;
  for (let shift = 0; at < end; at++, shift += 8) rest |= bytes[at] << shift;
  words[to] = rest;
  return INPUT;
}
