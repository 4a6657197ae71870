import crc32c from 'crc-32/crc32c.js';
import { xxhash3, xxhash32, xxhash64 } from 'hash-wasm';

/*
 * Checksums for patches that must leave a valid checksum around nonsense. Kept apart from src/ on purpose: a mistake there
 * must not hide behind the same mistake here.
 */

function plainCrc32c(...parts: Uint8Array[]): number {
  let crc = 0;
  for (const part of parts) crc = crc32c.buf(part, crc);
  return crc >>> 0;
}

export function maskedCrc32c(...parts: Uint8Array[]): number {
  const crc = plainCrc32c(...parts);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const FOOTER = 53;
const BLOCK_BASED = 'f7cff485b741e288';

interface TableFooter {
  offset: number;
  checksumType: number;
  formatVersion: number;
  contextBase: number;
}

/** What a block's checksum depends on, from the last bytes of a table. Legacy footers mean CRC-32C. */
function tableFooter(file: Uint8Array): TableFooter {
  const offset = file.length - FOOTER;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const magic = Buffer.from(file.subarray(file.length - 8)).toString('hex');
  if (magic !== BLOCK_BASED) return { offset, checksumType: 1, formatVersion: 0, contextBase: 0 };
  const formatVersion = view.getUint32(offset + 41, true);
  const contextBase = formatVersion >= 6 ? view.getUint32(offset + 9, true) : 0;
  return { offset, checksumType: file[offset], formatVersion, contextBase };
}

/** The checksum of bytes whose last one is the block's type byte. */
async function checksum(type: number, bytes: Uint8Array): Promise<number> {
  const low32 = (hex: string) => Number.parseInt(hex.slice(-8), 16);
  if (type === 1) return maskedCrc32c(bytes);
  if (type === 2) return low32(await xxhash32(bytes));
  if (type === 3) return low32(await xxhash64(bytes));
  if (type === 4) {
    const last = bytes[bytes.length - 1];
    return (low32(await xxhash3(bytes.subarray(0, -1))) ^ Math.imul(last, 0x6b9083d9)) >>> 0;
  }
  return 0;
}

function contextModifier(base: number, offset: number): number {
  return base === 0 ? 0 : (base ^ ((offset >>> 0) + Math.floor(offset / 2 ** 32))) >>> 0;
}

/** Puts the right checksum after the block whose payload is `size` bytes at `offset`. */
export async function fixBlock(file: Uint8Array, offset: number, size: number): Promise<void> {
  const { checksumType, contextBase } = tableFooter(file);
  const sum = await checksum(checksumType, file.subarray(offset, offset + size + 1));
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  view.setUint32(offset + size + 1, (sum + contextModifier(contextBase, offset)) >>> 0, true);
}

/** Puts the right footer checksum into a table of format version 6 and later. */
export async function fixFooter(file: Uint8Array): Promise<void> {
  const { offset, checksumType, contextBase } = tableFooter(file);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  view.setUint32(offset + 5, 0, true);
  const sum = await checksum(checksumType, file.subarray(offset));
  view.setUint32(offset + 5, (sum + contextModifier(contextBase, offset)) >>> 0, true);
}

/** Log record types whose header holds a log number and has 11 bytes. */
export function isRecyclable(type: number): boolean {
  return [5, 6, 7, 8, 11, 131].includes(type);
}

/** Puts the right CRC into the physical log record whose header starts at `offset` (legacy and recyclable). */
export function fixRecord(file: Uint8Array, offset: number): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const header = isRecyclable(file[offset + 6]) ? 11 : 7;
  const end = offset + header + view.getUint16(offset + 4, true);
  view.setUint32(offset, maskedCrc32c(file.subarray(offset + 6, end)), true);
}

/** Puts the right two CRCs into the blob record at `offset`. */
export function fixBlobRecord(file: Uint8Array, offset: number): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = offset + 32 + Number(view.getBigUint64(offset, true) + view.getBigUint64(offset + 8, true));
  view.setUint32(offset + 24, maskedCrc32c(file.subarray(offset, offset + 24)), true);
  view.setUint32(offset + 28, maskedCrc32c(file.subarray(offset + 32, end)), true);
}

export function fixBlobFooter(file: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  view.setUint32(file.length - 4, maskedCrc32c(file.subarray(file.length - 32, file.length - 4)), true);
}

/** Puts the right CRC into the record of a blob file of Titan at `offset`. */
export function fixTitanRecord(file: Uint8Array, offset: number): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const end = offset + 9 + view.getUint32(offset + 4, true);
  view.setUint32(offset, plainCrc32c(file.subarray(offset + 4, end)), true);
}

export function fixTitanFooter(file: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  view.setUint32(file.length - 4, plainCrc32c(file.subarray(file.length - 32, file.length - 4)), true);
}
