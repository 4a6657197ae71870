import { crc32c, maskCrc, unmaskCrc } from '../bytes/crc32c.js';
import {
  type BlockProtection,
  CHECKSUM,
  checksumName,
  contextModifier,
  rawChecksum,
  storedChecksum,
} from '../format/sst/checksum.js';
import { BLOCK_TRAILER } from '../format/sst/handle.js';
import { type BitPlace, bitPairsWithSyndrome, bitsWithSyndrome } from './crc32c-syndrome.js';
import type { Flip, FlipSearch } from './flips.js';
import { type ByteCandidate, checksumByte, coveredBytes } from './overwritten-byte.js';
import { bitsForXxh3, bitsForXxh64, searchCost } from './xxh-search.js';
import { bitsForXxh32 } from './xxh32-search.js';

/** Steps, about a nanosecond each, that the search of one block may take. */
const MOST_STEPS = 6_000_000_000;
/** Longer blocks under CRC-32C are not walked. Bytes. */
const LONGEST_WALK = 64 << 20;

const METHOD: Record<number, string> = {
  [CHECKSUM.crc32c]: 'CRC-32C syndrome',
  [CHECKSUM.xxh32]: 'XXH32 run backwards',
  [CHECKSUM.xxh64]: 'every bit tried under XXH64',
  [CHECKSUM.xxh3]: 'every bit tried under XXH3',
};

/**
 * The single bits of a block, payload, type byte or checksum, with which it matches: `bytes` are payload and trailer as read
 * from file offset `offset`. What a context checksum adds for that offset is taken into account.
 */
export function searchBlock(protection: BlockProtection, bytes: Uint8Array, offset: number): FlipSearch {
  const { checksumType } = protection;
  const end = bytes.length - BLOCK_TRAILER;
  const search: FlipSearch = { flips: [], tried: 8 * bytes.length, method: METHOD[checksumType] ?? '' };
  const skipped = reasonToSkip(checksumType, bytes.length);
  if (skipped !== undefined) return { ...search, skipped };
  const modifier = contextModifier(protection.baseContext, offset);
  const stored = storedChecksum(bytes, end);
  const computed = (rawChecksum(checksumType, bytes, 0, end + 1) + modifier) >>> 0;
  search.flips.push(...checksumFlip(stored, computed, offset + end + 1));
  const target = (stored - modifier) >>> 0;
  for (const { byte, bit } of contentBits(checksumType, bytes.subarray(0, end + 1), target)) {
    search.flips.push({ offset: offset + byte, bit, field: byte === end ? 'type' : 'content' });
  }
  return search;
}

function reasonToSkip(checksumType: number, length: number): string | undefined {
  const name = checksumName(checksumType);
  switch (checksumType) {
    case CHECKSUM.crc32c:
      return length > LONGEST_WALK ? `${length} bytes are too many to walk` : undefined;
    case CHECKSUM.xxh32:
    case CHECKSUM.xxh64:
    case CHECKSUM.xxh3: {
      const cost = searchCost(name as 'xxh32' | 'xxh64' | 'xxh3', length);
      return cost > MOST_STEPS
        ? `trying every bit of ${length} bytes under ${name} takes too long`
        : undefined;
    }
    default:
      return 'the blocks of the table have no checksums';
  }
}

/** The bit in which a stored checksum, at file offset `offset`, differs from the computed one, if it is one bit. */
export function checksumFlip(stored: number, computed: number, offset: number): Flip[] {
  const difference = (stored ^ computed) >>> 0;
  if (difference === 0 || (difference & (difference - 1)) !== 0) return [];
  const place = 31 - Math.clz32(difference);
  return [{ offset: offset + (place >>> 3), bit: place & 7, field: 'checksum' }];
}

