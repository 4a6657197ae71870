import { crc32c, unmaskCrc } from '../../bytes/crc32c.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import type { Anomaly, Range } from '../../finding/finding.js';
import { MAX_RECORD } from '../log/assembly.js';
import {
  BLOCK_SIZE,
  type Fragment,
  HEADER_SIZE,
  hex32,
  isRecord,
  type LogTail,
  type LogVisitor,
  MAX_FRAGMENTS,
  readU32,
  recordTypes,
} from './log-record.js';

const { full: FULL, first: FIRST, middle: MIDDLE, last: LAST } = recordTypes;

/** Types with an 11-byte header, in WALs only. */
const recyclableTypes: ReadonlySet<number> = new Set([5, 6, 7, 8, 11, 131]);
const SAFE_IGNORE_MASK = 0x80;

/**
 * Bytes that may be checksummed while looking for the next whole record inside a damaged block, over a whole file. Without
 * a bound a crafted file could cost a checksum of most of a block at every byte of it.
 */
const RESYNC_BUDGET = 64 << 20;

/** Puts logical records together from blocks that are pushed in file order. State with a life: one file. */
export class LogFramer {
  private pieces: Uint8Array[] = [];
  private fragments: Fragment[] = [];
  /** Pieces that are copies: those behind them are views into the block that is being read. */
  private copied = 0;
  /** Payload bytes of the record so far. */
  private recordLength = 0;
  /** The record has passed a limit: its pieces are not kept. */
  private oversized = false;
  private recordStart = 0;
  private inRecord = false;
  /** Zeros that are the tail if nothing follows, and a hole if something does. */
  private zeros: { offset: number } | undefined;
  private resyncLeft = RESYNC_BUDGET;
  private tail: LogTail | undefined;
  private delivered = false;
  private end = 0;

  constructor(private readonly visitor: LogVisitor) {}

  /**
   * Takes the next block: 32,768 bytes, or fewer at the end of the file. `offset` is that of the block in the file. The block
   * may be reused after the call.
   */
  push(block: Uint8Array, offset: number): void {
    // a Buffer's slice() would not copy
    this.pushBlock(new Uint8Array(block.buffer, block.byteOffset, block.length), offset);
  }

  private pushBlock(block: Uint8Array, offset: number): void {
    const last = block.length < BLOCK_SIZE;
    this.end = offset + block.length;
    let at = 0;
    while (this.tail === undefined) {
      const left = block.length - at;
      if (left < HEADER_SIZE) {
        if (last && left > 0) this.endInHeader(block.subarray(at), offset + at);
        break;
      }
      const next = this.step(block, at, offset, last);
      if (next < 0) break;
      at = next;
    }
    // views into the block must not outlive it
    for (; this.copied < this.pieces.length; this.copied++)
      this.pieces[this.copied] = this.pieces[this.copied].slice();
  }

  /** Says how the file ended. */
  finish(): LogTail {
    if (this.tail !== undefined) return this.tail;
    if (this.inRecord) {
      return this.torn(this.recordStart, 'the file ends between the fragments of a record');
    }
    if (this.zeros !== undefined) {
      const { offset } = this.zeros;
      return { state: 'zero-fill', offset, length: this.end - offset, detail: 'the file ends in zeros' };
    }
    return { state: 'clean', offset: this.end, length: 0, detail: 'the file ends behind a record' };
  }

  /** Takes the physical record at `at`; returns where the next one starts, or −1 when the rest of the block is done with. */
  private step(block: Uint8Array, at: number, base: number, last: boolean): number {
    const length = block[at + 4] | (block[at + 5] << 8);
    const type = block[at + 6];
    const next = at + HEADER_SIZE + length;
    if (next > block.length) return this.overlong(block, at, base, last, length, type);
    if (type === 0 && length === 0) return this.zeroRecord(block, at, base);

    const stored = readU32(block, at);
    const computed = crc32c(block, at + 6, next);
    if (unmaskCrc(stored) !== computed)
      return this.badChecksum(block, at, base, next, type, stored, computed);

    this.holeBefore(base + at);
    if (type > LAST || type === 0) {
      this.unknownType(base + at, next - at, type);
      return next;
    }
    this.fragment(block.subarray(at + HEADER_SIZE, next), type, base + at);
    return next;
  }

  private fragment(payload: Uint8Array, type: number, offset: number): void {
    const whole = { offset, length: HEADER_SIZE + payload.length };
    if (type === FULL || type === FIRST) {
      if (this.inRecord && this.recordLength > 0) {
        this.damage(
          { offset: this.recordStart, length: offset - this.recordStart },
          'manifest/missing-fragment',
          'a record starts before the one before it ended',
          `partial record without end(${type === FULL ? 1 : 2})`,
        );
      }
      this.dropRecord();
      this.recordStart = offset;
      this.inRecord = type === FIRST;
    } else if (!this.inRecord) {
      this.damage(
        whole,
        'manifest/missing-fragment',
        'a fragment stands without the start of its record',
        `missing start of fragmented record(${type === MIDDLE ? 1 : 2})`,
      );
      return;
    }
    const recordOffset = this.recordLength;
    this.recordLength += payload.length;
    if (this.recordLength > MAX_RECORD || this.fragments.length >= MAX_FRAGMENTS) this.passLimit();
    if (!this.oversized) {
      this.pieces.push(payload);
      this.fragments.push({ recordOffset, fileOffset: offset + HEADER_SIZE, length: payload.length });
    }
    if (type === FULL || type === LAST) this.deliver(offset + HEADER_SIZE + payload.length);
  }

  private passLimit(): void {
    this.oversized = true;
    this.pieces = [];
    this.fragments = [];
    this.copied = 0;
  }

