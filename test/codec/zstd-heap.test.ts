import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compressZstd, decompressZstd } from '../../src/codec/zstd.js';
import { inRepository } from '../support/repository.js';

const LIMIT = 64 << 20;
const sample = (length: number, seed = 0) => Uint8Array.from({ length }, (_, i) => ((i + seed) * i) >> 3);

// the decoder keeps its memory between blocks: what one of them leaves must not show in the next

test('blocks of any size one after the other, into new memory and into the same', () => {
  const into = new Uint8Array(100_000);
  for (const length of [5000, 0, 1, 400_000, 3, 9 << 20, 70_000, 4096, 0]) {
    const content = sample(length, length);
    const frame = compressZstd(content);
    for (const target of [undefined, into]) {
      const { bytes, error } = decompressZstd(frame, length, LIMIT, undefined, target);
      expect(error).toBeUndefined();
      expect(Buffer.compare(bytes!, content)).toBe(0);
      expect(bytes!.buffer === into.buffer).toBe(target !== undefined && length <= into.length);
    }
  }
});

test('a result in new memory stays', () => {
  const first = decompressZstd(compressZstd(sample(4096)), 4096, LIMIT).bytes!;
  decompressZstd(compressZstd(sample(4096, 1)), 4096, LIMIT);
  expect(first).toEqual(sample(4096));
});

describe('dictionaries', () => {
  const dictionaries = [1, 2].map((seed) => sample(3000, 1000 * seed));
  const content = (of: number) => dictionaries[of].slice(500, 900);
  const frames = dictionaries.map((dictionary, of) => compressZstd(content(of), dictionary));
  const decoded = (of: number, dictionary?: Uint8Array) =>
    decompressZstd(frames[of], 400, LIMIT, dictionary).bytes;

  test('the one in place is not that of the next block', () => {
    for (const of of [0, 0, 1, 0, 1, 1]) expect(decoded(of, dictionaries[of])).toEqual(content(of));
  });

  test('a block without one does not get the last one', () => {
    expect(decoded(0, dictionaries[0])).toEqual(content(0));
    expect(decoded(0)).not.toEqual(content(0));
    expect(decoded(0, new Uint8Array(0))).not.toEqual(content(0));
    expect(decoded(0, dictionaries[0])).toEqual(content(0));
  });
});

test('a damaged block does not harm the next', () => {
  const good = compressZstd(sample(4096));
  for (let at = 0; at < good.length; at++) {
    const bad = Uint8Array.from(good);
    bad[at] ^= 0x10;
    decompressZstd(bad, undefined, LIMIT);
    expect(decompressZstd(good, 4096, LIMIT).bytes?.length).toBe(4096);
  }
});

test('the package is the one whose inside we know', () => {
  const { devDependencies } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8'));
  expect(devDependencies['@bokuweb/zstd-wasm']).toBe('0.0.27');
});
