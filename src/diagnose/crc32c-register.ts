import { POLYNOMIAL } from '../bytes/crc32c.js';

/*
 * The shift register of CRC-32C, a byte at a time, in both directions. Signed 32-bit integers, bits reversed, without the inversions at
 * both ends.
 */

/** What each value of a last byte leaves in the register; and the value by the highest byte of that: no two have the same. */
export const LAST_BYTE = new Int32Array(256);
export const BY_HIGHEST = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  let register = byte;
  for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ (POLYNOMIAL & -(register & 1));
  LAST_BYTE[byte] = register;
  BY_HIGHEST[register >>> 24] = byte;
}

/** The register after one byte more. */
export const step = (register: number, byte: number): number =>
  LAST_BYTE[(register ^ byte) & 0xff] ^ (register >>> 8);

/** The register that one byte has led to this one from. */
export function stepBack(register: number, byte: number): number {
  const mask = BY_HIGHEST[register >>> 24];
  return ((register ^ LAST_BYTE[mask]) << 8) | (mask ^ byte);
}
