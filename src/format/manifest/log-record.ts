/**
 * The log framing of a MANIFEST (rocksdb db/log_format.h, db/log_reader.cc): blocks of 32,768 bytes, in them
 *
 *   | CRC u32 | length u16 | type u8 | payload … |      type 1 FULL  2 FIRST  3 MIDDLE  4 LAST
 *   '-- masked, over type and payload; the length is not covered
 *
 * and zeros where fewer than 7 bytes are left in a block. A WAL is framed alike, but a MANIFEST has no recyclable headers,
 * no compression and no other record types, and RocksDB always reads it in its tolerate-corrupted-tail manner: what a kill
 * in the middle of a write leaves is the end of the file, anything else that is wrong is fatal. Three ends are kept apart:
 * the clean one, the tail that the engine tolerates in silence, and damage.
 */
import { crc32c, unmaskCrc } from '../../bytes/crc32c.js';
import type { Anomaly, Range } from '../../finding/finding.js';

export const BLOCK_SIZE = 32768;
export const HEADER_SIZE = 7;

/** Most fragments that a record is put together from: one of `MAX_RECORD` bytes has some 2,000 where blocks are filled. */
export const MAX_FRAGMENTS = 65_536;

export const recordTypes = { full: 1, first: 2, middle: 3, last: 4 } as const;

/** A piece of a logical record: where its payload lies in the record and in the file. */
export interface Fragment {
  /** Of the payload in the reassembled record. */
  recordOffset: number;
  /** Of the payload in the file. */
  fileOffset: number;
  length: number;
}

/** A reassembled record. `payload` may be a view into the block that is being read: copy what must outlive the callback. */
export interface LogRecord {
  payload: Uint8Array;
  /** File offset of the first fragment's header. */
  offset: number;
  /** File offset behind the last fragment. */
  end: number;
  fragments: readonly Fragment[];
}

/** How a MANIFEST ends, when not by damage. */
export interface LogTail extends Range {
  /**
   * `clean`: behind a whole record. `torn`: inside a record, as a kill leaves it. `zero-fill`: in zeros. `garbage`: in bytes
   * that are no record and would reach past the end. All but the first are ignored by the engine without a word.
   */
  state: 'clean' | 'torn' | 'zero-fill' | 'garbage';
  detail: string;
}

export interface LogVisitor {
  record(record: LogRecord): void;
  /** A record of more than `MAX_RECORD` bytes, or of more than `MAX_FRAGMENTS` fragments: it is not put together. */
  oversized(range: Range): void;
  /** Damage that ends the engine's reading (or would, had it not stopped before). */
  damage(anomaly: Anomaly): void;
}

/** The range of a file that `length` bytes at `offset` of a record came from, headers between fragments included. */
export function fileRange(fragments: readonly Fragment[], offset: number, length: number): Range {
  const at = (position: number, endOfFragment: boolean): number => {
    let low = 0;
    let high = fragments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { recordOffset, length: inside } = fragments[middle];
      const end = recordOffset + inside;
      if (position < end || (endOfFragment && position === end)) high = middle;
      else low = middle + 1;
    }
    const found = fragments[low];
    if (found !== undefined) return found.fileOffset + position - found.recordOffset;
    const last = fragments.at(-1);
    return last === undefined ? 0 : last.fileOffset + last.length;
  };
  const start = at(offset, false);
  return { offset: start, length: Math.max(at(offset + length, true) - start, 0) };
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** Whether a whole physical record with a right checksum stands at `at`. */
export function isRecord(block: Uint8Array, at: number): boolean {
  if (at + HEADER_SIZE > block.length) return false;
  const type = block[at + 6];
  const next = at + HEADER_SIZE + (block[at + 4] | (block[at + 5] << 8));
  if (type < recordTypes.full || type > recordTypes.last || next > block.length) return false;
  return unmaskCrc(readU32(block, at)) === crc32c(block, at + 6, next);
}

export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
