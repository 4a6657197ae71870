import { crc32c, unmaskCrc } from '../bytes/crc32c.js';
import { u32At } from '../bytes/u32.js';
import type { Range } from '../finding/finding.js';
import { checksumHolds, lengthAt } from '../format/log/physical.js';
import { BLOCK_SIZE, LEGACY_HEADER, type LogDialect, RecordKind } from '../format/log/types.js';
import { replacedUpTo } from './crc32c-syndrome.js';
import { recordEnd } from './log-flips.js';

/*
 * A run of bytes that was put into a WAL or a MANIFEST. Records before it hold where they stand, records after it hold that much
 * further on, and the record that was torn apart holds at the one place where the run is taken out. Between two records nothing
 * is torn apart: there only what follows tells a run that was put in from records that were overwritten.
 */

/** Longer runs are not sought. Bytes. */
const LONGEST_RUN = 1 << 18;
const TYPE_AT = 6;

/** Bytes that are alike by chance once in four thousand million runs. */
const ALIKE = 4;

/** The one run without which every record of a log holds; undefined when there is none, or more than one. */
export function insertedRun(bytes: Uint8Array, dialect: LogDialect): Range | undefined {
  return new LogWithRun(bytes, dialect).run();
}

class LogWithRun {
  /** File offsets at which a record holds, after the damage, and the end of the file. */
  private readonly starts = new Set<number>();

  constructor(
    private readonly bytes: Uint8Array,
    private readonly dialect: LogDialect,
  ) {}

  run(): Range | undefined {
    const { bytes } = this;
    const torn = this.follow(0, 0);
    const room = roomAt(torn);
    if (torn >= bytes.length || room < LEGACY_HEADER) return undefined;
    const header = bytes.subarray(torn, torn + room);
    const next = recordEnd(header, this.dialect);
    // the next one stands where it should: nothing was moved
    if (next !== undefined && this.holdsAt(torn + next, roomAt(torn + next))) return undefined;
    this.findStarts(torn);
    const runs = [...this.behindHeader(torn, next), ...this.inHeader(torn), ...this.between(torn)];
    return runs.length > 0 && runs.every(({ length }) => length === runs[0].length) ? runs[0] : undefined;
  }

  /** The header of the torn record stands before the run. */
  private *behindHeader(torn: number, end: number | undefined): Generator<Range> {
    if (end === undefined) return;
    yield* this.torn(torn, end, { from: LEGACY_HEADER, to: end });
  }

  /** The run tears the header apart. */
  private *inHeader(torn: number): Generator<Range> {
    const { bytes, dialect } = this;
    const record = Uint8Array.from(bytes.subarray(torn, torn + LEGACY_HEADER));
    for (let before = 1; before <= TYPE_AT; before++) {
      record[before - 1] = bytes[torn + before - 1];
      for (let by = 1; by <= LONGEST_RUN && torn + by + LEGACY_HEADER < bytes.length; by++) {
        const at = torn + by;
        for (let i = before; i < LEGACY_HEADER; i++) record[i] = bytes[at + i];
        if (!this.isKnown(record[TYPE_AT])) continue;
        const end = dialect.headerSizes[record[TYPE_AT]] + lengthAt(record, 0);
        if (end > roomAt(torn) || !this.starts.has(nextStart(torn + end) + by)) continue;
        if (this.isBare(torn, by) && this.runsOn(torn + end, by))
          yield* this.split(torn, end, by, { from: before, to: before + 1 });
      }
    }
  }

  /** The run stands between two records: a block after it must begin where only the shift puts it. */
  private *between(torn: number): Generator<Range> {
    const block = torn + roomAt(torn);
    for (const start of this.starts) {
      const by = start - torn;
      if (by % BLOCK_SIZE === 0 || start === this.bytes.length || !this.isBare(torn, by)) continue;
      if (this.runsOn(torn, by) && this.holdsAt(block + by, BLOCK_SIZE) > 0)
        yield { offset: torn, length: by };
    }
  }

  /** No record holds in the run: it might be of this log. */
  private isBare(torn: number, by: number): boolean {
    for (const start of this.starts) if (start < torn + by) return false;
    return true;
  }

