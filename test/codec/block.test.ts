import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BlockCompression, codecOf, compressBlock, decompressBlock } from '../../src/codec/block.js';

const text = Buffer.from('the quick brown fox jumps over the lazy dog '.repeat(90));

/** `bzip2 -1` of "hello hello hello\n" with the size that RocksDB writes before it. */
const bzip2 = Buffer.from(
  '12' + '425a6831314159265359e5b5f3090000045100001040000244a00021b5180c029069c2a30bb9229c284872daf98480',
  'hex',
);

describe('round trips', () => {
  test.each([
    [0, 'none'],
    [1, 'snappy'],
    [2, 'zlib'],
    [4, 'lz4'],
    [5, 'lz4'],
    [7, 'zstd'],
    [0x40, 'zstd'],
  ])('type %i, %s', (type, codec) => {
    expect(codecOf(type)).toBe(codec);
    for (const bytes of [text, text.subarray(0, 1), text.subarray(0, 300), Buffer.alloc(0)]) {
      const stored = compressBlock(type, bytes)!;
      const { bytes: back, error } = decompressBlock(type, stored);
      expect(error).toBeUndefined();
      expect(Buffer.compare(back!, bytes)).toBe(0);
    }
  });

  test.each([2, 7])('type %i with a dictionary, and not without it', (type) => {
    const dictionary = text.subarray(0, 500);
    const stored = compressBlock(type, text.subarray(200, 400), dictionary)!;
    expect(stored.length).toBeLessThan(50);
    const { bytes } = decompressBlock(type, stored, { dictionary });
    expect(Buffer.from(bytes!)).toEqual(text.subarray(200, 400));
    const without = decompressBlock(type, stored);
    expect(without.error !== undefined || Buffer.compare(without.bytes, text.subarray(200, 400)) !== 0).toBe(
      true,
    );
  });
});

describe('size prefixes', () => {
  test('Snappy carries its own size: a block that RocksDB wrote', () => {
    const stored =
      '532c000e006368657272790004000901200d2a67726170650105090f14707572706c658e06001c0000000001000000';
    expect(decompressBlock(1, Buffer.from(stored, 'hex')).bytes?.length).toBe(0x53);
  });

  test('before table format 2, zlib has none and LZ4 has eight bytes', () => {
    const old: BlockCompression = { version: 1 };
    const zlib = compressBlock(2, text)!;
    expect(Buffer.from(decompressBlock(2, zlib.subarray(2), old).bytes!)).toEqual(text);
    const lz4 = compressBlock(4, text.subarray(0, 100))!;
    const eight = Buffer.concat([Buffer.from('6400000000000000', 'hex'), lz4.subarray(1)]);
    expect(Buffer.from(decompressBlock(4, eight, old).bytes!)).toEqual(text.subarray(0, 100));
  });

  test('zstd always has one, except in LevelDB, which calls it type 2', () => {
    const stored = compressBlock(7, text)!;
    expect(decompressBlock(7, stored, { version: 1 }).bytes?.length).toBe(text.length);
    expect(decompressBlock(2, stored.subarray(2), { dialect: 'leveldb' }).bytes?.length).toBe(text.length);
  });

  test.each([2, 4, 7])('type %i: a size that is not what comes out is damage', (type) => {
    for (const change of [-1, 1]) {
      const stored = Uint8Array.from(compressBlock(type, text)!);
      stored[0] += change;
      expect(decompressBlock(type, stored).error).toBeDefined();
    }
  });
});

