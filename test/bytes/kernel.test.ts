import { createXXHash3 } from 'hash-wasm';
import { expect, test } from 'vitest';
import { hashResult, hashXxh3, hashXxph3, KERNEL_INPUT, keyScratch } from '../../src/bytes/kernel.js';
import { loadHashes, xxh3 } from '../../src/bytes/xxhash.js';
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

test('inputs that do not fit the kernel are hashed all the same', async () => {
  await loadHashes();
  const large = new Uint8Array(KERNEL_INPUT + 1).fill(7);
  const reference = await createXXHash3();
  for (const length of [KERNEL_INPUT, KERNEL_INPUT + 1]) {
    const expected = reference.init().update(large.subarray(0, length)).digest();
    expect(xxh3(large, 0, length).toString(16).padStart(16, '0')).toBe(expected);
  }
});
