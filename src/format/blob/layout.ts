import { u32At } from '../../bytes/u32.js';
/*
 * A blob file holds values that were too large for their table (rocksdb db/blob/blob_log_format.h):
 *
 *   | header 30 | record | record | … | footer 32 |
 *
 * header   0 magic u32 | 4 version u32 | 8 column family u32 | 12 flags u8 | 13 compression u8 |
 *          14 earliest expiration u64 | 22 latest expiration u64
 * record   0 key length u64 | 8 value length u64 | 16 expiration u64 | 24 header CRC u32 | 28 blob CRC u32 | 32 key | value
 * footer   0 magic u32 | 4 record count u64 | 12 earliest expiration u64 | 20 latest expiration u64 | 28 CRC u32
 *
 * All CRCs are masked CRC-32C: the header CRC of the record's first 24 bytes, the blob CRC of key and value as stored, the
 * footer's of its first 28 bytes. Nothing protects the file header. Values are compressed all or none, by the header's
 * compression byte, with the size prefixes of table format 2. A file that was not closed has no footer.
 */
export const BLOB = {
  magic: 0x00248f37,
  version: 1,
  headerLength: 30,
  recordHeaderLength: 32,
  footerLength: 32,
  /** Flag of files of the old stacked BlobDB, whose values expire. */
  hasTtl: 1,
} as const;

/** A number that a blob file stores in 64 bits: exact below 2^53, `Infinity` where damaged bytes claim more. */
export function fileNumber(bytes: Uint8Array, at: number): number {
  const high = u32At(bytes, at + 4);
  return high >= 0x20_0000 ? Number.POSITIVE_INFINITY : high * 0x1_0000_0000 + u32At(bytes, at);
}
