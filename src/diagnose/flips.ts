import type { Cause } from '../finding/finding.js';
import { offsetText } from '../finding/quantity.js';

/** What a wrong bit belongs to. */
export type FlipField = 'content' | 'type' | 'checksum' | 'length' | 'log number';

/** One bit that, flipped, makes a checksum hold. */
export interface Flip {
  /** File offset of its byte. */
  offset: number;
  /** 0 is the least significant. */
  bit: number;
  field: FlipField;
}

export interface FlipSearch {
  /** Every single bit with which the checksum holds. */
  flips: Flip[];
  /** Bits tried. Damage of any other kind passes for one flipped bit once in 2^32 / `tried`. */
  tried: number;
  /** How it was found, for the basis of a cause. */
  method: string;
  /** Why it was not searched. */
  skipped?: string;
}

/**
 * Bits that may be tried for the only one that fits to count as proof, if what it gives back decodes as well: 512 KiB. Of a
 * thousand blocks of noise of that size one would have such a bit, and then noise would have to decode.
 */
const MOST_TRIED = 1 << 22;

/** True when the search was small enough for its only result to mean something. */
export function isConclusive({ flips, tried }: FlipSearch): boolean {
  return flips.length === 1 && tried <= MOST_TRIED;
}

const words: Record<FlipField, string> = {
  content: '',
  type: ' in the type',
  checksum: ' in the stored checksum',
  length: ' in the length, which no checksum covers',
  'log number': ' in the log number',
};

/** `one flipped bit, 0x7ac1 (31425) bit 5, in the stored checksum`. */
export function flipText(flip: Flip): string {
  return `one flipped bit, ${flipPlace(flip)}`;
}

/** `0x7ac1 (31425) bit 5, in the stored checksum`. */
export function flipPlace({ offset, bit, field }: Flip): string {
  const where = words[field];
  return `${offsetText(offset)} bit ${bit}${where === '' ? '' : `,${where}`}`;
}

/** Where chance alone gives fewer pairs that fit than one in so many, the only one means something. */
const RARE = 100;

/**
 * Pairs of bits as a cause, those that decode: likely where only one does and the block is so small that chance would
 * hardly fit one. `then`: what is so when they are flipped back; `length`: bytes that were searched.
 */
export function pairCause(
  decoding: readonly (readonly [Flip, Flip])[],
  length: number,
  then: string,
): Cause | undefined {
  const [pair] = decoding;
  if (pair === undefined) return undefined;
  const basis = `CRC-32C syndrome of a pair; ${then} when both are flipped back, but chance may have done that`;
  if (decoding.length > 1) {
    const detail = `two flipped bits: ${decoding.length} pairs would do`;
    return { kind: 'bit-flip', certainty: 'possible', detail, basis };
  }
  const byChance = (8 * length) ** 2 / 2 / 2 ** 32;
  const places = pair.map(({ offset, bit, field }) => `${offsetText(offset)} bit ${bit}${words[field]}`);
  return {
    kind: 'bit-flip',
    certainty: byChance * RARE <= 1 ? 'likely' : 'possible',
    detail: `two flipped bits, ${places.join(' and ')}`,
    basis,
    changes: pair.map(({ offset, bit }) => ({ offset, bit })),
  };
}