/** Bits of payload and type byte, both in `covered`. */
function contentBits(checksumType: number, covered: Uint8Array, target: number): BitPlace[] {
  switch (checksumType) {
    case CHECKSUM.crc32c:
      return bitsWithSyndrome((crc32c(covered) ^ unmaskCrc(target)) >>> 0, covered.length);
    case CHECKSUM.xxh32:
      return bitsForXxh32(covered, target);
    case CHECKSUM.xxh64:
      return bitsForXxh64(covered, target);
    default:
      return xxh3Bits(covered, target);
  }
}

/** XXH3 covers the payload alone; the type is folded into its value. */
function xxh3Bits(covered: Uint8Array, target: number): BitPlace[] {
  const end = covered.length - 1;
  const payload = covered.subarray(0, end);
  const folded = (type: number) => rawChecksum(CHECKSUM.xxh3, Uint8Array.of(type), 0, 1);
  const withoutType = (type: number) => (folded(type) ^ folded(0)) >>> 0;
  const found = bitsForXxh3(payload, (target ^ withoutType(covered[end])) >>> 0);
  const hash = (rawChecksum(CHECKSUM.xxh3, covered, 0, end + 1) ^ withoutType(covered[end])) >>> 0;
  for (let bit = 0; bit < 8; bit++) {
    const type = covered[end] ^ (1 << bit);
    if ((hash ^ withoutType(type)) >>> 0 === target >>> 0) found.push({ byte: end, bit });
  }
  return found;
}

/** The single bytes of a block, checksum included, with which it matches; under CRC-32C alone. */
export function searchBlockBytes(
  protection: BlockProtection,
  bytes: Uint8Array,
  offset: number,
): ByteCandidate[] {
  if (protection.checksumType !== CHECKSUM.crc32c) return [];
  const end = bytes.length - BLOCK_TRAILER;
  const modifier = contextModifier(protection.baseContext, offset);
  const stored = storedChecksum(bytes, end);
  const computed = crc32c(bytes, 0, end + 1);
  return [
    ...coveredBytes((computed ^ unmaskCrc((stored - modifier) >>> 0)) >>> 0, end + 1, offset),
    ...checksumByte(stored, (maskCrc(computed) + modifier) >>> 0, offset + end + 1),
  ];
}

/** Above it pairs of bits that fit by chance are too many to mean anything. Bytes. */
export const LONGEST_FOR_PAIRS = 8192;

/** The pairs of bits of a block with which it matches, one of them perhaps in the checksum; under CRC-32C alone. */
export function searchBlockPairs(
  protection: BlockProtection,
  bytes: Uint8Array,
  offset: number,
): [Flip, Flip][] {
  const end = bytes.length - BLOCK_TRAILER;
  if (protection.checksumType !== CHECKSUM.crc32c || bytes.length > LONGEST_FOR_PAIRS) return [];
  const target = (storedChecksum(bytes, end) - contextModifier(protection.baseContext, offset)) >>> 0;
  const computed = crc32c(bytes, 0, end + 1);
  const flipOf = ({ byte, bit }: BitPlace): Flip => ({
    offset: offset + byte,
    bit,
    field: byte === end ? 'type' : 'content',
  });
  const pairs = bitPairsWithSyndrome((computed ^ unmaskCrc(target)) >>> 0, end + 1).map(
    ([a, b]): [Flip, Flip] => [flipOf(a), flipOf(b)],
  );
  // a context is added to the masked checksum, so that a bit of the stored one may carry
  const stored = storedChecksum(bytes, end);
  for (let bit = 0; bit < 32; bit++) {
    const other = ((stored ^ (1 << bit)) - contextModifier(protection.baseContext, offset)) >>> 0;
    const inChecksum: Flip = { offset: offset + end + 1 + (bit >>> 3), bit: bit & 7, field: 'checksum' };
    for (const place of bitsWithSyndrome((computed ^ unmaskCrc(other)) >>> 0, end + 1))
      pairs.push([flipOf(place), inChecksum]);
  }
  return pairs;
}