  private deliver(end: number): void {
    const { pieces, fragments, recordStart, oversized } = this;
    this.dropRecord();
    this.delivered = true;
    if (oversized) {
      this.visitor.oversized({ offset: recordStart, length: end - recordStart });
      return;
    }
    const payload = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    this.visitor.record({ payload, offset: recordStart, end, fragments });
  }

  private dropRecord(): void {
    this.pieces = [];
    this.fragments = [];
    this.copied = 0;
    this.recordLength = 0;
    this.oversized = false;
    this.inRecord = false;
  }

  private zeroRecord(block: Uint8Array, at: number, base: number): number {
    const allZero = isZero(block, at);
    if (this.inRecord) {
      this.damage(
        { offset: base + at, length: block.length - at },
        'manifest/missing-fragment',
        'zeros stand where a record goes on',
        'error in middle of record',
      );
      this.dropRecord();
    }
    this.zeros ??= { offset: base + at };
    // the engine skips the rest of the block unseen: what lies there is lost without a word
    return allZero ? -1 : this.resync(block, at + 1);
  }

  /** Zeros with something behind them are a hole, which the engine does not notice. */
  private holeBefore(offset: number): void {
    const hole = this.zeros;
    this.zeros = undefined;
    if (hole === undefined || hole.offset >= offset) return;
    this.visitor.damage({
      rule: 'manifest/zeroed-range',
      offset: hole.offset,
      length: offset - hole.offset,
      message: 'zeros stand where edits should, and the log goes on behind them',
      evidence: { goesOnAt: offset },
    });
  }

  private overlong(
    block: Uint8Array,
    at: number,
    base: number,
    last: boolean,
    length: number,
    type: number,
  ): number {
    const left = block.length - at;
    const resumed = this.resync(block, at + 1);
    if (!last || resumed >= 0) {
      // with a whole record behind it, it is no tail: the engine, which takes it for one, loses that record unseen
      this.damage(
        { offset: base + at, length: (resumed < 0 ? block.length : resumed) - at },
        'manifest/bad-record-length',
        `the length field says ${length} bytes, ${left - HEADER_SIZE} are left in ${last ? 'the file' : 'the block'}`,
        last ? undefined : 'bad record length',
        { length, type, ...(resumed < 0 ? {} : { recordsFollowAt: base + resumed }) },
      );
      this.dropRecord();
      return resumed;
    }
    if (type >= FULL && type <= LAST) {
      this.endInside(base + at, left, `the file ends inside a record of ${length} bytes`);
    } else {
      this.tail = {
        state: 'garbage',
        offset: base + at,
        length: left,
        detail: `${left} bytes at the end are no record`,
      };
    }
    return -1;
  }

  private endInHeader(rest: Uint8Array, offset: number): void {
    if (!this.inRecord && isZero(rest, 0)) this.zeros ??= { offset };
    else this.endInside(offset, rest.length, 'the file ends inside a record header');
  }

  private endInside(offset: number, left: number, detail: string): void {
    const start = this.inRecord ? this.recordStart : offset;
    this.tail = { state: 'torn', offset: start, length: offset + left - start, detail };
  }

  private torn(offset: number, detail: string): LogTail {
    return { state: 'torn', offset, length: this.end - offset, detail };
  }

  private badChecksum(
    block: Uint8Array,
    at: number,
    base: number,
    next: number,
    type: number,
    stored: number,
    computed: number,
  ): number {
    // the length field may be what is wrong: trust it only if a whole record stands where it leads
    const resumed = next === block.length || isRecord(block, next) ? next : this.resync(block, at + 1);
    const end = resumed < 0 ? Math.min(next, block.length) : resumed;
    const hangs = recyclableTypes.has(type);
    this.damage(
      { offset: base + at, length: end - at },
      'manifest/checksum-mismatch',
      `stored ${hex32(unmaskCrc(stored))}, computed ${hex32(computed)}`,
      'checksum mismatch',
      {
        stored: hex32(unmaskCrc(stored)),
        computed: hex32(computed),
        type,
        ...(resumed >= 0 && resumed < block.length ? { recordsFollowAt: base + resumed } : {}),
        ...(hangs
          ? {
              recyclableType: this.delivered
                ? 'RocksDB 9.3 and later never return from reading this record'
                : 'RocksDB takes this record for the end of the file',
            }
          : {}),
      },
    );
    this.dropRecord();
    return resumed;
  }

  private unknownType(offset: number, length: number, type: number): void {
    const ignorable = (type & SAFE_IGNORE_MASK) !== 0;
    this.damage(
      { offset, length },
      'manifest/unknown-record-type',
      `record type ${type} does not belong in a MANIFEST`,
      ignorable ? undefined : `unknown record type ${type}`,
      { type },
    );
    this.dropRecord();
  }

  private damage(
    range: Range,
    rule: Anomaly['rule'],
    message: string,
    engine?: string,
    evidence: Record<string, EvidenceValue> = {},
  ): void {
    this.holeBefore(range.offset);
    this.visitor.damage({
      rule,
      ...range,
      message,
      evidence: { ...evidence, ...(engine === undefined ? {} : { engine: `Corruption: ${engine}` }) },
    });
  }

  /** Position of the next whole record in a block from `from` on, or −1. */
  private resync(block: Uint8Array, from: number): number {
    for (let at = from; at + HEADER_SIZE <= block.length && this.resyncLeft > 0; at++) {
      const type = block[at + 6];
      if (type < FULL || type > LAST) continue;
      const next = at + HEADER_SIZE + (block[at + 4] | (block[at + 5] << 8));
      if (next > block.length) continue;
      this.resyncLeft -= next - at;
      if (isRecord(block, at)) return at;
    }
    return -1;
  }
}

/** A loop, not `every`: a sparse file of gigabytes asks this of each of its blocks. */
function isZero(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}
