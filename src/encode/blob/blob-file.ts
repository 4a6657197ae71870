import { crc32c, maskCrc } from '../../bytes/crc32c.js';
import { BLOB } from '../../format/blob/layout.js';

/** A record to write: the value as it is stored, compressed already. */
interface BlobRecord {
  key: Uint8Array;
  value: Uint8Array;
  expiration?: bigint;
}

export function encodeBlobFileHeader(columnFamily: number, compression: number): Uint8Array {
  const bytes = new Uint8Array(BLOB.headerLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, BLOB.magic, true);
  view.setUint32(4, BLOB.version, true);
  view.setUint32(8, columnFamily, true);
  view.setUint8(13, compression);
  return bytes;
}

export function encodeBlobRecord({ key, value, expiration = 0n }: BlobRecord): Uint8Array {
  const bytes = new Uint8Array(BLOB.recordHeaderLength + key.length + value.length);
  const view = new DataView(bytes.buffer);
  bytes.set(key, BLOB.recordHeaderLength);
  bytes.set(value, BLOB.recordHeaderLength + key.length);
  view.setBigUint64(0, BigInt(key.length), true);
  view.setBigUint64(8, BigInt(value.length), true);
  view.setBigUint64(16, expiration, true);
  view.setUint32(24, maskCrc(crc32c(bytes, 0, 24)), true);
  view.setUint32(28, maskCrc(crc32c(bytes, BLOB.recordHeaderLength)), true);
  return bytes;
}

export function encodeBlobFileFooter(recordCount: number): Uint8Array {
  const bytes = new Uint8Array(BLOB.footerLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, BLOB.magic, true);
  view.setBigUint64(4, BigInt(recordCount), true);
  view.setUint32(28, maskCrc(crc32c(bytes, 0, 28)), true);
  return bytes;
}
