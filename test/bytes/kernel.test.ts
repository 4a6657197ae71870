import { createXXHash3, createXXHash32, createXXHash64, createXXHash128 } from 'hash-wasm';
import { expect, test } from 'vitest';
import {
  hashResult,
  hashXxh3,
  hashXxh32,
  hashXxh64,
  hashXxph3,
  KERNEL_INPUT,
  keyScratch,
  Xxh64Stream,
} from '../../src/bytes/kernel.js';
import { xxh3, xxh3Wide, xxh64Low } from '../../src/bytes/xxhash.js';
import { xxph3 } from '../../src/bytes/xxph3.js';

/** Every length at which the functions take another path, and those around it. */
const LENGTHS = [
  0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96, 97, 127, 128, 129, 143, 144, 239, 240,
];
const LONG_LENGTHS = [
  241, 255, 256, 257, 319, 320, 511, 512, 1023, 1024, 1025, 1087, 1088, 2047, 2048, 2049, 4096, 65537,
];

const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 2654435761) >>> 13);
const result = () => (BigInt(hashResult[1]) << 32n) | BigInt(hashResult[0]);

test('XXH3 of every length is hash-wasm’s', async () => {
  const reference = await createXXHash3();
  for (const length of [...LENGTHS, ...LONG_LENGTHS]) {
    for (const start of [0, 1, 777]) {
      hashXxh3(bytes, start, start + length);
      const expected = reference
        .init()
        .update(bytes.subarray(start, start + length))
        .digest();
      expect([length, result().toString(16).padStart(16, '0')]).toEqual([length, expected]);
    }
  }
});

test('XXPH3 of every length is the clear form’s, wherever the bytes lie', () => {
  for (const length of [...LENGTHS, ...LONG_LENGTHS]) {
    const expected = xxph3(bytes, 5, 5 + length);
    hashXxph3(bytes, 5, 5 + length);
    expect([length, result()]).toEqual([length, expected]);
    if (length + 3 > keyScratch.length) continue;
    keyScratch.set(bytes.subarray(5, 5 + length), 3);
    hashXxph3(keyScratch, 3, 3 + length);
    expect([length, result()]).toEqual([length, expected]);
  }
});

test.each([
  [
    'XXH64',
    createXXHash64,
    (start: number, end: number) => {
      hashXxh64(bytes, start, end);
      return result().toString(16).padStart(16, '0');
    },
  ],
  [
    'XXH32',
    createXXHash32,
    (start: number, end: number) => (hashXxh32(bytes, start, end) >>> 0).toString(16).padStart(8, '0'),
  ],
])('%s of every length is hash-wasm’s', async (_, create, hash) => {
  const reference = await create();
  for (const length of [...LENGTHS, ...LONG_LENGTHS]) {
    for (const start of [0, 1, 777]) {
      const expected = reference
        .init()
        .update(bytes.subarray(start, start + length))
        .digest();
      expect([length, hash(start, start + length)]).toEqual([length, expected]);
    }
  }
});

test('XXH64 of bytes that come in pieces is that of the whole, whatever is hashed between', () => {
  for (const piece of [1, 7, 31, 32, 33, 64, 1000]) {
    const stream = new Xxh64Stream();
    for (let at = 0; at < 4096; at += piece) {
      stream.update(bytes.subarray(at, Math.min(at + piece, 4096)));
      hashXxh3(bytes, 0, 5000);
    }
    expect([piece, stream.low()]).toEqual([piece, xxh64Low(bytes, 0, 4096)]);
  }
  expect(new Xxh64Stream().low()).toBe(xxh64Low(bytes, 0, 0));
});

test('XXH3 of 128 bits with a seed is hash-wasm’s', async () => {
  for (const seed of [0n, 0x1234_5678_9abc_def0n, (1n << 64n) - 1n]) {
    const reference = await createXXHash128(Number(seed & 0xffffffffn), Number(seed >> 32n));
    for (const length of [...LENGTHS, 36, 241]) {
      const expected = reference.init().update(bytes.subarray(0, length)).digest();
      const { low, high } = await xxh3Wide(bytes.subarray(0, length), seed);
      expect([length, ((high << 64n) | low).toString(16).padStart(32, '0')]).toEqual([length, expected]);
    }
  }
});

test('inputs that do not fit the kernel are hashed by pieces', async () => {
  const large = Uint8Array.from({ length: 2 * KERNEL_INPUT + 77 }, (_, i) => (i * 2654435761) >>> 11);
  const [xx3, xx64, xx32] = await Promise.all([createXXHash3(), createXXHash64(), createXXHash32()]);
  for (const length of [KERNEL_INPUT, KERNEL_INPUT + 1, KERNEL_INPUT + 64, 2 * KERNEL_INPUT, large.length]) {
    const piece = large.subarray(0, length);
    expect(xxh3(piece).toString(16).padStart(16, '0')).toBe(xx3.init().update(piece).digest());
    hashXxh64(piece, 0, length);
    expect(result().toString(16).padStart(16, '0')).toBe(xx64.init().update(piece).digest());
    expect((hashXxh32(piece, 0, length) >>> 0).toString(16).padStart(8, '0')).toBe(
      xx32.init().update(piece).digest(),
    );
  }
});
