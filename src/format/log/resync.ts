import { u32At } from '../../bytes/u32.js';
import { BATCH_HEADER, type BatchDialect, Shape } from '../batch/tags.js';
import { checksumHolds, lengthAt } from './physical.js';
import { LEGACY_HEADER, type LogDialect, RECYCLABLE_HEADER, RecordKind } from './types.js';

/** A file's headers are all of one style; a compression record is legacy in both. */
export type HeaderStyle = 'legacy' | 'recyclable' | 'unknown';

/** What the log so far says of the records to look for. */
export interface LogTraits {
  dialect: LogDialect;
  /** Absent: records are no batches. */
  batch?: BatchDialect;
  /** Low 32 bits. */
  logNumber: number;
  style: HeaderStyle;
  compressed: boolean;
}

/**
 * Bytes that one file's search may checksum at places where nothing but their look speaks for a record. Beyond it only
 * block starts and the ends that lengths point at are tried, so that no file takes more than a bounded time.
 */
const GUESS_BUDGET = 256 * 1024 * 1024;
/** The same, of records that have no look to go by. */
const BLIND_BUDGET = 64 * 1024 * 1024;

/**
 * Looks for the next whole record after damage. At the start of a block, and where the damaged record's length points,
 * any type will do; elsewhere only one that begins a logical record, and it must look like one before it is checksummed:
 * in a log without compression, middle and last fragments start a block and first ones fill theirs.
 */
export class Resync {
  /** The first whole record of a lower-numbered log, which the present one has not overwritten. */
  oldRecord: { at: number; logNumber: number } | undefined;
  private budget: number;

  /** `batches`: records are WriteBatches. */
  constructor(batches: boolean) {
    this.budget = batches ? GUESS_BUDGET : BLIND_BUDGET;
  }

  /**
   * The first record in `bytes[from, blockEnd)`, or -1. `chain` is the index at which the damaged record should end, -1
   * when it does not end in this block; `filled`: the block is not cut short by the end of the file.
   */
  find(
    bytes: Uint8Array,
    from: number,
    blockStart: number,
    blockEnd: number,
    filled: boolean,
    chain: number,
    traits: LogTraits,
  ): number {
    const { begins, headerSizes, kinds } = traits.dialect;
    const last = blockEnd - LEGACY_HEADER;
    this.oldRecord = undefined;
    for (let at = from; at <= last; at++) {
      if (at !== blockStart && at !== chain) {
        // Most of a search is this loop.
        const stop = chain > at && chain <= last ? chain : last + 1;
        while (at < stop && begins[bytes[at + 6]] === 0) at++;
        if (at > last) break;
      }
      if (kinds[bytes[at + 6]] < RecordKind.full) continue;
      const end = at + headerSizes[bytes[at + 6]] + lengthAt(bytes, at);
      if (end > blockEnd) continue;
      const guessed = at !== blockStart && at !== chain;
      if (guessed && !looksRight(bytes, at, end, filled && end === blockEnd, traits)) continue;
      if (!mayBeOurs(bytes, at, traits)) continue;
      // Blocks and chains are too few to matter, and the file must be read on from them.
      if (guessed && (this.budget -= end - at) < 0) continue;
      if (!checksumHolds(bytes, at, end)) continue;
      const number = logNumberAt(bytes, at, traits);
      if (number === traits.logNumber) return at;
      this.oldRecord ??= { at, logNumber: number };
      at = end - 1;
    }
    return -1;
  }
}

/** A legacy record of a log without recyclable ones; a recyclable one of this log or of one that it may have recycled. */
function mayBeOurs(bytes: Uint8Array, at: number, { dialect, logNumber, style }: LogTraits): boolean {
  if (dialect.headerSizes[bytes[at + 6]] === LEGACY_HEADER) return style !== 'recyclable';
  const number = u32At(bytes, at + LEGACY_HEADER);
  return number === logNumber || (number !== 0 && number < logNumber && style !== 'legacy');
}

/** Cheap reasons against a record that only chance would put here. */
function looksRight(
  bytes: Uint8Array,
  at: number,
  end: number,
  fillsBlock: boolean,
  { dialect, batch, compressed }: LogTraits,
): boolean {
  const payload = at + dialect.headerSizes[bytes[at + 6]];
  const length = end - payload;
  if (compressed) return length >= 4 && u32At(bytes, payload) === ZSTD_MAGIC;
  if (batch === undefined) return true;
  const isFirst = dialect.kinds[bytes[at + 6]] === RecordKind.first;
  return (fillsBlock || !isFirst) && beginsBatch(bytes, payload, length, isFirst, batch);
}

/** The payload of a record may be a WriteBatch, or the beginning of one. */
function beginsBatch(
  bytes: Uint8Array,
  payload: number,
  length: number,
  isFirst: boolean,
  batch: BatchDialect,
): boolean {
  // Sequence numbers have 56 bits.
  if (length >= 8 && bytes[payload + 7] !== 0) return false;
  if (length < BATCH_HEADER && !isFirst) return false;
  return length <= BATCH_HEADER || batch.shapes[bytes[payload + BATCH_HEADER]] !== Shape.unknown;
}

/** The log number of the record at `at`; legacy records carry none and pass for the log's own. */
function logNumberAt(bytes: Uint8Array, at: number, traits: LogTraits): number {
  return traits.dialect.headerSizes[bytes[at + 6]] >= RECYCLABLE_HEADER
    ? u32At(bytes, at + LEGACY_HEADER)
    : traits.logNumber;
}

export const ZSTD_MAGIC = 0xfd2fb528;