describe('bounds', () => {
  // a varint32 of 4 GiB less one before a few bytes
  const hostile = Buffer.from('ffffffff0f' + '0102030405', 'hex');

  test.each([1, 2, 3, 4, 7])('type %i does not allocate what a hostile size asks for', (type) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(decompressBlock(type, hostile).error).toBeDefined();
    expect(decompressBlock(type, hostile, { limit: 2 ** 32 }).error).toBeDefined();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  test('output stops at the limit where the format names no size', () => {
    const zeros = compressBlock(2, Buffer.alloc(100_000))!.subarray(3);
    expect(decompressBlock(2, zeros, { version: 1, limit: 99_999 }).error).toBeDefined();
    expect(decompressBlock(2, zeros, { version: 1, limit: 100_000 }).bytes?.length).toBe(100_000);
  });

  test('a caller’s buffer is used where it is large enough', () => {
    const into = new Uint8Array(8192);
    const { bytes } = decompressBlock(4, compressBlock(4, text)!, {}, into);
    expect(bytes?.buffer).toBe(into.buffer);
  });
});

describe('LZ4', () => {
  const lz4 = (hex: string, dictionary?: Uint8Array) =>
    decompressBlock(4, Buffer.from(hex, 'hex'), { dictionary });
  // 24 bytes: "ab", a match of 17 at offset 2, then five literals
  const good = '18' + '2d' + '6162' + '0200' + '50' + '6364656667';

  test('a match may overlap what it writes', () => {
    expect(Buffer.from(lz4(good).bytes!).toString()).toBe('abababababababababacdefg');
  });

  test('a match may reach into the dictionary and out of it', () => {
    const block = '12' + '08' + '0300' + '60' + '787878787878';
    expect(Buffer.from(lz4(block, Buffer.from('..xyz')).bytes!).toString()).toBe('xyzxyzxyzxyzxxxxxx');
    expect(lz4(block).error).toMatch(/before the start/);
  });

  test.each([
    ['no input', '00', /without literals/],
    ['literals past the input', '05' + '50' + '616263', /past the end of the input/],
    ['literals past the output', '02' + '30' + '616263', /past the end of the output/],
    ['an endless length', '05' + 'f0' + 'ffff', /cut off/],
    ['offset zero', '18' + '2d' + '6162' + '0000' + '50' + '6364656667', /zero/],
    ['an offset before the start', '18' + '2d' + '6162' + '0300' + '50' + '6364656667', /before the start/],
    ['half an offset', '18' + '2d' + '6162' + '02', /cut off/],
    ['too few bytes', '19' + '2d' + '6162' + '0200' + '50' + '6364656667', /before its output is full/],
    ['a match into the last five bytes', '18' + '2e' + '6162' + '0200' + '40' + '64656667', /past the end/],
  ])('%s is refused', (_, hex, error) => expect(lz4(hex).error).toMatch(error));
});

test('bzip2 as the bzip2 program wrote it', () => {
  expect(Buffer.from(decompressBlock(3, bzip2).bytes ?? []).toString()).toBe('hello hello hello\n');
  expect(decompressBlock(3, bzip2.subarray(0, 30)).error).toMatch(/cut off/);
});

test('types that no writer writes are damage, types that kvdoctor cannot decode are not', () => {
  expect(codecOf(8)).toBeUndefined();
  expect(decompressBlock(8, text).error).toMatch(/no codec/);
  expect(codecOf(6)).toBe('xpress');
  expect(codecOf(0x80)).toBe('custom');
  expect(codecOf(0xff)).toBeUndefined();
});

test('no damage makes a codec throw or hang, and no result is longer than promised', () => {
  const stored = new Map<number, Uint8Array>([[3, bzip2]]);
  for (const type of [1, 2, 4, 7]) stored.set(type, compressBlock(type, text)!);
  const damage = fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3, 4, 7), damage, fc.nat(5000), (type, changes, cut) => {
      const bytes = Uint8Array.from(stored.get(type)!);
      for (const [at, to] of changes) bytes[at % bytes.length] = to;
      const result = decompressBlock(type, bytes.subarray(0, cut), { limit: 1 << 20 });
      expect(result.error ?? result.bytes!.length).toSatisfy((x) => typeof x === 'string' || x <= 1 << 20);
    }),
    { numRuns: 1000 },
  );
});
