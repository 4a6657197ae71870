import { crc32c, maskCrc, unmaskCrc } from '../bytes/crc32c.js';
import { u32At } from '../bytes/u32.js';
import type { Cause } from '../finding/finding.js';
import { checksumHolds, lengthAt } from '../format/log/physical.js';
import { LEGACY_HEADER, type LogDialect, RecordKind } from '../format/log/types.js';
import { checksumFlip, LONGEST_FOR_PAIRS } from './block-flips.js';
import { type BitPlace, bitPairsWithSyndrome, bitsWithSyndrome } from './crc32c-syndrome.js';
import type { BitChange } from './flipped-source.js';
import type { Flip, FlipField, FlipSearch } from './flips.js';
import { differingBits } from './footer.js';
import { type ByteCandidate, checksumByte, coveredBytes } from './overwritten-byte.js';

/** Bytes of a record before what its checksum covers: the checksum and the length. */
const UNCOVERED = 6;
const TYPE_AT = 6;

/** File offset after the record that begins at position 0 of `bytes`, as its header has it; undefined when it does not fit. */
export function recordEnd(bytes: Uint8Array, dialect: LogDialect): number | undefined {
  if (bytes.length < LEGACY_HEADER) return undefined;
  const end = dialect.headerSizes[bytes[TYPE_AT]] + lengthAt(bytes, 0);
  return end <= bytes.length ? end : undefined;
}

/**
 * The single bits of a physical log record (WAL or MANIFEST) with which its checksum holds: in what the checksum covers, in
 * the checksum, in the length, and in the type, which says how long the header is. `bytes` begins with the record, at file
 * offset `offset`, and goes on to the end of its block.
 */
export function searchRecord(bytes: Uint8Array, offset: number, dialect: LogDialect): FlipSearch {
  const search: FlipSearch = { flips: [], tried: 0, method: 'CRC-32C syndrome' };
  if (bytes.length < LEGACY_HEADER) return search;
  const end = recordEnd(bytes, dialect);
  if (end !== undefined) {
    const crc = crc32c(bytes, TYPE_AT, end);
    search.flips.push(...checksumFlip(u32At(bytes, 0), maskCrc(crc), offset));
    const syndrome = (crc ^ unmaskCrc(u32At(bytes, 0))) >>> 0;
    const bits = bitsWithSyndrome(syndrome, end - TYPE_AT).filter(({ byte }) => byte > 0);
    search.flips.push(...bits.map((place) => placed(place, bytes, offset, dialect)));
    search.tried += 8 * (end - UNCOVERED + 4);
  }
  search.flips.push(...headerFlips(bytes, offset, dialect));
  search.tried += 24;
  return search;
}

function placed({ byte, bit }: BitPlace, bytes: Uint8Array, offset: number, dialect: LogDialect): Flip {
  const at = byte + TYPE_AT;
  const field: FlipField =
    at === TYPE_AT ? 'type' : at < dialect.headerSizes[bytes[TYPE_AT]] ? 'log number' : 'content';
  return { offset: offset + at, bit, field };
}

/** Flips that move the end of the record: of the length, and of the type, on which the header's size depends. */
function headerFlips(bytes: Uint8Array, offset: number, dialect: LogDialect): Flip[] {
  const flips: Flip[] = [];
  const changed = Uint8Array.from(bytes);
  for (const at of [4, 5, TYPE_AT]) {
    for (let bit = 0; bit < 8; bit++) {
      changed[at] = bytes[at] ^ (1 << bit);
      const end = recordEnd(changed, dialect);
      const known = dialect.kinds[changed[TYPE_AT]] >= RecordKind.full;
      if (end === undefined || !known || !checksumHolds(changed, 0, end)) continue;
      flips.push({ offset: offset + at, bit, field: at === TYPE_AT ? 'type' : 'length' });
    }
    changed[at] = bytes[at];
  }
  return flips;
}

/** The single bytes of a record with which its checksum holds: after its type, and of the checksum. */
export function searchRecordBytes(bytes: Uint8Array, offset: number, dialect: LogDialect): ByteCandidate[] {
  const end = recordEnd(bytes, dialect);
  if (end === undefined) return [];
  const crc = crc32c(bytes, TYPE_AT, end);
  const stored = u32At(bytes, 0);
  const covered = coveredBytes((crc ^ unmaskCrc(stored)) >>> 0, end - TYPE_AT, offset + TYPE_AT);
  return [
    ...covered.filter((candidate) => candidate.offset > offset + TYPE_AT),
    ...checksumByte(stored, maskCrc(crc), offset),
  ];
}

/** The pairs of bits of a record with which its checksum holds, one of them perhaps in the checksum itself. */
export function searchRecordPairs(bytes: Uint8Array, offset: number, dialect: LogDialect): [Flip, Flip][] {
  const end = recordEnd(bytes, dialect);
  if (end === undefined || end > LONGEST_FOR_PAIRS) return [];
  const crc = crc32c(bytes, TYPE_AT, end);
  const stored = u32At(bytes, 0);
  const length = end - TYPE_AT;
  const place = (bits: BitPlace) => placed(bits, bytes, offset, dialect);
  const pairs = bitPairsWithSyndrome((crc ^ unmaskCrc(stored)) >>> 0, length).map(([a, b]): [Flip, Flip] => [
    place(a),
    place(b),
  ]);
  for (let bit = 0; bit < 32; bit++) {
    const other = (stored ^ (1 << bit)) >>> 0;
    const inChecksum: Flip = { offset: offset + (bit >>> 3), bit: bit & 7, field: 'checksum' };
    for (const bits of bitsWithSyndrome((crc ^ unmaskCrc(other)) >>> 0, length))
      pairs.push([place(bits), inChecksum]);
  }
  return pairs.filter((pair) => pair.every((flip) => flip.field !== 'type'));
}

/** The bits in which the length of the record at file offset `offset` differs from `length`. */
export function lengthChanges(bytes: Uint8Array, offset: number, length: number): BitChange[] {
  if (bytes.length < LEGACY_HEADER || length < 0 || length > 0xffff) return [];
  return differingBits(bytes.subarray(4, UNCOVERED), Uint8Array.of(length & 0xff, length >> 8), offset + 4);
}

/** A length that was written over, and with which the checksum holds when it is put right. */
export function lengthCause(changes: readonly BitChange[]): Cause {
  return {
    kind: 'garbage',
    certainty: 'proven',
    detail: `the length of the record, which no checksum covers, was written over (${changes.length} bits)`,
    basis: 'the checksum holds for the length that leads to the next record, and the record decodes with it',
    changes: [...changes],
    restores: true,
  };
}
