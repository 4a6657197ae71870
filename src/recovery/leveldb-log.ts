import { crc32c, unmaskCrc } from '../bytes/crc32c.js';
import { ReusedBuffer } from '../bytes/reused-buffer.js';
import type { ByteSource } from '../bytes/source.js';
import { MAX_RECORD } from '../format/log/assembly.js';
import { BLOCK_SIZE, LEGACY_HEADER, RecordType } from '../format/log/types.js';
import { corruption, type EngineError, type ErrorKind, unreadableFile } from './status.js';
import { tooLarge } from './wal-replay.js';

/** What the reader complains of: the open of a paranoid LevelDB fails with the first of them, others only log it. */
export interface LevelDbReport {
  error: EngineError;
  /** File offset of the physical record at which it stands. */
  offset: number;
  /** Bytes that LevelDB says it drops. */
  dropped: number;
}

/** A logical record as LevelDB puts it together. `bytes` holds until the next one is read. */
export interface LevelDbRecord {
  bytes: Uint8Array;
  /** File offset of its first header, and after its last byte. */
  offset: number;
  end: number;
}

/** Results of a step that are no type of a record. The reader's own result codes are types that follow the last one. */
const END = RecordType.last + 1;
const BAD = RecordType.last + 2;

/**
 * A log as LevelDB reads it (leveldb db/log_reader.cc, 1.23), quirks included: after a bad checksum the rest of the block goes; a
 * length past the end of the last block ends the file silently; a whole record of type 5 or 6 acts as the reader's own
 * end of file or bad record. kvdoctor's own parser (format/log) says what is in a file.
 */
export class LevelDbLogReader {
  /** Bytes were dropped, or the file ended inside a record, and nobody was told. */
  silent = false;
  private readonly block = new Uint8Array(BLOCK_SIZE);
  /** What is left of the block is `block[at, end)`. */
  private at = 0;
  private end = 0;
  /** File offset of the block. */
  private base: number;
  /** A block came short: it was the last one. */
  private short = false;
  private readonly gathering = new ReusedBuffer();
  private scratch: Uint8Array = new Uint8Array(0);
  private scratchLength = 0;
  private fragmented = false;
  private start = 0;
  /** Of the physical record read last. */
  private header = 0;
  private payload = new Uint8Array(0);
  private readonly unverified: boolean;

  constructor(
    private readonly source: ByteSource,
    private readonly file: string,
    private readonly report: (report: LevelDbReport) => void,
    /** `from`: file offset of the block to begin with. `unverified`: checksums are not looked at, as RepairDB reads. */
    { from = 0, unverified = false }: { from?: number; unverified?: boolean } = {},
  ) {
    this.unverified = unverified;
    this.base = from - BLOCK_SIZE;
  }

  /** The next logical record; `undefined` at the end, or what LevelDB takes for it. */
  async next(): Promise<LevelDbRecord | undefined> {
    this.clear();
    for (;;) {
      const type = await this.physical();
      const { header, payload } = this;
      const end = this.base + this.at;
      switch (type) {
        case RecordType.full:
          if (this.fragmented) this.complain('partial record without end(1)');
          return { bytes: payload, offset: header, end };
        case RecordType.first:
          if (this.fragmented) this.complain('partial record without end(2)');
          this.clear();
          this.fragmented = true;
          this.start = header;
          this.add(payload);
          break;
        case RecordType.middle:
          if (this.fragmented) this.add(payload);
          else this.drop('fragment-order', 'missing start of fragmented record(1)', payload.length);
          break;
        case RecordType.last:
          if (this.fragmented) {
            this.add(payload);
            return { bytes: this.scratch.subarray(0, this.scratchLength), offset: this.start, end };
          }
          this.drop('fragment-order', 'missing start of fragmented record(2)', payload.length);
          break;
        case END:
          if (this.fragmented) this.silent = true;
          return undefined;
        case BAD:
          if (this.fragmented) this.drop('fragment-order', 'error in middle of record', this.scratchLength);
          this.clear();
          break;
        default:
          // the type is printed as the signed char that it is on most machines
          this.drop(
            'unknown-record',
            `unknown record type ${type < 0x80 ? type : type + 0xffffff00}`,
            payload.length + this.scratchLength,
          );
          this.clear();
      }
    }
  }

  /** Gives the memory of the last record back. */
  release(): void {
    this.gathering.takeBack();
  }

  private clear(): void {
    this.gathering.takeBack();
    this.scratchLength = 0;
    this.fragmented = false;
  }

  private add(payload: Uint8Array): void {
    const needed = this.scratchLength + payload.length;
    if (needed > MAX_RECORD) throw tooLarge(this.file);
    this.scratch = this.gathering.extend(this.scratchLength, needed, MAX_RECORD);
    this.scratch.set(payload, this.scratchLength);
    this.scratchLength = needed;
  }

  /** Of no bytes LevelDB says nothing. */
  private complain(message: string): void {
    if (this.scratchLength > 0) this.drop('fragment-order', message, this.scratchLength);
  }

  private drop(kind: ErrorKind, message: string, dropped: number): void {
    this.report({ error: corruption(kind, message), offset: this.header, dropped });
  }

  /** Reads one physical record. */
  private async physical(): Promise<number> {
    for (;;) {
      const left = this.end - this.at;
      if (left < LEGACY_HEADER) {
        if (this.short) {
          if (left > 0) this.silent = true;
          this.at = this.end;
          return END;
        }
        if (!(await this.load())) return END;
        continue;
      }
      const { block, at } = this;
      this.header = this.base + at;
      const length = block[at + 4] | (block[at + 5] << 8);
      const type = block[at + 6];
      const end = at + LEGACY_HEADER + length;
      if (end > this.end) {
        this.at = this.end;
        if (this.short) {
          this.silent = true;
          return END;
        }
        this.drop('bad-length', 'bad record length', left);
        return BAD;
      }
      if (type === RecordType.zero && length === 0) {
        this.silent = true;
        this.at = this.end;
        return BAD;
      }
      const stored = (block[at] | (block[at + 1] << 8) | (block[at + 2] << 16) | (block[at + 3] << 24)) >>> 0;
      if (!this.unverified && crc32c(block, at + 6, end) !== unmaskCrc(stored)) {
        this.at = this.end;
        this.drop('checksum', 'checksum mismatch', left);
        return BAD;
      }
      this.payload = block.subarray(at + LEGACY_HEADER, end);
      this.at = end;
      // a record of these types ends or is skipped silently
      if (type === END || type === BAD) this.silent = true;
      return type;
    }
  }

  /** False: the medium fails. */
  private async load(): Promise<boolean> {
    this.base += BLOCK_SIZE;
    this.at = 0;
    this.end = 0;
    try {
      this.end = await this.source.read(this.block, this.base);
    } catch (error) {
      this.header = this.base;
      this.report({ error: unreadableFile(this.file, error), offset: this.base, dropped: BLOCK_SIZE });
      this.short = true;
      return false;
    }
    if (this.end < BLOCK_SIZE) this.short = true;
    return true;
  }
}
