// A write-ahead log (rocksdb db/log_reader.cc, db/log_writer.cc): blocks of 32768 bytes, only the last may be shorter, no
// header and no footer. A logical record is one FULL physical record, or FIRST, any MIDDLE, and LAST.
//
//   block 0                                  block 1
//   +------+-----------+-------+---------+---+--------+---------+------+-----------+------+----
//   | FULL | payload   | FIRST | payload | 0 | MIDDLE | payload | LAST | payload   | FULL | …
//   +------+-----------+-------+---------+---+--------+---------+------+-----------+------+----
//
// A recycled file holds, after what was written last, what an earlier log left there.

import type { ByteSource } from '../../bytes/source.js';
import { u32At } from '../../bytes/u32.js';
import { type Dialect, type DialectName, dialectNamed } from '../dialect.js';
import { Assembly, MAX_EDIT_RECORD, MAX_RECORD } from './assembly.js';
import { BlockChunks, firstNonZero } from './chunks.js';
import {
  type Damage,
  type DamageReason,
  describeDamage,
  type Tail,
  type TailKind,
  unfinishedRecord,
} from './damage.js';
import { decodeLogMetadata, type LogMetadata, WAL_ZSTD } from './metadata.js';
import { checksumHolds, decodePhysicalHeader, isBare, isOlderMark, lengthAt } from './physical.js';
import { type HeaderStyle, Resync, ZSTD_MAGIC } from './resync.js';
import { RecordSearch } from './search.js';
import {
  BLOCK_SIZE,
  LEGACY_HEADER,
  type LogDialect,
  RECYCLABLE_HEADER,
  RecordKind,
  RecordType,
} from './types.js';

/** What a step of the parser came upon. */
export const LogEvent = {
  /** The chunk is used up: `await load()`, then step again. */
  more: 0,
  /** A logical record: `record`. */
  record: 1,
  /** A record that is not data: `metadata`, its payload in `record`. */
  metadata: 2,
  /** `damage`. The next step goes on after it. */
  damage: 3,
  /** The end of the file: `tail`. */
  end: 4,
} as const;

export interface LogParserOptions {
  /** From the file's name. Recyclable records carry its low 32 bits. */
  number?: bigint;
  /** Default: RocksDB's. */
  dialect?: DialectName;
  /** What the log holds, which decides how it is framed. Default `wal`. */
  contents?: 'wal' | 'manifest';
  /** False: headers are believed. Damage is then only seen where they do not fit each other. */
  checksums?: boolean;
  /** File offset of the block to begin with. Default 0. Physical records do not cross blocks. */
  from?: number;
  /** Records are ZSTD frames according to the file's first record, which is before `from`. */
  compressed?: boolean;
}

/**
 * Reads a log of any size from front to back with bounded memory. Pulled: `step()` gives the next event and leaves its
 * details in the parser's fields, valid until the next step, so that records cost no objects.
 *
 * Damage is stepped over: the search for the next whole record tries every offset of the block, where the engine gives up
 * the block. Nothing here judges what the engine would do; `recovery/` does.
 */
export class LogParser {
  readonly record: Assembly;
  readonly engine: Dialect;
  damage: Damage | undefined;
  tail: Tail | undefined;
  /** Of the last metadata event. What it says of the records after it has been taken over. */
  metadata: LogMetadata | undefined;
  /** Bytes of timestamp at the end of keys, by column family, as the file states them so far. */
  timestampSizes: ReadonlyMap<number, number> = new Map();
  style: HeaderStyle;
  /** Whole physical records met, orphans included. */
  physicalRecords = 0;
  /** Log number that the records carry, where the file's name says another. */
  foreignLogNumber: number | undefined;

  /** Whose log it is. */
  private readonly chunks: BlockChunks;
  private readonly dialect: LogDialect;
  private readonly isWal: boolean;
  private readonly checksums: boolean;
  private readonly resync: Resync;
  private readonly from: number;
  private logNumber: number;
  /** Position in the chunk. */
  private at = 0;
  private inRecord = false;
  private dataSeen = false;
  /** The first bytes of the file are damaged, and with them what they may say about compression. */
  private damagedStart = false;
  private search: RecordSearch | undefined;
  /** Bytes of the largest header that the file may have. */
  private largestHeader = RECYCLABLE_HEADER;
  /** The last damage, while fragments after it may belong to the record that it hit. */
  private orphaning: Damage | undefined;

  constructor(source: ByteSource, options: LogParserOptions = {}) {
    this.from = options.from ?? 0;
    this.chunks = new BlockChunks(source, this.from);
    this.engine = dialectNamed(options.dialect);
    this.isWal = options.contents !== 'manifest';
    this.record = new Assembly(this.isWal ? MAX_RECORD : MAX_EDIT_RECORD);
    this.record.compressed = options.compressed ?? false;
    this.resync = new Resync(this.isWal);
    this.dialect = this.isWal ? this.engine.wal : this.engine.manifest.log;
    this.style = this.dialect.hasRecyclable ? 'unknown' : 'legacy';
    this.checksums = options.checksums ?? true;
    this.logNumber = Number(BigInt.asUintN(32, options.number ?? 0n));
  }

