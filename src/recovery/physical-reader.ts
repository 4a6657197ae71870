import { ReusedBuffer } from '../bytes/reused-buffer.js';
import type { ByteSource } from '../bytes/source.js';
import { u32At } from '../bytes/u32.js';
import type { ZstdStream } from '../codec/zstd-stream.js';
import { checksumHolds, lengthAt } from '../format/log/physical.js';
import {
  BLOCK_SIZE,
  LEGACY_HEADER,
  RECYCLABLE_HEADER,
  RecordType,
  SAFE_TO_IGNORE,
} from '../format/log/types.js';
import { Interrupted } from '../io/interruption.js';
import type { ReplayBehaviour } from './behaviour.js';

/*
 * A WAL as RocksDB's own reader walks it, quirks included (rocksdb db/log_reader.cc, ReadPhysicalRecord and ReadMore):
 *
 *   block 0 (32768 bytes)                     block 1
 *   +--------+---------+--------+---------+---+--------+----
 *   | header | payload | header | payload |pad| header | …
 *   +--------+---------+--------+---------+---+--------+----
 *
 *   legacy header      crc u32 | length u16 | type u8
 *   recyclable header  crc u32 | length u16 | type u8 | log number u32
 *
 * kvdoctor's own parser (format/log) says what is in a file; this one says what the engine would make of it.
 */

/** What a step yields: a record type (0–255, or sign-extended before 9.11), or one of these. */
export const physical = {
  eof: 0x100,
  badRecord: 0x101,
  badHeader: 0x102,
  oldRecord: 0x103,
  badLength: 0x104,
  badChecksum: 0x105,
  /** The window is used up: `fill` it and step again. */
  needBlock: 0x110,
  /** The engine would meet the same bytes for ever. */
  hang: 0x111,
  /** A fragment decodes to more than kvdoctor takes. */
  tooLarge: 0x112,
} as const;

/** Blocks that one read brings in at most: 1 MiB. A smaller log is read at once: there may be thousands of them. */
const WINDOW_BLOCKS = 32;

export class PhysicalReader {
  private readonly buffer = new ReusedBuffer();
  private window: Uint8Array;
  /** File offset of the window's first byte, and bytes that it holds. */
  private windowStart = 0;
  private windowLength = 0;
  /** The unconsumed part of the current block, in the window. */
  private position = 0;
  private end = 0;
  /** End of the current block's bytes in the window. */
  private blockEnd = 0;
  /** The last block read was short. False at the end of a file of whole blocks until one more read comes back empty. */
  private shortRead = false;
  private readFailed = false;

  /** A FULL or LAST has been delivered. */
  delivered = false;
  recycled = false;
  /** The ZSTD context of a compressed WAL: one for the file, reset for each record and, as in the engine, when it fails. */
  decompressor: ZstdStream | undefined;

  /** The payload of the last step that yielded a type, decompressed. Valid until the next step. */
  payload: Uint8Array = new Uint8Array(0);
  /** Bytes that the last bad step dropped. */
  dropped = 0;
  /** File offset of the header that the last step looked at. */
  headerOffset = 0;
  /** Set when the medium failed: the engine reports it once and then sees the end of the file. */
  ioError: unknown;

  constructor(
    private readonly source: ByteSource,
    private readonly logNumber: bigint,
    private readonly behaviour: ReplayBehaviour,
    /** File offset of the block to begin with. */
    from = 0,
  ) {
    this.windowStart = from;
    const blocks = Math.floor(Math.max(0, source.size - from) / BLOCK_SIZE) + 1;
    this.window = this.buffer.give(Math.min(blocks, WINDOW_BLOCKS) * BLOCK_SIZE);
  }

  get eof(): boolean {
    return this.shortRead;
  }

  /** File offset of the first byte not consumed. */
  get offset(): number {
    return this.windowStart + this.position;
  }

  /** Reads the next window; call when a step asks for it. A failed read is kept in `ioError`, it does not reject. */
  async fill(): Promise<void> {
    this.windowStart += this.windowLength;
    this.position = this.end = this.blockEnd = this.windowLength = 0;
    this.window = this.buffer.give(this.window.length);
    try {
      this.windowLength = await this.source.read(this.window, this.windowStart);
    } catch (failure) {
      if (failure instanceof Interrupted) throw failure;
      // What comes before the bad sector is still read, one block at a time as the engine does.
      try {
        this.windowLength = await this.source.read(this.window.subarray(0, BLOCK_SIZE), this.windowStart);
      } catch (error) {
        this.ioError = error;
        this.readFailed = true;
        return;
      }
    }
    this.openBlock();
  }