  /** A record of `end` bytes, torn apart between two of its bytes, and all that follows it. */
  private *torn(torn: number, end: number, places: { from: number; to: number }): Generator<Range> {
    const next = nextStart(torn + end);
    for (const start of this.starts) {
      // the record may be the last one
      const by = start === this.bytes.length ? start - torn - end : start - next;
      if (by > 0 && by <= LONGEST_RUN && this.runsOn(torn + end, by))
        yield* this.split(torn, end, by, places);
    }
  }

  private *split(
    torn: number,
    end: number,
    by: number,
    { from, to }: { from: number; to: number },
  ): Generator<Range> {
    const before = this.bytes.subarray(torn, torn + end);
    const record = Uint8Array.from(this.bytes.subarray(torn + by, torn + by + end));
    record.set(before.subarray(0, from));
    const syndrome = crc32c(record, TYPE_AT, end) ^ unmaskCrc(u32At(record, 0));
    const place = replacedUpTo(record, before, { from, to, end }, syndrome);
    if (place === undefined || this.isWholeAt(torn, by, place)) return;
    if (!this.isOverwritten(torn + place, by)) yield { offset: torn + place, length: by };
  }

  /**
   * The run goes on as the record does behind it, or ends as the record before it: so do two records that begin or end alike and of which
   * the parts between were overwritten, and what somebody puts in does not.
   */
  private isOverwritten(at: number, by: number): boolean {
    const { bytes } = this;
    const same = (from: number) => {
      for (let i = from; i < from + ALIKE; i++) if (bytes[i] !== bytes[i + by]) return false;
      return true;
    };
    return same(at) || same(at - ALIKE);
  }

  /** The record stands whole after the run: then nothing tore it apart, and the run may be another record, overwritten. */
  private isWholeAt(torn: number, by: number, before: number): boolean {
    const { bytes } = this;
    for (let i = 0; i < before; i++) if (bytes[torn + i] !== bytes[torn + by + i]) return false;
    return true;
  }

  /** Every record from an offset of the log without the run holds, up to the end. */
  private runsOn(from: number, by: number): boolean {
    return this.follow(from, by) + by >= this.bytes.length;
  }

  /** Reads records that stand `by` bytes further on than they should, up to the first that does not hold; its offset without them. */
  private follow(from: number, by: number): number {
    const { bytes } = this;
    let at = from;
    while (at + by < bytes.length) {
      const room = roomAt(at);
      if (room < LEGACY_HEADER) {
        if (!isZero(bytes, at + by, at + by + room)) return at;
        at += room;
        continue;
      }
      const length = this.holdsAt(at + by, room);
      if (length === 0) return isZero(bytes, at + by, bytes.length) ? bytes.length : at;
      at += length;
    }
    return at;
  }

  /** Bytes of the record that holds at a file offset; 0 when there is none. */
  private holdsAt(file: number, room: number): number {
    const record = this.bytes.subarray(file, file + room);
    if (!this.isKnown(record[TYPE_AT])) return 0;
    const end = recordEnd(record, this.dialect);
    return end !== undefined && checksumHolds(record, 0, end) ? end : 0;
  }

  private isKnown(type: number): boolean {
    const kind = this.dialect.kinds[type];
    return kind >= RecordKind.full && kind < RecordKind.ignorable;
  }

  private findStarts(torn: number): void {
    const { bytes, starts } = this;
    const end = Math.min(bytes.length, torn + BLOCK_SIZE + LONGEST_RUN);
    for (let at = torn + 1; at < end; at++) {
      const length = this.holdsAt(at, BLOCK_SIZE);
      if (length > 0) starts.add(at);
    }
    if (end === bytes.length) starts.add(end);
  }
}

const roomAt = (offset: number): number => BLOCK_SIZE - (offset % BLOCK_SIZE);

/** Where the record after one that ends here begins: a header that does not fit into a block is not begun. */
function nextStart(end: number): number {
  const room = roomAt(end);
  return room < LEGACY_HEADER ? end + room : end;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < Math.min(to, bytes.length); at++) if (bytes[at] !== 0) return false;
  return true;
}
