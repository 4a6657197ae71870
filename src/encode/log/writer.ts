import { crc32c, maskCrc } from '../../bytes/crc32c.js';
import type { Predecessor } from '../../format/log/metadata.js';
import { WAL_ZSTD } from '../../format/log/metadata.js';
import { BLOCK_SIZE, LEGACY_HEADER, RECYCLABLE_HEADER, RecordType } from '../../format/log/types.js';

export interface LogWriterOptions {
  /** The log's number; its low 32 bits go into recyclable headers. */
  number?: bigint;
  /** Write recyclable headers. A log is of one kind throughout. */
  recyclable?: boolean;
  /** The log's compression record stands before `offset`: records are written as ZSTD frames (stored, not compressed). */
  compressed?: boolean;
  /** File offset at which the first byte goes: the end of a log that is continued. Default 0. */
  offset?: number;
}

/**
 * Writes a WAL as RocksDB's own writer frames it (rocksdb db/log_writer.cc). Each call gives the bytes to append, padding
 * before the record included; nothing is kept.
 */
export class LogWriter {
  /** File offset of the next byte. */
  offset: number;
  private readonly headerSize: number;
  private readonly logNumber: number | undefined;
  private compressed: boolean;

  constructor(options: LogWriterOptions = {}) {
    this.offset = options.offset ?? 0;
    this.compressed = options.compressed ?? false;
    this.headerSize = options.recyclable ? RECYCLABLE_HEADER : LEGACY_HEADER;
    this.logNumber = options.recyclable ? Number(BigInt.asUintN(32, options.number ?? 0n)) : undefined;
  }

  /** A logical record: a WriteBatch. */
  record(batch: Uint8Array): Uint8Array {
    return this.fragmented(this.compressed ? storedFrame(batch) : batch);
  }

  /** Says that records from here on are ZSTD frames. Only as the first record of a file. */
  compression(): Uint8Array {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, WAL_ZSTD, true);
    const bytes = new Uint8Array(LEGACY_HEADER + payload.length);
    putPhysical(bytes, 0, RecordType.setCompression, payload);
    this.offset += bytes.length;
    this.compressed = true;
    return bytes;
  }

  /** Bytes of timestamp at the end of each key, for column families that no earlier record names. */
  timestampSizes(sizes: ReadonlyMap<number, number>): Uint8Array {
    const payload = new Uint8Array(6 * sizes.size);
    const view = new DataView(payload.buffer);
    let at = 0;
    for (const [columnFamily, size] of sizes) {
      view.setUint32(at, columnFamily, true);
      view.setUint16(at + 4, size, true);
      at += 6;
    }
    return this.unsplit(RecordType.timestampSizes, RecordType.recyclableTimestampSizes, payload);
  }

  predecessor(predecessor: Predecessor): Uint8Array {
    const payload = encodePredecessor(predecessor);
    return this.unsplit(RecordType.predecessor, RecordType.recyclablePredecessor, payload);
  }

  private get left(): number {
    return BLOCK_SIZE - (this.offset % BLOCK_SIZE);
  }

  /** A record that must lie in one block. */
  private unsplit(legacyType: number, recyclableType: number, payload: Uint8Array): Uint8Array {
    const needed = this.headerSize + payload.length;
    const padding = this.left < needed ? this.left : 0;
    const bytes = new Uint8Array(padding + needed);
    putPhysical(
      bytes,
      padding,
      this.logNumber === undefined ? legacyType : recyclableType,
      payload,
      this.logNumber,
    );
    this.offset += bytes.length;
    return bytes;
  }

  private fragmented(payload: Uint8Array): Uint8Array {
    const { headerSize } = this;
    // A header that does not fit is not begun; when it fits exactly, an empty fragment is written.
    const padding = this.left < headerSize ? this.left : 0;
    this.offset += padding;
    const pieces = 2 + Math.floor(payload.length / (BLOCK_SIZE - headerSize));
    const bytes = new Uint8Array(padding + payload.length + pieces * headerSize);
    let at = padding;
    let taken = 0;
    let first = true;
    do {
      const length = Math.min(payload.length - taken, this.left - headerSize);
      const type = fragmentType(first, taken + length === payload.length);
      const piece = payload.subarray(taken, taken + length);
      at = putPhysical(bytes, at, this.logNumber === undefined ? type : type + 4, piece, this.logNumber);
      this.offset += headerSize + length;
      taken += length;
      first = false;
    } while (taken < payload.length);
    return bytes.subarray(0, at);
  }
}