  /** Records are ZSTD frames. */
  get compressed(): boolean {
    return this.record.compressed;
  }

  /** Bytes of the file; known for certain at its end. */
  get size(): number {
    return this.chunks.size;
  }

  /** Reads the next chunk. Rejects only when the medium fails. */
  async load(): Promise<void> {
    await this.chunks.next();
    this.at = 0;
  }

  /** As `step`, with the reading that it asks for: never `more`. Rejects only when the medium fails. */
  async next(): Promise<number> {
    for (;;) {
      const event = this.step();
      if (event !== LogEvent.more) return event;
      await this.load();
    }
  }

  step(): number {
    const { chunks } = this;
    this.damage = undefined;
    for (;;) {
      if (this.at >= chunks.blockEnd) {
        if (chunks.nextBlock()) this.at = chunks.blockStart;
        else return chunks.last ? this.finish() : LogEvent.more;
      }
      const event = this.search === undefined ? this.physical() : this.seek(this.search);
      if (event !== 0) return event;
    }
  }

  /** One physical record, or what stands in its place. 0: go on. */
  private physical(): number {
    const { at, dialect } = this;
    const { bytes, blockStart, blockEnd, short } = this.chunks;
    const left = blockEnd - at;
    if (left < LEGACY_HEADER) return this.blockRest(left);
    const type = bytes[at + 6];
    const length = lengthAt(bytes, at);
    if (type === RecordType.zero && length === 0) return this.zeroHeader(left);
    const headerSize = dialect.headerSizes[type];
    if (headerSize > left) return this.blockRest(left);
    const end = at + headerSize + length;
    if (dialect.hasEndMark && headerSize > LEGACY_HEADER && this.isEnd(at))
      return this.endMark(at, headerSize);
    if (dialect.hasEndMark && !this.inRecord && isOlderMark(bytes, at, this.logNumber))
      return this.remains(u32At(bytes, at + LEGACY_HEADER) - 1, end);
    if (end > blockEnd) {
      const fits = short && end - blockStart <= BLOCK_SIZE && dialect.kinds[type] >= RecordKind.full;
      return this.fail('bad-length', fits ? 'torn-body' : 'damaged', -1);
    }
    if (this.checksums && !checksumHolds(bytes, at, end)) return this.fail('checksum', 'damaged', end);
    if (headerSize >= RECYCLABLE_HEADER && u32At(bytes, at + LEGACY_HEADER) !== this.logNumber) {
      const event = this.otherLog(u32At(bytes, at + LEGACY_HEADER), end);
      if (event !== 0 || this.search !== undefined) return event;
    }
    return this.whole(type, at + headerSize, end);
  }

  /** Fewer bytes than a header are left of the block. */
  private blockRest(left: number): number {
    const { at } = this;
    const { bytes, blockEnd, short } = this.chunks;
    if (short) return this.fail('bad-length', 'torn-header', -1);
    this.at = blockEnd;
    if (firstNonZero(bytes, at, blockEnd) === blockEnd) return 0;
    return this.report(this.describe('trailer', at, left));
  }

