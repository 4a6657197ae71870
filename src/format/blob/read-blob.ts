import { crc32c } from '../../bytes/crc32c.js';
import type { ByteSource } from '../../bytes/source.js';
import { decompressBlock } from '../../codec/block.js';
import { BLOB } from './layout.js';
import { decodeBlobRecordHeader, isHeaderIntact } from './record.js';

/** A value that a blob index points at, or why it cannot be had. */
type BlobReading = { value: Uint8Array; error?: undefined } | { value?: undefined; error: string };

/** The place of a value, from its blob index, and the user key that the record must have. */
interface BlobPlace {
  /** File offset of the value, bytes. */
  offset: bigint;
  /** Bytes as stored. */
  size: bigint;
  /** Type byte. */
  compression: number;
  key: Uint8Array;
}

/** Values of more bytes are not read: 256 MiB. */
const LARGEST_VALUE = 256 * 1024 * 1024;

/**
 * Reads one value out of a blob file as RocksDB does with checksum verification: the record's header, key and CRC must
 * fit the index. Rejects only when the medium fails.
 */
export async function readBlob(source: ByteSource, place: BlobPlace): Promise<BlobReading> {
  const { key, compression } = place;
  const start = Number(place.offset) - BLOB.recordHeaderLength - key.length;
  const size = Number(place.size);
  if (start < BLOB.headerLength || start + BLOB.recordHeaderLength + key.length + size > source.size) {
    return {
      error: `offset ${place.offset} with ${place.size} bytes lies outside of the blob file's ${source.size}`,
    };
  }
  if (size > LARGEST_VALUE)
    return { error: `a value of ${size} bytes is above the limit of ${LARGEST_VALUE}` };
  const record = new Uint8Array(BLOB.recordHeaderLength + key.length + size);
  if ((await source.read(record, start)) < record.length)
    return { error: 'the blob file ends inside the record' };

  const header = decodeBlobRecordHeader(record);
  if (!isHeaderIntact(header)) return { error: 'the CRC of the record header does not match' };
  if (header.keyLength !== key.length || header.valueLength !== size) {
    return {
      error: `the record has ${header.keyLength} and ${header.valueLength} bytes, not ${key.length} and ${size}`,
    };
  }
  const content = record.subarray(BLOB.recordHeaderLength);
  if (Buffer.compare(content.subarray(0, key.length), key) !== 0)
    return { error: 'the record is of another key' };
  if (crc32c(content) !== header.blobCrc) return { error: 'the CRC of key and value does not match' };
  const { bytes, error } = decompressBlock(compression, content.subarray(key.length));
  return bytes === undefined ? { error } : { value: bytes };
}
