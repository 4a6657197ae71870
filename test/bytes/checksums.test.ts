import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { combineCrc, crc32c, maskCrc, unmaskCrc } from '../../src/bytes/crc32c.js';
import { BLOCK_INDEX_SEED, BLOOM_SEED, rocksdbHash } from '../../src/bytes/rocksdb-hash.js';
import { xxh3, xxh3Low, xxh3Wide, xxh32, xxh64Low } from '../../src/bytes/xxhash.js';

/** An index block of one entry, key "e" -> offset 0, size 73, as RocksDB wrote it. */
const block = Buffer.from('00016500490000000001000000', 'hex');
const withType = (type: number) => Buffer.concat([block, Buffer.from([type])]);

describe('block checksums of one real block', () => {
  test.each([
    [0x00, 0x6c69119b, 0xc5b9c3aa, 0x512237e7, 0x3d3dce0a],
    [0x07, 0xb8a37570, 0x8d645c1e, 0x217fb3cd, 0x659036fd],
  ])('compression type %i', (type, crc, masked, xx32, xx64) => {
    const bytes = withType(type);
    expect(crc32c(bytes)).toBe(crc);
    expect(maskCrc(crc)).toBe(masked);
    expect(unmaskCrc(masked)).toBe(crc);
    expect(xxh32(bytes)).toBe(xx32);
    expect(xxh64Low(bytes)).toBe(xx64);
  });

  test('XXH3 covers the payload only', () => {
    expect(xxh3(block)).toBe(0x2a1ddf014836715an);
    expect(xxh3Low(block)).toBe(0x4836715a);
    expect(xxh3Low(withType(9), 0, block.length)).toBe(0x4836715a);
  });
});

describe('crc32c', () => {
  const bytes = fc.uint8Array({ maxLength: 2000 });

  test('the same by pieces, whichever implementation each piece takes', () => {
    fc.assert(
      fc.property(bytes, fc.nat(2000), (data, cut) => {
        const at = Math.min(cut, data.length);
        const whole = crc32c(data);
        expect(crc32c(data, at, data.length, crc32c(data, 0, at))).toBe(whole);
        expect(combineCrc(crc32c(data, 0, at), crc32c(data, at), data.length - at)).toBe(whole);
      }),
    );
  });

  test('the standard check value', () => expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283));

  test('masking is undone by unmasking', () => {
    fc.assert(fc.property(fc.nat(0xffffffff), (crc) => unmaskCrc(maskCrc(crc)) === crc));
  });
});

test('XXH3 of 128 bits, seeded: the unique id that RocksDB computed from these properties', async () => {
  // session HMXZULHOJTELEKLVL21I: 8 and 12 base-36 digits
  const a = BigInt(Number.parseInt('HMXZULHO', 36));
  let b = 0n;
  for (const digit of 'JTELEKLVL21I') b = b * 36n + BigInt(Number.parseInt(digit, 36));
  const lower = (b & ((1n << 62n) - 1n)) | ((a << 62n) & 0xffffffffffffffffn);
  const { high } = await xxh3Wide(Buffer.from('21ce5480-2633-4708-aaa5-09092de278ab'), a >> 2n);
  expect([lower, high ^ 9n]).toEqual([2608323192423100566n, 1894977766901675606n]);
});

describe('RocksDB’s own hash', () => {
  test('seeds of filters and of the index in data blocks', () => {
    const apple = Buffer.from('apple');
    expect(rocksdbHash(apple, 0, 5, BLOOM_SEED)).toBe(0x7c7f163b);
    expect(rocksdbHash(apple, 0, 5, BLOCK_INDEX_SEED)).toBe(0xf55685da);
  });

  test('LevelDB adds tail bytes unsigned, RocksDB signed', () => {
    const bytes = Buffer.from('6162636465ff80', 'hex');
    expect(rocksdbHash(bytes, 0, 7, BLOOM_SEED, 'signed')).toBe(0x18f9f0a4);
    expect(rocksdbHash(bytes, 0, 7, BLOOM_SEED, 'unsigned')).toBe(0x538cf0ef);
  });
});
