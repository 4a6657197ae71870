import { describe, expect, test } from 'vitest';
import {
  blockChecksum,
  CHECKSUM,
  contextModifier,
  rawChecksum,
  verifyBlock,
} from '../../../src/format/sst/checksum.js';

/** An index block that RocksDB wrote: key "e", block at 0 of 73 bytes. */
const PAYLOAD = '00016500490000000001000000';
const withType = (type: string) => Buffer.from(PAYLOAD + type, 'hex');
const hex = (value: number) => value.toString(16).padStart(8, '0');

describe('checksums of a block, as RocksDB stores them', () => {
  test.each([
    ['00', CHECKSUM.crc32c, 'c5b9c3aa'],
    ['00', CHECKSUM.xxh32, '512237e7'],
    ['00', CHECKSUM.xxh64, '3d3dce0a'],
    ['00', CHECKSUM.xxh3, '4836715a'],
    ['07', CHECKSUM.crc32c, '8d645c1e'],
    ['07', CHECKSUM.xxh32, '217fb3cd'],
    ['07', CHECKSUM.xxh64, '659036fd'],
    ['07', CHECKSUM.xxh3, 'b8c5ebb5'],
    ['00', CHECKSUM.none, '00000000'],
  ])('type byte %s, checksum type %i', (type, checksum, expected) => {
    const block = withType(type);
    expect(hex(rawChecksum(checksum, block, 0, block.length))).toBe(expected);
  });
});

test('from format version 6 on a checksum depends on where the block stands', () => {
  expect(contextModifier(0, 78)).toBe(0);
  expect(hex(contextModifier(0x511e1b40, 78))).toBe('511e1b0e');
  expect(contextModifier(1, 0x100000001)).toBe(3);
  // the bytes 68 8c 54 99 in the file
  const protection = { checksumType: CHECKSUM.xxh3, baseContext: 0x511e1b40 };
  expect(hex(blockChecksum(protection, withType('00'), 0, 13, 78))).toBe('99548c68');
  // kNoChecksum: the field holds the context alone
  expect(hex(contextModifier(0x1ff0ac7a, 22992))).toBe('1ff0f5aa');
});

describe('what can be believed of a block', () => {
  const protection = { checksumType: CHECKSUM.crc32c, baseContext: 0 };
  const handle = { offset: 0, size: 13 };
  const block = Buffer.from(`${PAYLOAD}00aac3b9c5`, 'hex');
  const flipped = (byte: number, bit: number) => {
    const copy = Buffer.from(block);
    copy[byte] ^= 1 << bit;
    return verifyBlock(protection, copy, handle);
  };

  test('an intact block', () => {
    expect(verifyBlock(protection, block, handle)).toMatchObject({
      intact: true,
      compression: 0,
      soundAs: 0,
    });
  });

  test('one whose checksum lost a bit', () => {
    expect(flipped(15, 3)).toMatchObject({ intact: false, soundAs: 0 });
  });

  test('one whose type byte lost a bit: the type is known', () => {
    expect(flipped(13, 2)).toMatchObject({ intact: false, compression: 4, soundAs: 0 });
  });

  test('not one whose payload lost a bit', () => {
    expect(flipped(4, 2)).toMatchObject({ intact: false, soundAs: undefined });
  });
});
