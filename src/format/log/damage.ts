import type { Range } from '../../finding/finding.js';
import type { BlockChunks } from './chunks.js';
import { decodePhysicalHeader, type PhysicalHeader, physicalCrc } from './physical.js';
import { type LogDialect, RecordKind } from './types.js';

/** Why the parser could not go on with the next record, or had to drop what it had. */
export type DamageReason =
  /** The checksum does not match. */
  | 'checksum'
  /** A header of zeros where a record must begin. */
  | 'zeros'
  /** The length runs past the end of the block. */
  | 'bad-length'
  /** A whole record of a type that does not exist, or that the engine takes for one of its own result codes. */
  | 'unknown-type'
  /** A middle or last fragment without a first one. */
  | 'orphan-fragment'
  /** Another record begins before the last fragment came. */
  | 'unfinished-record'
  /** A record of the file's former life, with records of the present one after it. */
  | 'stale-record'
  /** The first record belongs to a log with a higher number: this is another log's file. */
  | 'wrong-log-number'
  /** A recyclable header after legacy ones. */
  | 'mixed-headers'
  /** The number of the next log, which ends a log of Pebble, in what is no end mark or has records after it. */
  | 'false-end'
  /** Bytes that are not zero where no header fits any more. No engine looks at them. */
  | 'trailer'
  /** Zeros inside a record that the writer put there, and that readers take for damage. */
  | 'zero-gap'
  /** A compression record that is not the first record of the file. */
  | 'misplaced-compression'
  /** The payload of a record that is not data does not decode. */
  | 'metadata'
  /** A whole record whose ZSTD frame does not decode or does not end. */
  | 'decompression';

/** A place where the log is not what a writer writes, with whole records after it. */
export interface Damage extends Range {
  reason: DamageReason;
  /** The header as found at `offset`. */
  header?: PhysicalHeader;
  /** Of the record as its header describes it, where that fits its block; not masked. */
  computedCrc?: number;
  /** The damage interrupts a record that begins there. */
  recordOffset?: number;
  /** What the engine says of it, where the reason alone does not tell. */
  detail?: string;
  /** All bytes of the range are zero. */
  zeroed?: boolean;
  /** Fragments after it that lost their record with it; counted until the next event. */
  orphans: number;
  /** The engine's reader meets it inside the last block, and that block is short: what it takes for a torn write. */
  inShortBlock: boolean;
}

/** How a file ends. */
export type TailKind =
  /** After a whole record. */
  | 'clean'
  /** In the mark that Pebble writes when it closes a log. */
  | 'closed'
  /** 1 to 6 bytes (10, recyclable) that begin a header. */
  | 'torn-header'
  /** A header whose payload the file does not hold. */
  | 'torn-body'
  /** A record whose last fragment is missing. */
  | 'torn-fragments'
  /** Zeros to the end. */
  | 'zero-fill'
  /** What an earlier log left in a recycled file. */
  | 'recycled'
  /** Bytes that are no record, and none after them. */
  | 'damaged';

/** The end of a file, from the first byte that belongs to no whole logical record. */
export interface Tail extends Range {
  kind: TailKind;
  /** What the parser met at `offset`, when it is not the end of the file. */
  damage?: Damage;
  /** The first whole record of an earlier log after `offset`. */
  oldRecord?: { offset: number; logNumber: number };
}

/** Damage at position `at` of the current chunk, with the header that stands there. */
export function describeDamage(
  reason: DamageReason,
  chunks: BlockChunks,
  at: number,
  length: number,
  dialect: LogDialect,
): Damage {
  const { bytes, blockEnd } = chunks;
  const header = decodePhysicalHeader(bytes, at, blockEnd, dialect);
  const end = header === undefined ? Number.POSITIVE_INFINITY : at + header.headerSize + header.length;
  return {
    reason,
    offset: chunks.offset + at,
    length,
    ...(header && { header }),
    ...(end <= blockEnd && { computedCrc: physicalCrc(bytes, at, end) }),
    orphans: 0,
    inShortBlock: chunks.short,
  };
}

/**
 * A record that another one interrupts before its last fragment.
 *
 * @param kind Of the record that interrupts it.
 * @param inShortBlock That record stands in the last block, and the block is short.
 */
export function unfinishedRecord(
  { offset, endOffset }: { offset: number; endOffset: number },
  kind: number,
  inShortBlock: boolean,
): Damage {
  const detail =
    kind === RecordKind.timestampSizes
      ? 'user-defined timestamp size record interspersed partial record'
      : kind === RecordKind.full || kind === RecordKind.first
        ? `partial record without end(${kind === RecordKind.full ? 1 : 2})`
        : undefined;
  return {
    reason: 'unfinished-record',
    offset,
    length: endOffset - offset,
    recordOffset: offset,
    ...(detail !== undefined && { detail }),
    orphans: 0,
    inShortBlock,
  };
}
