import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/bytes/cursor.js';
import { ByteBuilder } from '../../src/encode/byte-builder.js';

const of = (...bytes: number[]) => new Cursor(Uint8Array.from(bytes));

describe('varint64', () => {
  it('gives back what was written, at every length', () => {
    fc.assert(
      fc.property(fc.nat(64), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (bits, any) => {
        const value = BigInt.asUintN(bits, any);
        const bytes = new ByteBuilder().varint(value).finish();
        const cursor = new Cursor(bytes);
        expect(cursor.varint64()).toBe(value);
        expect(cursor.remaining).toBe(0);
        const cut = new Cursor(bytes.subarray(0, -1));
        expect(cut.varint64()).toBeUndefined();
        expect(cut.position).toBe(0);
      }),
    );
  });

  it('takes ten bytes at most, modulo 2^64', () => {
    const ones = Array.from({ length: 9 }, () => 0xff);
    expect(of(...ones, 0x01).varint64()).toBe((1n << 64n) - 1n);
    expect(of(...ones, 0x7f).varint64()).toBe((1n << 64n) - 1n);
    expect(of(...ones, 0x80, 0x00).varint64()).toBeUndefined();
    expect(of(0x80, 0x80, 0x00).varint64()).toBe(0n);
  });
});

describe('varint32', () => {
  it('drops the bits above 32 in the fifth byte, as RocksDB does', () => {
    expect(of(0xff, 0xff, 0xff, 0xff, 0x7f).varint32()).toBe(0xffffffff);
    expect(of(0xff, 0xff, 0xff, 0xff, 0x8f, 0x00).varint32()).toBeUndefined();
  });
});

describe('a read that does not fit', () => {
  it.each(['u8', 'u16', 'u32', 'u64'] as const)('%s', (read) => {
    const cursor = of(1, 2, 3, 4, 5, 6, 7, 8);
    cursor.position = 8;
    expect(cursor[read]()).toBeUndefined();
    expect(cursor.position).toBe(8);
  });

  it('length and bytes together leave the position where it was', () => {
    const cursor = of(3, 1, 2);
    expect(cursor.lengthPrefixed()).toBeUndefined();
    expect(cursor.position).toBe(0);
    expect(of(2, 8, 9).lengthPrefixed()).toEqual(Uint8Array.of(8, 9));
  });
});
