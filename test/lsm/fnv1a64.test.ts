import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fnv1a64 } from '../../src/lsm/fnv1a64.js';

function hashed(...parts: Uint8Array[]): string {
  const hash = new Fnv1a64();
  for (const part of parts) hash.update(part);
  return hash.hex();
}

/** The definition, a bigint per byte. */
function plainly(bytes: Uint8Array): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}

describe('FNV-1a 64', () => {
  it.each([
    ['', 'cbf29ce484222325'],
    ['a', 'af63dc4c8601ec8c'],
    ['foobar', '85944171f73967e8'],
  ])('of %j is %s', (text, hash) => {
    expect(hashed(Buffer.from(text))).toBe(hash);
  });

  it('agrees with its definition, in one piece or many', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (parts) => {
        const whole = Buffer.concat(parts);
        expect(hashed(...parts)).toBe(plainly(whole));
        const single = new Fnv1a64();
        for (const byte of whole) single.updateByte(byte);
        expect(single.hex()).toBe(plainly(whole));
      }),
    );
  });
});