/** A log of legacy headers, or what is appended to one whose end is at file offset `at`: a MANIFEST of encoded edits. */
export function encodeLogRecords(records: Iterable<Uint8Array>, at = 0): Uint8Array {
  const writer = new LogWriter({ offset: at });
  return Buffer.concat(Array.from(records, (record) => writer.record(record)));
}

/** The legacy type; the recyclable one is 4 higher. */
function fragmentType(first: boolean, last: boolean): number {
  if (first) return last ? RecordType.full : RecordType.first;
  return last ? RecordType.last : RecordType.middle;
}

function encodePredecessor({ number, size, lastSequence }: Predecessor): Uint8Array {
  const payload = new Uint8Array(24);
  const view = new DataView(payload.buffer);
  view.setBigUint64(0, number, true);
  view.setBigUint64(8, size, true);
  view.setBigUint64(16, lastSequence, true);
  return payload;
}

/** The patch that makes the predecessor record whose header is at `offset` say something else. */
export function rewritePredecessor(
  offset: number,
  predecessor: Predecessor,
  logNumber?: number,
): { offset: number; bytes: Uint8Array } {
  const type = logNumber === undefined ? RecordType.predecessor : RecordType.recyclablePredecessor;
  return { offset, bytes: encodePhysical(type, encodePredecessor(predecessor), logNumber) };
}

/** Writes a physical record at `at` and gives the offset after it. With `logNumber`, `type` is a recyclable one. */
function putPhysical(
  into: Uint8Array,
  at: number,
  type: number,
  payload: Uint8Array,
  logNumber?: number,
): number {
  const headerSize = logNumber === undefined ? LEGACY_HEADER : RECYCLABLE_HEADER;
  const end = at + headerSize + payload.length;
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  view.setUint16(at + 4, payload.length, true);
  into[at + 6] = type;
  if (logNumber !== undefined) view.setUint32(at + LEGACY_HEADER, logNumber, true);
  into.set(payload, at + headerSize);
  view.setUint32(at, maskCrc(crc32c(into, at + 6, end)), true);
  return end;
}

/** The bytes of one physical record. */
export function encodePhysical(type: number, payload: Uint8Array, logNumber?: number): Uint8Array {
  const headerSize = logNumber === undefined ? LEGACY_HEADER : RECYCLABLE_HEADER;
  const bytes = new Uint8Array(headerSize + payload.length);
  putPhysical(bytes, 0, type, payload, logNumber);
  return bytes;
}

// A ZSTD frame that stores its content as it is (RFC 8878), for logs whose compression record asks for frames:
//
//   | magic u32 | descriptor u8: single segment, 4-byte size | content size u32 | blocks: u24 header, bytes |

const MAGIC = 0xfd2fb528;
const SINGLE_SEGMENT_4_BYTE_SIZE = 0xa0;
/** Most bytes of one block. */
const BLOCK = 128 * 1024;

/** A ZSTD frame without checksum whose content is `payload`, not compressed. */
export function storedFrame(payload: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(payload.length / BLOCK));
  const frame = new Uint8Array(9 + 3 * blocks + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC, true);
  frame[4] = SINGLE_SEGMENT_4_BYTE_SIZE;
  view.setUint32(5, payload.length, true);
  let at = 9;
  for (let i = 0; i < blocks; i++) {
    const part = payload.subarray(i * BLOCK, (i + 1) * BLOCK);
    const header = part.length * 8 + (i === blocks - 1 ? 1 : 0);
    frame[at] = header;
    frame[at + 1] = header >>> 8;
    frame[at + 2] = header >>> 16;
    frame.set(part, at + 3);
    at += 3 + part.length;
  }
  return frame;
}
