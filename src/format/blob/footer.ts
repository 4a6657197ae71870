import { crc32c, unmaskCrc } from '../../bytes/crc32c.js';
import { BLOB, fileNumber } from './layout.js';

export interface BlobFileFooter {
  hasMagic: boolean;
  recordCount: number;
  expiration: { from: bigint; to: bigint };
  /** Unmasked. */
  storedCrc: number;
  computedCrc: number;
}

/** The footer at `start`, of which all 32 bytes must be there. Fields are given as they stand, damaged or not. */
export function decodeBlobFileFooter(bytes: Uint8Array, start = 0): BlobFileFooter {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, BLOB.footerLength);
  return {
    hasMagic: view.getUint32(0, true) === BLOB.magic,
    recordCount: fileNumber(bytes, start + 4),
    expiration: { from: view.getBigUint64(12, true), to: view.getBigUint64(20, true) },
    storedCrc: unmaskCrc(view.getUint32(28, true)),
    computedCrc: crc32c(bytes, start, start + 28),
  };
}

/** The bytes at `start` are a footer beyond doubt: magic and CRC both fit. */
export function isBlobFileFooter(bytes: Uint8Array, start = 0): boolean {
  if (start < 0 || start + BLOB.footerLength > bytes.length) return false;
  const { hasMagic, storedCrc, computedCrc } = decodeBlobFileFooter(bytes, start);
  return hasMagic && storedCrc === computedCrc;
}
