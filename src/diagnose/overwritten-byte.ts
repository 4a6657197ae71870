import type { Cause } from '../finding/finding.js';
import { counted, offsetText } from '../finding/quantity.js';
import { bytesWithSyndrome } from './crc32c-syndrome.js';
import type { BitChange } from './flipped-source.js';

/** Longer blocks and records are not searched: in 64 KiB of noise chance fits one byte in 260 times, and then noise must decode. */
export const LONGEST_FOR_BYTES = 64 << 10;

/** One byte that, changed by `mask`, makes a checksum hold. */
export interface ByteCandidate {
  /** File offset. */
  offset: number;
  /** The bits that differ. */
  mask: number;
}

/**
 * The single bytes of what a CRC-32C covers with which it holds: `syndrome`, computed and stored CRC exclusive-or, not masked;
 * `length` bytes from file offset `offset`. None where so many would fit by chance that they mean nothing.
 */
export function coveredBytes(syndrome: number, length: number, offset: number): ByteCandidate[] {
  if (length > LONGEST_FOR_BYTES) return [];
  return bytesWithSyndrome(syndrome, length).map(({ byte, mask }) => ({ offset: offset + byte, mask }));
}

/** The byte in which a stored checksum, at file offset `offset`, differs from the computed one, if it is one byte. */
export function checksumByte(stored: number, computed: number, offset: number): ByteCandidate[] {
  const difference = (stored ^ computed) >>> 0;
  const differing = [0, 1, 2, 3].filter((byte) => ((difference >>> (8 * byte)) & 0xff) !== 0);
  if (differing.length !== 1) return [];
  return [{ offset: offset + differing[0], mask: difference >>> (8 * differing[0]) }];
}

/** The bits of a candidate. */
function bitsOf({ offset, mask }: ByteCandidate): BitChange[] {
  return [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (mask >>> bit) & 1).map((bit) => ({ offset, bit }));
}

/**
 * An overwritten byte as the cause: where exactly one of the candidates decodes, and of none it stays open whether it does.
 * `length`: bytes that were searched.
 */
export async function overwrittenByte(
  candidates: readonly ByteCandidate[],
  length: number,
  trial: (changes: BitChange[]) => Promise<'decodes' | 'fails' | 'unsure'>,
): Promise<Cause | undefined> {
  const decoding: ByteCandidate[] = [];
  for (const candidate of candidates) {
    const verdict = await trial(bitsOf(candidate));
    if (verdict === 'unsure') return undefined;
    if (verdict === 'decodes') decoding.push(candidate);
  }
  if (decoding.length !== 1) return undefined;
  const [{ offset, mask }] = decoding;
  return {
    kind: 'overwritten-byte',
    certainty: 'proven',
    detail: `one byte was written over, ${offsetText(offset)}: ${counted(bitsOf(decoding[0]).length, 'bit')} of it differ (0x${mask.toString(16).padStart(2, '0')})`,
    basis: `CRC-32C syndrome: of 255 other values in each of ${length} places this is the only one that fits and decodes`,
    changes: bitsOf(decoding[0]),
    restores: true,
  };
}