  private zeroHeader(left: number): number {
    const { at } = this;
    const { bytes, blockEnd, short } = this.chunks;
    const rest = firstNonZero(bytes, at, blockEnd) === blockEnd;
    if (rest && left < this.largestHeader && !short && this.style !== 'legacy') {
      // No room for a header.
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

  /** Where a record must begin stands the number of the next log: Pebble reads no further, whatever else is there. */
  private isEnd(at: number): boolean {
    return !this.inRecord && u32At(this.chunks.bytes, at + LEGACY_HEADER) === (this.logNumber + 1) >>> 0;
  }

  private endMark(at: number, headerSize: number): number {
    return this.fail('false-end', isBare(this.chunks.bytes, at) ? 'closed' : 'damaged', at + headerSize);
  }

  /** A whole record that carries another log's number. */
  private otherLog(number: number, end: number): number {
    if (this.chunks.offset + this.at === this.from && number > this.logNumber) {
      this.foreignLogNumber = number;
      this.logNumber = number;
      return this.report(this.describe('wrong-log-number', this.at, end - this.at));
    }
    return this.remains(number, end);
  }

  /** What an older log left. */
  private remains(number: number, end: number): number {
    const event = this.fail('stale-record', 'recycled', end);
    this.search?.setOldRecord(number);
    return event;
  }

  /** A physical record whose checksum holds. */
  private whole(type: number, payload: number, end: number): number {
    const { chunks, dialect, record } = this;
    const kind = dialect.kinds[type];
    const offset = chunks.offset + this.at;
    const recyclable = dialect.headerSizes[type] >= RECYCLABLE_HEADER;
    if (recyclable && this.style === 'legacy' && this.dataSeen) {
      this.style = 'recyclable';
      return this.report(this.describe('mixed-headers', this.at, end - this.at));
    }
    const isData = kind >= RecordKind.full && kind <= RecordKind.last;
    if (this.inRecord && kind !== RecordKind.middle && kind !== RecordKind.last) {
      this.inRecord = false;
      // The engine, too, says nothing of a first fragment without bytes.
      if (record.storedLength > 0) return this.report(unfinishedRecord(record, kind, chunks.short));
    }
    this.physicalRecords++;
    this.largestHeader = Math.max(this.largestHeader, dialect.headerSizes[type]);
    if (isData && this.style === 'unknown') this.style = recyclable ? 'recyclable' : 'legacy';
    this.at = end;
    if (!isData) return this.takeMetadata(type, kind, payload, end, offset);
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
    return LogEvent.record;
  }

  private orphan(offset: number, end: number): number {
    if (this.orphaning !== undefined && this.isWal) {
      this.orphaning.orphans++;
      return 0;
    }
    const start = offset - this.chunks.offset;
    const damage = this.describe('orphan-fragment', start, end - start);
    this.orphaning = damage;
    return this.report(damage);
  }

  private takeMetadata(type: number, kind: number, payload: number, end: number, offset: number): number {
    const start = offset - this.chunks.offset;
    this.orphaning = undefined;
    if (kind === RecordKind.unknown || kind === RecordKind.zero || this.actsAsResult(type))
      return this.report(this.describe('unknown-type', start, end - start));
    if (kind === RecordKind.compression && this.physicalRecords > 1)
      return this.report(this.describe('misplaced-compression', start, end - start));
    const { bytes } = this.chunks;
    const metadata = decodeLogMetadata(kind, type, bytes.subarray(payload, end), this.timestampSizes);
    this.record.view(bytes, payload, end, offset, this.chunks.offset + payload);
    if (metadata.kind === 'compression') this.record.compressed = metadata.value === WAL_ZSTD;
    if (metadata.kind === 'timestamp-sizes') this.timestampSizes = metadata.value ?? this.timestampSizes;
    this.metadata = metadata;
    return LogEvent.metadata;
  }

  private actsAsResult(type: number): boolean {
    const { firstResultCode } = this.dialect;
    return type >= firstResultCode && type < firstResultCode + 6;
  }

  /** The record that says so is damaged: the frames themselves tell. */
  private guessCompression(payload: number, end: number): void {
    if (!this.damagedStart || !this.dialect.hasCompression || this.compressed || end - payload < 4) return;
    this.record.compressed = u32At(this.chunks.bytes, payload) === ZSTD_MAGIC;
  }

  /** Starts the search for the next whole record. Always 0. */
  private fail(reason: DamageReason, tail: TailKind, chain: number): number {
    const { chunks, at } = this;
    const damage = this.describe(reason, at, 0);
    if (this.inRecord) damage.recordOffset = this.record.offset;
    if (damage.offset === this.from) this.damagedStart = true;
    this.search = new RecordSearch(damage, chain < 0 ? -1 : chunks.offset + chain, tail, chunks);
    this.at = this.isWal || !this.leadsOn(chain) ? at + 1 : chain;
    return 0;
  }

  /** The length of a damaged record leads to the end of its block or to a whole record: it is believed. */
  private leadsOn(chain: number): boolean {
    const { bytes, blockEnd } = this.chunks;
    if (chain < 0 || chain === blockEnd) return chain >= 0;
    const header = decodePhysicalHeader(bytes, chain, blockEnd, this.dialect);
    const end = chain + (header === undefined ? blockEnd : header.headerSize + header.length);
    return (
      end <= blockEnd &&
      this.dialect.kinds[bytes[chain + 6]] >= RecordKind.full &&
      checksumHolds(bytes, chain, end)
    );
  }

  /** Looks through the rest of the current block. */
  private seek(search: RecordSearch): number {
    const { chunks } = this;
    const begins = this.at === chunks.blockStart && search.damage.offset < chunks.offset + this.at;
    const traits = {
      dialect: this.dialect,
      ...(this.isWal && { batch: this.engine.batch }),
      logNumber: this.logNumber,
      style: this.style,
      compressed: this.compressed,
    };
    // a MANIFEST is refused at the first damage that the engine notices, and it notices block by block
    const found =
      begins && !this.isWal ? chunks.blockStart : search.seek(chunks, this.at, this.resync, traits);
    this.at = found < 0 ? chunks.blockEnd : found;
    if (found < 0) return 0;
    this.search = undefined;
    const damage = search.endAt(found, chunks, traits);
    if (damage === undefined) return 0;
    this.inRecord = false;
    this.orphaning = damage;
    return this.report(damage);
  }

  private finish(): number {
    const { inRecord, record, search, size } = this;
    if (search !== undefined) this.tail = search.endOfFile(size);
    else if (inRecord)
      this.tail = { kind: 'torn-fragments', offset: record.offset, length: size - record.offset };
    else this.tail = { kind: 'clean', offset: size, length: 0 };
    record.release();
    return LogEvent.end;
  }

  private describe(reason: DamageReason, at: number, length: number): Damage {
    return describeDamage(reason, this.chunks, at, length, this.dialect);
  }

  private report(damage: Damage): number {
    this.damage = damage;
    return LogEvent.damage;
  }
}
