import { crc32c, unmaskCrc } from '../bytes/crc32c.js';
import type { ByteSource } from '../bytes/source.js';
import { u32At } from '../bytes/u32.js';
import { MAX_RECORD } from '../format/log/assembly.js';
import { LogParser } from '../format/log/parser.js';
import { lengthAt } from '../format/log/physical.js';
import { readLog } from '../format/log/read.js';
import {
  BLOCK_SIZE,
  LEGACY_HEADER,
  pebbleWal,
  RECYCLABLE_HEADER,
  RecordKind,
  SYNC_HEADER,
} from '../format/log/types.js';
import { BatchWalker } from './batch-walker.js';
import { tooLarge } from './wal-replay.js';

/** How a log of Pebble ends for the engine. `end`: regularly; the others are what it complains of, if it complains. */
type PebbleLogEnd = 'end' | 'invalid chunk' | 'zeroed chunk' | 'unexpected EOF';

export interface PebbleRecord {
  bytes: Uint8Array;
  /** File offset of its first header, and after its last byte. */
  offset: number;
  end: number;
}

/** What of the reader changed between releases. */
interface PebbleLogRules {
  /** Types that a release knows: 8, from 2.1 on 12. */
  lastType: number;
  /** From 2.1 on: after damage later blocks are asked whether it was synced; otherwise it is the end of the file. */
  readsAhead: boolean;
}

/** A result of a step that is no record. */
type Chunk = { payload: Uint8Array; kind: number; offset: number; end: number };

/**
 * A log as Pebble reads it (pebble record/record.go), quirks included: fragments without a beginning are skipped; the number of
 * another log ends the file before any checksum is looked at. kvdoctor's own parser (format/log) says what is in a file.
 */
export class PebbleLogReader {
  /** How the log ended, once `next` has given nothing. */
  ended: PebbleLogEnd | undefined;
  /** File offset at which it did. */
  at = 0;
  private readonly block = new Uint8Array(BLOCK_SIZE);
  private base = -BLOCK_SIZE;
  private length = 0;
  private position = 0;
  private readonly number: number;

  constructor(
    private readonly source: ByteSource,
    private readonly file: string,
    number: bigint,
    private readonly rules: PebbleLogRules,
  ) {
    this.number = Number(BigInt.asUintN(32, number));
  }

  async next(): Promise<PebbleRecord | undefined> {
    if (this.ended !== undefined) return undefined;
    const parts: Uint8Array[] = [];
    let total = 0;
    let offset = 0;
    for (;;) {
      const chunk = await this.chunk(parts.length === 0);
      if (typeof chunk === 'string') {
        this.ended = await this.judged(chunk);
        return undefined;
      }
      if (parts.length === 0) offset = chunk.offset;
      total += chunk.payload.length;
      if (total > MAX_RECORD) throw tooLarge(this.file);
      parts.push(chunk.payload.slice());
      if (chunk.kind === RecordKind.full || chunk.kind === RecordKind.last)
        return { bytes: parts.length === 1 ? parts[0] : Buffer.concat(parts), offset, end: chunk.end };
    }
  }

  /** One chunk, or how the log ends there. */
  private async chunk(first: boolean): Promise<Chunk | PebbleLogEnd> {
    for (;;) {
      const { block, length } = this;
      const at = this.position;
      if (at + LEGACY_HEADER > length) {
        if (length < BLOCK_SIZE && this.base >= 0) {
          this.at = this.base + at;
          return first && at >= length ? 'end' : first ? 'invalid chunk' : 'unexpected EOF';
        }
        if (await this.load()) continue;
        this.at = this.base;
        return first ? 'end' : 'unexpected EOF';
      }
      this.at = this.base + at;
      const type = block[at + 6];
      const size = lengthAt(block, at);
      if (type === 0) {
        if (size !== 0 || u32At(block, at) !== 0) return 'invalid chunk';
        if (!this.isPadding(at)) return 'zeroed chunk';
        this.position = length;
        continue;
      }
      if (type > this.rules.lastType) return 'invalid chunk';
      const header = pebbleWal.headerSizes[type];
      if (header >= RECYCLABLE_HEADER) {
        if (at + header > length) return 'invalid chunk';
        const number = u32At(block, at + LEGACY_HEADER);
        if (number !== this.number) return first && this.isOver(number) ? 'end' : 'invalid chunk';
      }
      const from = at + header;
      const to = from + size;
      if (to > length) return 'invalid chunk';
      if (crc32c(block, at + 6, to) !== unmaskCrc(u32At(block, at))) {
        this.at = this.base + from;
        return 'invalid chunk';
      }
      this.position = to;
      const kind = pebbleWal.kinds[type];
      if (first && kind !== RecordKind.full && kind !== RecordKind.first) continue;
      return { payload: block.subarray(from, to), kind, offset: this.base + at, end: this.base + to };
    }
  }

  /** The number of the next log ends this one; before 2.1 any other number does. */
  private isOver(number: number): boolean {
    return !this.rules.readsAhead || number === (this.number + 1) >>> 0;
  }

  /** Zeros to the end of the block, where no header fits any more. */
  private isPadding(at: number): boolean {
    const left = this.length - at;
    if (left < RECYCLABLE_HEADER) return true;
    if (left >= SYNC_HEADER || !this.rules.readsAhead) return false;
    for (let i = at; i < this.length; i++) if (this.block[i] !== 0) return false;
    return true;
  }

  private async load(): Promise<boolean> {
    this.base += BLOCK_SIZE;
    this.position = 0;
    this.length = this.base < this.source.size ? await this.source.read(this.block, this.base) : 0;
    return this.length > 0;
  }

  /** From 2.1 on damage counts only where a later chunk says that the bytes before it had been synced. */
  private async judged(end: PebbleLogEnd): Promise<PebbleLogEnd> {
    if (!this.rules.readsAhead || (end !== 'invalid chunk' && end !== 'zeroed chunk')) return end;
    const damage = this.at;
    while (this.length === BLOCK_SIZE && (await this.load())) {
      for (let at = 0; at + SYNC_HEADER <= this.length; ) {
        const { block } = this;
        const type = block[at + 6];
        const header = pebbleWal.headerSizes[type];
        const to = at + header + lengthAt(block, at);
        if (type === 0 || type > this.rules.lastType || to > this.length) break;
        if (header >= RECYCLABLE_HEADER && u32At(block, at + LEGACY_HEADER) !== this.number) break;
        if (crc32c(block, at + 6, to) !== unmaskCrc(u32At(block, at))) break;
        if (header === SYNC_HEADER) {
          const synced = u32At(block, at + 11) + u32At(block, at + 15) * 2 ** 32;
          if (synced > damage) {
            this.at = damage;
            return end;
          }
        }
        at = to;
      }
    }
    this.at = damage;
    return 'unexpected EOF';
  }
}

/** Header sequence of the first whole batch in a log, also of one that stands after damage, where Pebble does not read it. */
export async function firstWholeBatch(source: ByteSource, number: bigint): Promise<bigint | undefined> {
  let first: bigint | undefined;
  await readLog(new LogParser(source, { dialect: 'pebble', number }), {
    record: ({ bytes, start, end }) => {
      const { sequence, count } = new BatchWalker(bytes.subarray(start, end), 'pebble');
      if (count === 0) return undefined;
      first = sequence;
      return 'stop';
    },
  });
  return first;
}
