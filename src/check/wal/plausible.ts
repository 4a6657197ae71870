import { unmaskCrc } from '../../bytes/crc32c.js';
import { Cursor } from '../../bytes/cursor.js';
import { u32At } from '../../bytes/u32.js';
import { Shape } from '../../format/batch/tags.js';
import { type DialectName, dialectNamed } from '../../format/dialect.js';
import type { Damage } from '../../format/log/damage.js';
import type { LogParser } from '../../format/log/parser.js';
import { physicalCrc } from '../../format/log/physical.js';
import { type HeaderStyle, ZSTD_MAGIC } from '../../format/log/resync.js';
import { BLOCK_SIZE, RECYCLABLE_HEADER } from '../../format/log/types.js';

/** What is known of a log at the place in question. */
export interface LogState {
  dialect: DialectName;
  style: HeaderStyle;
  compressed: boolean;
  /** Low 32 bits. */
  logNumber: number;
  /** Header sequence of the last whole batch before the place. */
  lastSequence?: bigint;
}

/** What a parser that has read log `number` to its end knows of it. `recycling`: its files may have held older logs. */
export function logState(parser: LogParser, number: bigint, recycling: boolean): LogState {
  return {
    dialect: parser.engine.name,
    style: parser.style === 'unknown' && recycling ? 'recyclable' : parser.style,
    compressed: parser.compressed,
    logNumber: parser.foreignLogNumber ?? Number(BigInt.asUintN(32, number)),
  };
}

/** No process writes more between two batches of one log. */
const SEQUENCE_REACH = 1n << 32n;

/**
 * Whether the bytes at damage were a record of this log once, as far as they still tell: the log number of a recyclable
 * header (one bit may have flipped), a batch header that continues the log's sequence numbers, the magic of a ZSTD frame.
 * `bytes` begins at the damage.
 */
export function wasOurs(bytes: Uint8Array, damage: Damage, state: LogState): boolean {
  if (state.style === 'recyclable') return bytes.length >= 11 && oneBitOff(u32At(bytes, 7), state.logNumber);
  if (damage.recordOffset !== undefined) return true;
  const payload = bytes.subarray(damage.header?.headerSize ?? 7);
  return startsBatch(payload, state);
}

function startsBatch(payload: Uint8Array, { dialect, compressed, lastSequence }: LogState): boolean {
  if (compressed) return payload.length >= 4 && u32At(payload, 0) === ZSTD_MAGIC;
  const cursor = new Cursor(payload);
  const sequence = cursor.u64();
  // So little of the record is there that nothing speaks against it.
  if (sequence === undefined) return true;
  const least = lastSequence ?? 0n;
  if (sequence < least || sequence > least + SEQUENCE_REACH) return false;
  cursor.u32();
  const tag = cursor.u8();
  return tag === undefined || dialectNamed(dialect).batch.shapes[tag] !== Shape.unknown;
}

function oneBitOff(a: number, b: number): boolean {
  const difference = (a ^ b) >>> 0;
  return (difference & (difference - 1)) === 0;
}

/**
 * The length of payload for which the checksum of the record at the start of `bytes` holds, if it is what lies between
 * it and the next record: the length in the header, which no checksum covers, is wrong then, and nothing else.
 * `atBlockEnd`: the next record starts a block, and zeros may stand before it.
 */
export function lengthThatFits(bytes: Uint8Array, damage: Damage, atBlockEnd: boolean): number | undefined {
  const { header } = damage;
  if (header === undefined || bytes.length > BLOCK_SIZE) return undefined;
  for (let zeros = 0; zeros < RECYCLABLE_HEADER; zeros++) {
    const end = bytes.length - zeros;
    if (end < header.headerSize || (zeros > 0 && bytes[end] !== 0)) return undefined;
    const length = end - header.headerSize;
    if (length === header.length) return undefined;
    if (physicalCrc(bytes, 0, end) === unmaskCrc(header.storedCrc)) return length;
    if (!atBlockEnd) return undefined;
  }
  return undefined;
}
