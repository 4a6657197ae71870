import { crc32c, unmaskCrc } from '../bytes/crc32c.js';
import { ReusedBuffer } from '../bytes/reused-buffer.js';
import type { ByteSource } from '../bytes/source.js';
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

export const BLOCK = 32768;
export const LEGACY_HEADER = 7;
export const RECYCLABLE_HEADER = 11;

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
} as const;

/** Puts a fragmented or compressed record's bytes back, one fragment at a time (a streaming ZSTD context). */
export interface FragmentDecompressor {
  /** Forgets the frame in progress. */
  reset(): void;
  /** All bytes that `input` yields; `undefined` when it is not a continuation of the frame (and the context is reset). */
  feed(input: Uint8Array): Uint8Array | undefined;
}

/** Blocks that one read brings in: 1 MiB. The only buffer whose size depends on nothing in the file. */
const WINDOW_BLOCKS = 32;

export class PhysicalReader {
  private readonly buffer = new ReusedBuffer(WINDOW_BLOCKS * BLOCK);
  private window = this.buffer.give(WINDOW_BLOCKS * BLOCK);
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
  decompressor: FragmentDecompressor | undefined;

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
  ) {}

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
    } catch {
      // What comes before the bad sector is still read, one block at a time as the engine does.
      try {
        this.windowLength = await this.source.read(this.window.subarray(0, BLOCK), this.windowStart);
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
    this.end = this.blockEnd = Math.min(this.blockEnd + BLOCK, this.windowLength);
    if (this.end - this.position < BLOCK) this.shortRead = true;
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
      const length = window[at + 4] | (window[at + 5] << 8);
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
      if (type === 0 && length === 0) {
        this.payload = window.subarray(at, at);
        this.clear();
        return physical.badRecord;
      }
      const stored =
        (window[at] | (window[at + 1] << 8) | (window[at + 2] << 16) | (window[at + 3] << 24)) >>> 0;
      if (crc32c(window, at + 6, at + headerSize + length) !== unmaskCrc(stored)) {
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
    const metadata =
      type === 9 ||
      (behaviour.timestampSizes && (type === 10 || type === 11)) ||
      (behaviour.predecessorRecords && (type === 130 || type === 131));
    if (this.decompressor !== undefined && !metadata) {
      const bytes = stored.length === 0 ? stored : this.decompressor.feed(stored);
      if (bytes === undefined) {
        this.clear();
        return physical.badRecord;
      }
      this.payload = bytes;
    }
    // Types behind the last known one are the reader's own result codes, in the order of `physical`.
    const code = type - behaviour.firstResultCode;
    if (code >= 0 && code <= 5) {
      this.dropped = 0;
      return physical.eof + code;
    }
    return type >= 0x80 && !behaviour.ignoresUnknownHighTypes ? type + 0xffffff00 : type;
  }

  private isRecyclable(type: number): boolean {
    const { behaviour } = this;
    return (
      (type >= 5 && type <= 8) ||
      (type === 11 && behaviour.timestampSizes) ||
      (type === 131 && behaviour.predecessorRecords)
    );
  }

  /** The header carries this file's number. The engine compares 32 bits with 64: beyond 2^32 nothing is its own. */
  private isOwn(at: number): boolean {
    const { window } = this;
    const number =
      (window[at + 7] | (window[at + 8] << 8) | (window[at + 9] << 16) | (window[at + 10] << 24)) >>> 0;
    return BigInt(number) === this.logNumber;
  }
}
