// A physical record, the unit of framing of a WAL and of a MANIFEST (rocksdb db/log_format.h):
//
//   legacy       | u32 masked CRC | u16 length | u8 type | payload
//   recyclable   | u32 masked CRC | u16 length | u8 type | u32 log number | payload
//   synced       | u32 masked CRC | u16 length | u8 type | u32 log number | u64 synced offset | payload     (Pebble)
//                0                4            6         7                11                  19
//
// The CRC covers the type, the log number, the synced offset and the payload as stored. It does not cover the length. A header that does not
// fit the rest of a block is not begun: the rest is zeros.

import { crc32c, unmaskCrc } from '../../bytes/crc32c.js';
import { u32At } from '../../bytes/u32.js';
import { LEGACY_HEADER, type LogDialect, RECYCLABLE_HEADER, RecordType, recordKindNames } from './types.js';

/** Bytes of the mark that ends a closed log of Pebble: no checksum, no length, the type of a whole record, the number of the next log. */
export const END_MARK = RECYCLABLE_HEADER;

/** The mark that ends log `number`. */
export function endMarkOf(number: bigint): Uint8Array {
  const mark = new Uint8Array(END_MARK);
  mark[6] = RecordType.recyclableFull;
  new DataView(mark.buffer).setUint32(LEGACY_HEADER, Number((number + 1n) & 0xffff_ffffn), true);
  return mark;
}

/** Whether a header has neither checksum nor length, as the mark of an end has. */
export const isBare = (bytes: Uint8Array, at: number): boolean =>
  u32At(bytes, at) === 0 && lengthAt(bytes, at) === 0;

/** Whether the mark stands there of a log that a recycled file held before log `number`, and that was closed. */
export function isOlderMark(bytes: Uint8Array, at: number, number: number): boolean {
  const isMark = isBare(bytes, at) && bytes[at + 6] === RecordType.recyclableFull;
  return isMark && u32At(bytes, at + LEGACY_HEADER) < number;
}

/** A header as it is found, whether or not it makes sense. */
export interface PhysicalHeader {
  /** As stored, masked. */
  storedCrc: number;
  /** Bytes of payload. */
  length: number;
  type: number;
  kind: string;
  /** Bytes of header that the type asks for. */
  headerSize: number;
  /** Recyclable and synced types only. */
  logNumber?: number;
}

export function lengthAt(bytes: Uint8Array, at: number): number {
  return bytes[at + 4] | (bytes[at + 5] << 8);
}

/** The header at `at`, or `undefined` when fewer bytes than its type asks for are left before `end`. */
export function decodePhysicalHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
  dialect: LogDialect,
): PhysicalHeader | undefined {
  if (end - at < LEGACY_HEADER) return undefined;
  const type = bytes[at + 6];
  const headerSize = dialect.headerSizes[type];
  if (end - at < headerSize) return undefined;
  return {
    storedCrc: u32At(bytes, at),
    length: lengthAt(bytes, at),
    type,
    kind: recordKindNames[dialect.kinds[type]],
    headerSize,
    ...(headerSize >= RECYCLABLE_HEADER && { logNumber: u32At(bytes, at + LEGACY_HEADER) }),
  };
}

/** The CRC of the record at `at`, not masked: from its type byte to `end`, the end of its payload. */
export function physicalCrc(bytes: Uint8Array, at: number, end: number): number {
  return crc32c(bytes, at + 6, end);
}

/** The checksum of the record at `at` holds. `end` is the end of its payload. */
export function checksumHolds(bytes: Uint8Array, at: number, end: number): boolean {
  return crc32c(bytes, at + 6, end) === unmaskCrc(u32At(bytes, at));
}
