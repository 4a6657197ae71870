import { hex32 } from '../../bytes/hexdump.js';
import type { Anomaly } from '../../finding/finding.js';
import { BLOB } from './layout.js';

export interface BlobFileHeader {
  version: number;
  columnFamily: number;
  flags: number;
  /** Type byte, as after a block. */
  compression: number;
  expiration: { from: bigint; to: bigint };
}

/**
 * The first 30 bytes of a blob file. Fields are given as they stand, damaged or not; absent when there are fewer bytes.
 * Nothing protects them: only values that no writer leaves are anomalies.
 */
export function decodeBlobFileHeader(bytes: Uint8Array): { header?: BlobFileHeader; anomalies: Anomaly[] } {
  if (bytes.length < BLOB.headerLength) {
    const message = `the file ends after ${bytes.length} of the header's ${BLOB.headerLength} bytes`;
    return { anomalies: [{ rule: 'blob/truncated', offset: 0, length: bytes.length, message }] };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOB.headerLength);
  const header: BlobFileHeader = {
    version: view.getUint32(4, true),
    columnFamily: view.getUint32(8, true),
    flags: view.getUint8(12),
    compression: view.getUint8(13),
    expiration: { from: view.getBigUint64(14, true), to: view.getBigUint64(22, true) },
  };
  const anomalies: Anomaly[] = [];
  const wrong = (offset: number, length: number, message: string) =>
    anomalies.push({ rule: 'blob/bad-header', offset, length, message });
  const magic = view.getUint32(0, true);
  if (magic !== BLOB.magic) wrong(0, 4, `the magic number is ${hex32(magic)}, not ${hex32(BLOB.magic)}`);
  if (header.version !== BLOB.version) wrong(4, 4, `version ${header.version}, where only 1 exists`);
  if (header.flags > BLOB.hasTtl) wrong(12, 1, `flags ${hex32(header.flags)} are set that do not exist`);
  const { from, to } = header.expiration;
  if ((header.flags & BLOB.hasTtl) === 0 && (from !== 0n || to !== 0n)) {
    wrong(14, 16, 'an expiration range stands in a file whose values do not expire');
  }
  return { header, anomalies };
}
