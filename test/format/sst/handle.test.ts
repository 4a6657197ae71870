import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeHandle, handleFits, NumberReader, nearestOffset } from '../../../src/format/sst/handle.js';

it('a handle is two varints', () => {
  expect(decodeHandle(Uint8Array.of(0x80, 0x01, 0x05))).toEqual({ offset: 128, size: 5 });
  expect(decodeHandle(Uint8Array.of(9, 0x80, 0x01, 0x05), 1)).toEqual({ offset: 128, size: 5 });
});

it('a handle that ends in one of them is none', () => {
  expect(decodeHandle(Uint8Array.of(0x80))).toBeUndefined();
  expect(decodeHandle(Uint8Array.of(5))).toBeUndefined();
  expect(decodeHandle(new Uint8Array(20).fill(0xff))).toBeUndefined();
});

it('a block fits with its trailer', () => {
  expect(handleFits({ offset: 10, size: 5 }, 20)).toBe(true);
  expect(handleFits({ offset: 10, size: 6 }, 20)).toBe(false);
  expect(handleFits({ offset: -1, size: 5 }, 20)).toBe(false);
  expect(nearestOffset({ offset: 99, size: 1 }, 20)).toBe(20);
});

it('signed numbers turn around zero', () => {
  const signed = (byte: number) => new NumberReader(Uint8Array.of(byte), 0, 1).zigzag();
  expect([0, 1, 2, 3].map(signed)).toEqual([0, -1, 1, -2]);
});

it('whatever the bytes, a block that fits lies in the file', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), fc.nat(1 << 20), (bytes, limit) => {
      const handle = decodeHandle(bytes);
      if (handle !== undefined && handleFits(handle, limit))
        expect(handle.offset + handle.size).toBeLessThan(limit);
    }),
  );
});
