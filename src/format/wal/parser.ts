// A write-ahead log (rocksdb db/log_reader.cc, db/log_writer.cc): blocks of 32768 bytes, only the last may be shorter, no
// header and no footer. A logical record is one FULL physical record, or FIRST, any MIDDLE, and LAST.
//
//   block 0                                  block 1
//   +------+-----------+-------+---------+---+--------+---------+------+-----------+------+----
//   | FULL | payload   | FIRST | payload | 0 | MIDDLE | payload | LAST | payload   | FULL | …
//   +------+-----------+-------+---------+---+--------+---------+------+-----------+------+----
//
// A recycled file holds, behind what was written last, what an earlier log left there.

import type { ByteSource } from '../../bytes/source.js';
import { loadHashes } from '../../bytes/xxhash.js';
import { Assembly } from './assembly.js';
import { BlockChunks, firstNonZero } from './chunks.js';
import type { Damage, DamageReason, Tail, TailKind } from './damage.js';
import { checksumHolds, decodePhysicalHeader, lengthAt, physicalCrc, u32At } from './physical.js';
import { type HeaderStyle, Resync, ZSTD_MAGIC } from './resync.js';
import {
  BLOCK_SIZE,
  LEGACY_HEADER,
  RECYCLABLE_HEADER,
  RecordKind,
  RecordType,
  rocksdbWal,
  type WalDialect,
} from './types.js';

/** What a step of the parser came upon. */
export const WalEvent = {
  /** The chunk is used up: `await load()`, then step again. */
  more: 0,
  /** A logical record: `record`. */
  record: 1,
  /** A record that is not data: `metadataKind`, its payload in `record`. */
  metadata: 2,
  /** `damage`. The next step goes on behind it. */
  damage: 3,
  /** The end of the file: `tail`. */
  end: 4,
} as const;

export interface WalParserOptions {
  /** From the file's name. Recyclable records carry its low 32 bits. */
  number?: bigint;
  dialect?: WalDialect;
  /** False: headers are believed. Damage is then only seen where they do not fit each other. */
  checksums?: boolean;
}

/** What stopped the parser, kept while it looks for the next whole record. */
interface Search {
  damage: Damage;
  /** File offset at which the damaged record should end, -1 when its length is not believed. */
  chain: number;
  /** What the tail is called if nothing follows. */
  tail: TailKind;
  /** No byte that is not zero was met so far. */
  zeroed: boolean;
  oldRecord?: { offset: number; logNumber: number };
}

/**
 * Reads a log front to back with bounded memory, whatever its size. Pulled: `step()` gives the next event and leaves its
 * details in the parser's fields, valid until the next step, so that records cost no objects.
 *
 * Damage is stepped over: the search for the next whole record tries every offset of the block, where the engine gives up
 * the block. Nothing here judges what the engine would do; `recovery/` does.
 */
export class WalParser {
  readonly record = new Assembly();
  damage: Damage | undefined;
  tail: Tail | undefined;
  /** A `RecordKind` and the type as stored, of the last metadata event. */
  metadataKind = 0;
  metadataType = 0;
  style: HeaderStyle = 'unknown';
  /** Whole physical records met, orphans included. */
  physicalRecords = 0;
  /** Log number that the records carry, where the file's name says another. */
  foreignLogNumber: number | undefined;

  private readonly chunks: BlockChunks;
  private readonly dialect: WalDialect;
  private readonly checksums: boolean;
  private readonly resync = new Resync();
  private logNumber: number;
  /** Positions in the chunk. */
  private at = 0;
  private blockStart = 0;
  private blockEnd = 0;
  private inRecord = false;
  /** File offset behind the last whole logical or metadata record. */
  private settled = 0;
  private dataSeen = false;
  /** The first bytes of the file are damaged, and with them what they may say about compression. */
  private damagedStart = false;
  private search: Search | undefined;
  /** The last damage, while fragments behind it may belong to the record that it hit. */
  private orphaning: Damage | undefined;

  constructor(source: ByteSource, options: WalParserOptions = {}) {
    this.chunks = new BlockChunks(source);
    this.dialect = options.dialect ?? rocksdbWal;
    this.checksums = options.checksums ?? true;
    this.logNumber = Number(BigInt.asUintN(32, options.number ?? 0n));
  }