  private openBlock(): void {
    this.position = this.blockEnd;
    this.end = this.blockEnd = Math.min(this.blockEnd + BLOCK_SIZE, this.windowLength);
    if (this.end - this.position < BLOCK_SIZE) this.shortRead = true;
  }

  /** Drops what is left of the block. */
  private clear(): void {
    this.position = this.end;
  }

  /** `undefined`: a block was brought in, look again. */
  private more(): number | undefined {
    if (!this.shortRead && !this.readFailed) {
      this.clear();
      if (this.blockEnd >= this.windowLength) return physical.needBlock;
      this.openBlock();
      return undefined;
    }
    this.headerOffset = this.offset;
    this.dropped = this.end - this.position;
    this.clear();
    return this.dropped > 0 ? physical.badHeader : physical.eof;
  }

  /** Takes one physical record. */
  step(): number {
    const { window, behaviour } = this;
    for (;;) {
      const available = this.end - this.position;
      if (available < LEGACY_HEADER) {
        const result = this.more();
        if (result === undefined) continue;
        return result;
      }
      const at = this.position;
      this.headerOffset = this.windowStart + at;
      const length = lengthAt(window, at);
      const type = window[at + 6];
      const recyclable = this.isRecyclable(type);
      const headerSize = recyclable ? RECYCLABLE_HEADER : LEGACY_HEADER;
      if (recyclable) {
        if (behaviour.recycledByAnyRecord) {
          if (this.delivered && !this.recycled) return physical.hang;
          this.recycled = true;
        } else if (this.headerOffset === 0) {
          this.recycled = true;
        }
        if (available < RECYCLABLE_HEADER) {
          const result = this.more();
          if (result === undefined) continue;
          return result;
        }
        if (!behaviour.consumesOldRecords && !this.isOwn(at)) return physical.oldRecord;
      }
      if (headerSize + length > available) {
        this.dropped = available;
        this.clear();
        if (behaviour.reportsTornTails || !this.shortRead) return physical.badLength;
        return physical.badHeader;
      }
      if (recyclable && !this.isOwn(at)) {
        this.position += headerSize + length;
        return physical.oldRecord;
      }
      if (type === RecordType.zero && length === 0) {
        this.payload = window.subarray(at, at);
        this.clear();
        return physical.badRecord;
      }
      if (!checksumHolds(window, at, at + headerSize + length)) {
        this.dropped = available;
        this.clear();
        return physical.badChecksum;
      }
      this.position += headerSize + length;
      return this.deliver(type, window.subarray(at + headerSize, at + headerSize + length));
    }
  }

  private deliver(type: number, stored: Uint8Array): number {
    const { behaviour } = this;
    this.payload = stored;
    if (this.decompressor !== undefined && !this.isMetadata(type)) {
      const nothing = { bytes: stored, error: undefined, pastLimit: undefined };
      const { bytes, error, pastLimit } = stored.length === 0 ? nothing : this.decompressor.push(stored);
      if (pastLimit) return physical.tooLarge;
      if (error !== undefined) {
        this.decompressor.reset();
        this.clear();
        return physical.badRecord;
      }
      this.payload = bytes;
    }
    // Types after the last known one are the reader's own result codes, in the order of `physical`.
    const code = type - behaviour.firstResultCode;
    if (code >= 0 && code <= 5) {
      this.dropped = 0;
      return physical.eof + code;
    }
    return type >= SAFE_TO_IGNORE && !behaviour.ignoresUnknownHighTypes ? type + 0xffffff00 : type;
  }

  private isMetadata(type: number): boolean {
    const { behaviour } = this;
    return (
      type === RecordType.setCompression ||
      (behaviour.timestampSizes && isTimestampSizes(type)) ||
      (behaviour.predecessorRecords && isPredecessor(type))
    );
  }

  private isRecyclable(type: number): boolean {
    const { behaviour } = this;
    return (
      (type >= RecordType.recyclableFull && type <= RecordType.recyclableLast) ||
      (type === RecordType.recyclableTimestampSizes && behaviour.timestampSizes) ||
      (type === RecordType.recyclablePredecessor && behaviour.predecessorRecords)
    );
  }

  /** The header carries this file's number. The engine compares 32 bits with 64: beyond 2^32 nothing is its own. */
  private isOwn(at: number): boolean {
    return BigInt(u32At(this.window, at + LEGACY_HEADER)) === this.logNumber;
  }
}

export function isTimestampSizes(type: number): boolean {
  return type === RecordType.timestampSizes || type === RecordType.recyclableTimestampSizes;
}

export function isPredecessor(type: number): boolean {
  return type === RecordType.predecessor || type === RecordType.recyclablePredecessor;
}
