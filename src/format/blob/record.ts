import { crc32c, unmaskCrc } from '../../bytes/crc32c.js';
import { u32At } from '../../bytes/u32.js';
import { BLOB, fileNumber } from './layout.js';

export interface BlobRecordHeader {
  /** Bytes. `Infinity` where damaged bytes claim more than 2^53. */
  keyLength: number;
  /** Bytes as stored, compressed. */
  valueLength: number;
  /** Seconds since 1970, 0 where values do not expire. */
  expiration: number;
  /** Stored CRCs, unmasked. */
  headerCrc: number;
  blobCrc: number;
  /** CRC of the first 24 bytes as they are. */
  computedHeaderCrc: number;
}

/** The record header at `start`, of which all 32 bytes must be there. Lengths mean something only where the CRCs agree. */
export function decodeBlobRecordHeader(bytes: Uint8Array, start = 0): BlobRecordHeader {
  return {
    keyLength: fileNumber(bytes, start),
    valueLength: fileNumber(bytes, start + 8),
    expiration: fileNumber(bytes, start + 16),
    headerCrc: unmaskCrc(u32At(bytes, start + 24)),
    blobCrc: unmaskCrc(u32At(bytes, start + 28)),
    computedHeaderCrc: crc32c(bytes, start, start + 24),
  };
}

export function isHeaderIntact(header: BlobRecordHeader): boolean {
  return header.headerCrc === header.computedHeaderCrc;
}

/** Bytes of the whole record. */
export function recordLength(header: BlobRecordHeader): number {
  return BLOB.recordHeaderLength + header.keyLength + header.valueLength;
}

/**
 * The first place in `bytes[from, to)` where an intact record header stands, or -1. Of the 24 bytes that the CRC covers,
 * the high halves of both lengths and (but for files with expiring values) the expiration are zero, which settles almost
 * every place without a CRC.
 */
export function findRecordHeader(bytes: Uint8Array, from: number, to: number, expiring = false): number {
  const last = Math.min(to, bytes.length - BLOB.recordHeaderLength + 1);
  for (let at = from; at < last; at++) {
    if (
      (bytes[at + 5] | bytes[at + 6] | bytes[at + 7] | bytes[at + 13] | bytes[at + 14] | bytes[at + 15]) !==
      0
    )
      continue;
    if (!expiring && (bytes[at + 16] | bytes[at + 17] | bytes[at + 18] | bytes[at + 19]) !== 0) continue;
    if (!expiring && (bytes[at + 20] | bytes[at + 21] | bytes[at + 22] | bytes[at + 23]) !== 0) continue;
    if (isHeaderIntact(decodeBlobRecordHeader(bytes, at))) return at;
  }
  return -1;
}