  get compressed(): boolean {
    return this.record.compressed;
  }

  set compressed(value: boolean) {
    this.record.compressed = value;
  }

  /** Bytes of the file; known for certain at its end. */
  get size(): number {
    return this.chunks.size;
  }

  /** Reads the next chunk. Rejects only when the medium fails. */
  async load(): Promise<void> {
    await loadHashes();
    await this.chunks.next();
    this.at = this.blockStart = 0;
    this.blockEnd = Math.min(BLOCK_SIZE, this.chunks.length);
  }

  step(): number {
    this.damage = undefined;
    for (;;) {
      if (this.at >= this.blockEnd && !this.nextBlock()) {
        if (!this.chunks.last) return WalEvent.more;
        return this.finish();
      }
      const event = this.search === undefined ? this.physical() : this.seek(this.search);
      if (event !== 0) return event;
    }
  }

  private nextBlock(): boolean {
    const { chunks } = this;
    if (this.blockEnd >= chunks.length) return false;
    this.at = this.blockStart = this.blockEnd;
    this.blockEnd = Math.min(this.blockEnd + BLOCK_SIZE, chunks.length);
    return true;
  }

  /** The block is cut short by the end of the file. */
  private get short(): boolean {
    return this.blockEnd - this.blockStart < BLOCK_SIZE;
  }

  /** One physical record, or what stands in its place. 0: go on. */
  private physical(): number {
    const { at, blockEnd, dialect } = this;
    const { bytes } = this.chunks;
    const left = blockEnd - at;
    if (left < LEGACY_HEADER) return this.blockRest(left);
    const type = bytes[at + 6];
    const length = lengthAt(bytes, at);
    if (type === RecordType.zero && length === 0) return this.zeroHeader(left);
    const headerSize = dialect.headerSizes[type];
    if (headerSize > left) return this.blockRest(left);
    const end = at + headerSize + length;
    if (end > blockEnd) {
      const fits =
        this.short && end - this.blockStart <= BLOCK_SIZE && dialect.kinds[type] >= RecordKind.full;
      return this.fail('bad-length', fits ? 'torn-body' : 'damaged', -1);
    }
    if (this.checksums && !checksumHolds(bytes, at, end)) return this.fail('checksum', 'damaged', end);
    if (headerSize === RECYCLABLE_HEADER && u32At(bytes, at + LEGACY_HEADER) !== this.logNumber) {
      const event = this.otherLog(u32At(bytes, at + LEGACY_HEADER), end);
      if (event !== 0 || this.search !== undefined) return event;
    }
    return this.whole(type, at + headerSize, end);
  }

  /** Fewer bytes than a header are left of the block. */
  private blockRest(left: number): number {
    if (this.short) return this.fail('bad-length', 'torn-header', -1);
    const { at, blockEnd } = this;
    this.at = blockEnd;
    if (firstNonZero(this.chunks.bytes, at, blockEnd) === blockEnd) return 0;
    return this.report(this.describe('trailer', at, left));
  }

  private zeroHeader(left: number): number {
    const { at, blockEnd } = this;
    const rest = firstNonZero(this.chunks.bytes, at, blockEnd) === blockEnd;
    if (rest && left < RECYCLABLE_HEADER && !this.short && this.style !== 'legacy') {
      // No room for a recyclable header.
      if (!this.inRecord) {
        this.at = blockEnd;
        return 0;
      }
      if (this.compressed) {
        this.at = blockEnd;
        return this.report({ ...this.describe('zero-gap', at, left), recordOffset: this.record.offset });
      }
    }
    return this.fail('zeros', rest ? 'zero-fill' : 'damaged', -1);
  }

  /** A whole record that carries another log's number. */
  private otherLog(number: number, end: number): number {
    if (this.chunks.offset + this.at === 0 && number > this.logNumber) {
      this.foreignLogNumber = number;
      this.logNumber = number;
      return this.report(this.describe('wrong-log-number', 0, end - this.at));
    }
    const event = this.fail('stale-record', 'recycled', end);
    this.search!.oldRecord = { offset: this.search!.damage.offset, logNumber: number };
    return event;
  }

