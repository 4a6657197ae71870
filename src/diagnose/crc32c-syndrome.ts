import { crc32c, POLYNOMIAL, unmaskCrc } from '../bytes/crc32c.js';
import { u32At } from '../bytes/u32.js';
import { BY_HIGHEST, LAST_BYTE, step, stepBack } from './crc32c-register.js';

/*
 * CRC-32C is linear: the XOR of the computed and the stored checksum, the syndrome, depends only on which bits differ. What
 * one wrong bit leaves in it is known for every place, so a walk from the last bit to the first finds the place.
 */

/** That of CRC-32 as zlib has it. */
export const CRC32_POLYNOMIAL = 0xedb88320;

/** A bit of a range of bytes: its byte, counted from the start of the range, and 0 for its least significant bit. */
export interface BitPlace {
  byte: number;
  bit: number;
}

/** What a wrong last bit leaves in the checksum. Each bit before it: one step of the shift register more. */
const LAST_BIT = POLYNOMIAL | 0;

/**
 * The bits in a range of `length` bytes that, wrong alone, leave the syndrome `computed ^ stored` (not masked) in a CRC-32C
 * over it, or in the CRC of another polynomial. Below 2^31 bits there is one at most. Linear in `length`.
 */
export function bitsWithSyndrome(syndrome: number, length: number, polynomial = POLYNOMIAL): BitPlace[] {
  const wanted = syndrome | 0;
  const found: BitPlace[] = [];
  if (wanted === 0) return found;
  let trace = polynomial | 0;
  for (let byte = length - 1; byte >= 0; byte--) {
    for (let bit = 7; bit >= 0; bit--) {
      if (trace === wanted) found.push({ byte, bit });
      trace = (trace >>> 1) ^ (polynomial & -(trace & 1));
    }
  }
  return found;
}

/** Pairs kept: more say that chance, not damage, explains the syndrome. */
const MOST_PAIRS = 16;

/**
 * The pairs of bits in a range of `length` bytes that, wrong together, leave the syndrome. In 4 KiB chance alone gives one
 * pair in eight syndromes, in 32 KiB eight pairs in each: what is found proves nothing by itself. Linear in `length`.
 */
export function bitPairsWithSyndrome(syndrome: number, length: number): [BitPlace, BitPlace][] {
  const wanted = syndrome | 0;
  const pairs: [BitPlace, BitPlace][] = [];
  const seen = new Map<number, number>();
  let trace = LAST_BIT;
  for (let place = 8 * length - 1; place >= 0 && pairs.length < MOST_PAIRS; place--) {
    const other = seen.get(trace ^ wanted);
    if (other !== undefined) pairs.push([placeOf(place), placeOf(other)]);
    seen.set(trace, place);
    trace = (trace >>> 1) ^ (POLYNOMIAL & -(trace & 1));
  }
  return pairs;
}

function placeOf(place: number): BitPlace {
  return { byte: place >>> 3, bit: place & 7 };
}

/**
 * The four bytes at `at` with which `bytes[start, end)` would have the masked checksum `stored`: for any place there is
 * exactly one such value, so it means something only where it is one that the place could have held.
 */
export function wordThatFits(
  bytes: Uint8Array,
  start: number,
  end: number,
  at: number,
  stored: number,
): number {
  const syndrome = (crc32c(bytes, start, end) ^ unmaskCrc(stored)) >>> 0;
  // back through the register over what follows the word: what the four bytes must differ in to leave it
  let trace = syndrome | 0;
  for (let steps = 8 * (end - at); steps > 0; steps--) {
    trace = (trace & 0x80000000) !== 0 ? ((trace ^ POLYNOMIAL) << 1) | 1 : trace << 1;
  }
  const word = u32At(bytes, at);
  return (word ^ trace) >>> 0;
}

/**
 * The bytes in a range of `length` that, wrong alone, leave the syndrome, each with the bits of it that are. For a place there
 * is one at most: the syndrome is taken back byte by byte, and where what is left is the trace of a last byte, that is it.
 * Chance gives one in 2^32 / (255 · `length`) syndromes. Linear in `length`.
 */
export function bytesWithSyndrome(syndrome: number, length: number): { byte: number; mask: number }[] {
  const found: { byte: number; mask: number }[] = [];
  let trace = syndrome | 0;
  if (trace === 0) return found;
  for (let byte = length - 1; byte >= 0; byte--) {
    const mask = BY_HIGHEST[trace >>> 24];
    const rest = trace ^ LAST_BYTE[mask];
    if (rest === 0) found.push({ byte, mask });
    trace = (rest << 8) | mask;
  }
  return found;
}

/**
 * The first place in `[from, to)` up to which `bytes` must be taken from `other`, from `from` on, for the syndrome of `bytes[…, end)` to be
 * gone; undefined where there is none. Linear in `end - from`, whatever the number of places.
 */
export function replacedUpTo(
  bytes: Uint8Array,
  other: Uint8Array,
  { from, to, end }: { from: number; to: number; end: number },
  syndrome: number,
): number | undefined {
  // taken back over what follows the place; forward again byte by byte, with what each replaced byte leaves
  let trace = syndrome | 0;
  for (let left = end - from; left > 0; left--) trace = stepBack(trace, 0);
  for (let at = from; at < to; at++) {
    if (trace === 0) return at;
    trace = step(trace, bytes[at] ^ other[at]);
  }
  return undefined;
}