  /** A physical record whose checksum holds. */
  private whole(type: number, payload: number, end: number): number {
    const { chunks, dialect, record } = this;
    const kind = dialect.kinds[type];
    const offset = chunks.offset + this.at;
    const recyclable = dialect.headerSizes[type] === RECYCLABLE_HEADER;
    if (recyclable && this.style === 'legacy' && this.dataSeen) {
      this.style = 'recyclable';
      return this.report(this.describe('mixed-headers', this.at, end - this.at));
    }
    const isData = kind >= RecordKind.full && kind <= RecordKind.last;
    if (this.inRecord && kind !== RecordKind.middle && kind !== RecordKind.last) {
      this.inRecord = false;
      // The engine, too, says nothing of a first fragment without bytes.
      if (record.storedLength > 0) return this.report(this.unfinished(kind));
    }
    this.physicalRecords++;
    if (isData && this.style === 'unknown') this.style = recyclable ? 'recyclable' : 'legacy';
    this.at = end;
    if (!isData) return this.metadata(type, kind, payload, end, offset);
    if (!this.dataSeen) this.guessCompression(payload, end);
    return this.data(kind, payload, end, offset);
  }

  private data(kind: number, payload: number, end: number, offset: number): number {
    const { chunks, record } = this;
    const payloadOffset = chunks.offset + payload;
    if (kind === RecordKind.full) {
      record.whole(chunks.bytes, payload, end, offset, payloadOffset);
      return this.delivered();
    }
    if (kind === RecordKind.first) {
      record.begin(offset);
      this.inRecord = true;
      this.orphaning = undefined;
    } else if (!this.inRecord) {
      return this.orphan(offset, end);
    }
    record.add(chunks.bytes, payload, end, payloadOffset);
    if (kind !== RecordKind.last) return 0;
    this.inRecord = false;
    record.finish();
    return this.delivered();
  }

  private delivered(): number {
    this.dataSeen = true;
    this.orphaning = undefined;
    this.settled = this.record.endOffset;
    return WalEvent.record;
  }

  private orphan(offset: number, end: number): number {
    this.settled = this.chunks.offset + end;
    if (this.orphaning !== undefined) {
      this.orphaning.orphans++;
      return 0;
    }
    const start = offset - this.chunks.offset;
    const damage = this.describe('orphan-fragment', start, end - start);
    this.orphaning = damage;
    return this.report(damage);
  }

  private metadata(type: number, kind: number, payload: number, end: number, offset: number): number {
    const start = offset - this.chunks.offset;
    this.settled = this.chunks.offset + end;
    this.orphaning = undefined;
    if (kind === RecordKind.unknown || kind === RecordKind.zero || this.actsAsResult(type))
      return this.report(this.describe('unknown-type', start, end - start));
    if (kind === RecordKind.compression && this.physicalRecords > 1)
      return this.report(this.describe('misplaced-compression', start, end - start));
    this.metadataKind = kind;
    this.metadataType = type;
    this.record.view(this.chunks.bytes, payload, end, offset, this.chunks.offset + payload);
    return WalEvent.metadata;
  }

  private actsAsResult(type: number): boolean {
    const { firstResultCode } = this.dialect;
    return type >= firstResultCode && type < firstResultCode + 6;
  }

  /** The record that says so is damaged: the frames themselves tell. */
  private guessCompression(payload: number, end: number): void {
    if (!this.damagedStart || this.compressed || end - payload < 4) return;
    this.compressed = u32At(this.chunks.bytes, payload) === ZSTD_MAGIC;
  }

  /** Starts the search for the next whole record. Always 0. */
  private fail(reason: DamageReason, tail: TailKind, chain: number): number {
    const { chunks, at } = this;
    const damage = this.describe(reason, at, 0);
    if (this.inRecord) damage.recordOffset = this.record.offset;
    if (damage.offset === 0) this.damagedStart = true;
    const first = at + 1;
    this.search = {
      damage,
      chain: chain < 0 ? -1 : chunks.offset + chain,
      tail,
      zeroed: firstNonZero(chunks.bytes, at, this.blockEnd) === this.blockEnd,
    };
    this.at = first;
    return 0;
  }

  /** Looks through the rest of the current block. */
  private seek(search: Search): number {
    const { chunks, at, blockStart, blockEnd, resync } = this;
    const nonZero = firstNonZero(chunks.bytes, at, blockEnd);
    if (nonZero === blockEnd) {
      this.at = blockEnd;
      return 0;
    }
    const chain = search.chain - chunks.offset;
    const found = resync.find(chunks.bytes, at, blockStart, blockEnd, !this.short, chain, {
      dialect: this.dialect,
      logNumber: this.logNumber,
      style: this.style,
      compressed: this.compressed,
    });
    if (resync.oldRecord !== undefined)
      search.oldRecord ??= {
        offset: chunks.offset + resync.oldRecord.at,
        logNumber: resync.oldRecord.logNumber,
      };
    search.zeroed &&= found >= 0 && nonZero >= found;
    if (found >= 0) return this.found(search, found);
    this.at = blockEnd;
    return 0;
  }

  private found(search: Search, found: number): number {
    const { chunks } = this;
    const { damage } = search;
    this.search = undefined;
    this.at = found;
    damage.length = chunks.offset + found - damage.offset;
    if (search.zeroed) {
      damage.zeroed = true;
      if (damage.reason === 'zeros' && this.fillsForMetadata(damage, found)) return 0;
    }
    this.inRecord = false;
    this.orphaning = damage;
    return this.report(damage);
  }

  /** Zeros to the end of a block, because the metadata record that comes next must not be split. */
  private fillsForMetadata(damage: Damage, found: number): boolean {
    const { bytes } = this.chunks;
    const kind = this.dialect.kinds[bytes[found + 6]];
    if (kind !== RecordKind.timestampSizes && kind !== RecordKind.predecessor) return false;
    const needed = this.dialect.headerSizes[bytes[found + 6]] + lengthAt(bytes, found);
    return found === this.blockStart && damage.length < needed && damage.recordOffset === undefined;
  }

  private finish(): number {
    const { search, size } = this;
    this.search = undefined;
    if (search !== undefined) {
      const { damage, oldRecord } = search;
      damage.length = size - damage.offset;
      damage.zeroed = search.zeroed;
      const kind = search.zeroed && search.tail !== 'torn-header' ? 'zero-fill' : search.tail;
      this.tail = {
        kind,
        offset: damage.offset,
        length: damage.length,
        damage,
        ...(oldRecord && { oldRecord }),
      };
    } else if (this.inRecord) {
      const { offset } = this.record;
      this.tail = { kind: 'torn-fragments', offset, length: size - offset };
    } else {
      this.tail = { kind: 'clean', offset: this.settled, length: 0 };
    }
    return WalEvent.end;
  }

  /** `kind`: of the record that interrupts it. */
  private unfinished(kind: number): Damage {
    const { record } = this;
    const detail =
      kind === RecordKind.timestampSizes
        ? 'user-defined timestamp size record interspersed partial record'
        : `partial record without end(${kind === RecordKind.full ? 1 : 2})`;
    return {
      reason: 'unfinished-record',
      offset: record.offset,
      length: record.endOffset - record.offset,
      recordOffset: record.offset,
      detail,
      orphans: 0,
      inShortBlock: this.short,
    };
  }

  private describe(reason: DamageReason, at: number, length: number): Damage {
    const { chunks, blockEnd, dialect } = this;
    const header = decodePhysicalHeader(chunks.bytes, at, blockEnd, dialect);
    const end = header === undefined ? Number.POSITIVE_INFINITY : at + header.headerSize + header.length;
    return {
      reason,
      offset: chunks.offset + at,
      length,
      ...(header && { header }),
      ...(end <= blockEnd && { computedCrc: physicalCrc(chunks.bytes, at, end) }),
      orphans: 0,
      inShortBlock: this.short,
    };
  }

  private report(damage: Damage): number {
    this.damage = damage;
    return WalEvent.damage;
  }
}
