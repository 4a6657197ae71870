/*
 * A block-based table as RocksDB lays it out (table/block_based/block_based_table_builder.cc):
 *
 *   | data block | … | filter | index | dictionary | range tombstones | properties | metaindex | footer |
 *
 * The index is a plain binary-search one with whole internal keys and whole handles, which every version reads whatever
 * form the table had before; the properties say so.
 */
import { crc32c } from '../../bytes/crc32c.js';
import { compressBlock } from '../../codec/block.js';
import {
  type Comparator,
  compareBytes,
  compareInternalKeys,
  suffixStart,
} from '../../format/sst/comparator.js';
import { BLOCK_TRAILER, type BlockHandle } from '../../format/sst/handle.js';
import { internalKey, KEY_TRAILER, MAX_SEQUENCE, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { ByteBuilder } from '../byte-builder.js';
import { BlockBuilder } from './block-builder.js';
import { BlockFilterBuilder } from './block-filter-builder.js';
import { FilterBuilder, LegacyFilterBuilder } from './filter-builder.js';
import {
  blockTrailer,
  crcTrailer,
  encodeFooter,
  encodeHandle,
  isProtected,
  type TableProtection,
} from './footer.js';
import {
  describeValues,
  fragmented,
  type PebbleForm,
  type RangeTombstoneBounds,
  type ValueBlockPiece,
  valueIndex,
} from './pebble-parts.js';
import type { PropertyList } from './properties.js';
import { EntryTally } from './tally.js';

/** A run of bytes of a written table: of its own, or as they stand in the table that it is made from. */
export type TablePiece =
  | { from: 'bytes'; bytes: Uint8Array }
  | { from: 'source'; offset: number; length: number };

export interface TableForm extends TableProtection {
  comparator: Comparator;
  /** LevelDB's: format version 0, and a metaindex that names no more than a filter. */
  isLevelDb?: boolean;
  /** Pebble's. Its checksums do not depend on where a block stands. */
  pebble?: PebbleForm;
  /** Write a Bloom filter over whole keys. From format version 5 on, or for Pebble; engines of older tables may not know its kind. */
  filter: boolean;
  /** Compression type of blocks of our own. Default 0. */
  compression?: number;
  /** Content of the dictionary block that copied blocks need. */
  dictionary?: Uint8Array;
}

/** What a MANIFEST says of a table that has been written. Sequences and bounds as stored. */
export interface WrittenTable {
  /** Bytes. */
  size: number;
  /** CRC-32C of the whole file; not with value blocks, which are copied unread. */
  crc: number;
  /** Bytes after the data blocks. */
  tailSize: number;
  entries: number;
  /** Internal keys, range tombstones included; absent when the table is empty. */
  smallest?: Uint8Array;
  largest?: Uint8Array;
  smallestSequence: bigint;
  largestSequence: bigint;
  oldestBlobFile?: bigint;
}

/** A name of the metaindex. */
interface MetaEntry {
  name: string;
  handle: BlockHandle;
  /** Bytes after the handle. */
  extra?: Uint8Array;
}

const BLOCK_SIZE = 4096;
const RESTART_INTERVAL = 16;

/**
 * Writes one table: data blocks copied as they are stored, entries put into blocks of our own, in internal-key order. The
 * caller takes the pieces away as it likes; what is held is the index and two words a key for the filter.
 */
export class TableWriter {
  readonly tally: EntryTally;
  private readonly filter?: FilterBuilder | BlockFilterBuilder | LegacyFilterBuilder;
  private readonly suffix;
  private lastKey = new Uint8Array(0);
  private pieces: TablePiece[] = [];
  private size = 0;
  private crc = 0;
  private dataBlocks = 0;
  private readonly block = new BlockBuilder(RESTART_INTERVAL);
  private readonly index = new BlockBuilder(1);
  private readonly types = new Set<number>();
  private tombstones: RangeTombstoneBounds[] = [];

  constructor(private readonly form: TableForm) {
    if (form.filter && form.isLevelDb) this.filter = new BlockFilterBuilder();
    else if (form.filter && form.pebble) this.filter = new LegacyFilterBuilder();
    else if (form.filter && form.formatVersion >= 5) this.filter = new FilterBuilder();
    this.suffix = suffixStart(form.comparator.order);
    this.tally = new EntryTally(
      form.comparator,
      this.filter,
      form.pebble?.prefixed,
      form.pebble && this.suffix,
    );
  }

  /** Compression types of the data blocks so far. */
  get compressionTypes(): ReadonlySet<number> {
    return this.types;
  }

  /** Bytes so far. */
  get written(): number {
    return this.size + (this.block.count > 0 ? this.block.size : 0);
  }

  /**
   * Copies the data block whose payload stands at `offset` of the source, under a checksum for its new place. `contents` is
   * the payload decompressed, `payload` as stored. False, and nothing is written, when its entries cannot be read.
   */
  copyBlock(offset: number, payload: Uint8Array, compression: number, contents: Uint8Array): boolean {
    const { comparator, pebble } = this.form;
    if (new EntryTally(comparator, undefined, pebble?.prefixed).addBlock(contents) === false) return false;
    this.endBlock();
    const before = this.tally.points;
    this.tally.addBlock(contents);
    if (this.tally.points === before) return true;
    const handle = { offset: this.size, size: payload.length };
    const trailer = blockTrailer(this.form, payload, compression, this.size);
    this.crc = crc32c(payload, 0, payload.length, this.crc);
    this.size += payload.length;
    const last = this.pieces.at(-1);
    if (last?.from === 'source' && last.offset + last.length === offset) last.length += payload.length;
    else this.pieces.push({ from: 'source', offset, length: payload.length });
    this.emit(trailer);
    this.noteBlock(handle, compression);
    return true;
  }

  /** Adds an entry to a block of our own. Keys must come in order. */
  add(key: Uint8Array, value: Uint8Array): void {
    this.tally.add(key, value);
    this.block.add(key, value, this.mostShared(key));
    if (this.block.size >= BLOCK_SIZE) this.endBlock();
  }

  /** Where entries have prefix bytes, a reader takes the bytes that a key shares for no more than its prefix without suffix. */
  private mostShared(key: Uint8Array): number | undefined {
    if (!this.form.pebble?.prefixed) return undefined;
    const { lastKey } = this;
    this.lastKey = key.slice();
    const end = Math.max(0, lastKey.length - KEY_TRAILER);
    return this.suffix?.(lastKey, 0, end) ?? end;
  }

  /**
   * As `add`, without a copy of the value, which stands in a block of its own, uncompressed: it must stay as it is until the pieces
   * have been taken and written. For tables whose checksums are CRC-32C.
   */
  addLent(key: Uint8Array, value: Uint8Array): void {
    this.endBlock();
    this.tally.add(key, value);
    const head = new ByteBuilder().varint(0).varint(key.length).varint(value.length).raw(key).finish();
    // one restart point, at the block's begin
    const tail = new Uint8Array([0, 0, 0, 0, 1, 0, 0, 0]);
    const parts = [head, value, tail];
    const handle = { offset: this.size, size: head.length + value.length + tail.length };
    for (const part of parts) this.emit(part);
    this.emit(crcTrailer(this.form, parts, 0, handle.offset));
    this.noteBlock(handle, 0);
  }

  /** Keys with their timestamps, where the table holds them. In any order. */
  addRangeTombstone(start: Uint8Array, end: Uint8Array, sequence: bigint): void {
    this.tombstones.push({ start, end, sequence });
    this.tally.noteSequence(sequence);
  }

  /** What has been written since the last call. */
  take(): TablePiece[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  /** Writes everything after the data. Numbers that describe the table are put into `properties`. */
  finish(properties: PropertyList): WrittenTable {
    this.endBlock();
    const { pebble } = this.form;
    if (pebble !== undefined) this.tombstones = fragmented(this.tombstones, this.form.comparator);
    const dataSize = this.size;
    const meta: MetaEntry[] = [];
    const filter = this.filter?.finish();
    if (filter !== undefined) {
      const name = this.form.isLevelDb
        ? 'filter.leveldb.BuiltinBloomFilter2'
        : 'fullfilter.rocksdb.BuiltinBloomFilter';
      meta.push({ name, handle: this.put(filter) });
    }
    const indexBlock = this.index.finish();
    const index = this.put(indexBlock);
    if (isProtected(this.form)) meta.push({ name: 'rocksdb.index', handle: index });
    const { dictionary } = this.form;
    if (dictionary !== undefined) {
      meta.push({ name: 'rocksdb.compression_dict', handle: this.put(dictionary) });
    }
    if (this.tombstones.length > 0) {
      const handle = this.put(this.tombstoneBlock());
      meta.push({ name: 'rocksdb.range_del', handle });
      if (pebble !== undefined) meta.push({ name: 'rocksdb.range_del2', handle });
    }
    if (pebble?.rangeKeys !== undefined)
      meta.push({ name: 'pebble.range_key', handle: this.put(pebble.rangeKeys) });
    if (pebble?.values !== undefined && this.tally.apart > 0)
      meta.push(this.putValues(pebble.values, properties));
    if (!this.form.isLevelDb) {
      this.describe(properties, dataSize, indexBlock.length, filter?.length ?? 0);
      meta.push({ name: 'rocksdb.properties', handle: this.put(properties.encode()) });
    }
    const metaindex = this.putMetaindex(meta);
    this.emit(encodeFooter(this.form, this.size, metaindex, index));
    const { tally } = this;
    return {
      size: this.size,
      crc: this.crc >>> 0,
      tailSize: this.size - dataSize,
      entries: tally.points + this.tombstones.length,
      ...this.bounds(),
      smallestSequence: tally.smallestSequence ?? 0n,
      largestSequence: tally.largestSequence ?? 0n,
      ...(tally.oldestBlobFile !== undefined && { oldestBlobFile: tally.oldestBlobFile }),
    };
  }

  private endBlock(): void {
    if (this.block.count === 0) return;
    const contents = this.block.finish();
    const type = this.form.compression ?? 0;
    // a compressed block is worth it only when it is an eighth smaller, as for the engine
    const compressed = type === 0 ? undefined : compressBlock(type, contents, this.form.dictionary);
    const smaller = compressed !== undefined && compressed.length < (contents.length * 7) / 8;
    const [payload, used] = smaller ? [compressed, type] : [contents, 0];
    this.noteBlock(this.put(payload, used), used);
  }

  private noteBlock(handle: BlockHandle, compression: number): void {
    this.dataBlocks++;
    if (this.filter instanceof BlockFilterBuilder) this.filter.startBlock(this.size);
    this.types.add(compression);
    this.index.add(this.tally.last!, encodeHandle(handle));
  }

  private put(payload: Uint8Array, compression = 0): BlockHandle {
    const handle = { offset: this.size, size: payload.length };
    const trailer = blockTrailer(this.form, payload, compression, this.size);
    this.emit(payload);
    this.emit(trailer);
    return handle;
  }

  /** Copies the value blocks; those that are lost are empty, so that the others keep their numbers. */
  private putValues(values: readonly (ValueBlockPiece | undefined)[], properties: PropertyList): MetaEntry {
    const start = this.size;
    for (const piece of values) {
      if (piece === undefined) this.put(new Uint8Array(0));
      else {
        const length = piece.size + BLOCK_TRAILER;
        this.pieces.push({ from: 'source', offset: piece.offset, length });
        this.size += length;
      }
    }
    const sizes = values.map((piece) => piece?.size ?? 0);
    const { block, widths } = valueIndex(sizes, start, BLOCK_TRAILER);
    const handle = this.put(block);
    describeValues(properties, values.length, this.tally.apart, this.size - start);
    return { name: 'pebble.value_index', handle, extra: widths };
  }

  private putMetaindex(meta: MetaEntry[]): BlockHandle {
    const block = new BlockBuilder(1);
    const keyed = meta.map((entry) => ({ ...entry, key: Buffer.from(entry.name, 'latin1') }));
    for (const { key, handle, extra } of keyed.sort((a, b) => compareBytes(a.key, b.key))) {
      block.add(
        key,
        extra === undefined ? encodeHandle(handle) : Buffer.concat([encodeHandle(handle), extra]),
      );
    }
    return this.put(block.finish());
  }

  private emit(bytes: Uint8Array): void {
    this.crc = crc32c(bytes, 0, bytes.length, this.crc);
    this.size += bytes.length;
    this.pieces.push({ from: 'bytes', bytes });
  }

  private tombstoneBlock(): Uint8Array {
    const block = new BlockBuilder(1);
    const keyed = this.tombstones.map(({ start, end, sequence }) => ({
      key: internalKey(start, sequence, VALUE_TYPE.rangeDelete),
      end,
    }));
    keyed.sort((a, b) => this.compare(a.key, b.key));
    for (const { key, end } of keyed) block.add(key, end);
    return block.finish();
  }

  private compare(a: Uint8Array, b: Uint8Array): number {
    return compareInternalKeys(this.form.comparator, a, b) ?? compareBytes(a, b);
  }

  /** The bounds that the MANIFEST takes: a tombstone's end is exclusive, hence the largest sequence there. */
  private bounds(): Pick<WrittenTable, 'smallest' | 'largest'> {
    let { first: smallest, last: largest } = this.tally;
    for (const { start, end, sequence } of this.tombstones) {
      const from = internalKey(start, sequence, VALUE_TYPE.rangeDelete);
      const to = internalKey(end, MAX_SEQUENCE, VALUE_TYPE.rangeDelete);
      if (smallest === undefined || this.compare(from, smallest) < 0) smallest = from;
      if (largest === undefined || this.compare(to, largest) > 0) largest = to;
    }
    return smallest === undefined || largest === undefined ? {} : { smallest, largest };
  }

  private describe(properties: PropertyList, dataSize: number, indexSize: number, filterSize: number): void {
    const { tally, tombstones, form } = this;
    const startBytes = tombstones.reduce((sum, { start }) => sum + start.length + KEY_TRAILER, 0);
    const endBytes = tombstones.reduce((sum, { end }) => sum + end.length, 0);
    properties
      .number('num.entries', tally.points + tombstones.length)
      .number('deleted.keys', tally.deletions + tombstones.length)
      .number('merge.operands', tally.merges)
      .number('num.range-deletions', tombstones.length)
      .number('raw.key.size', tally.keyBytes + startBytes)
      .number('raw.value.size', tally.valueBytes + endBytes)
      .number('num.data.blocks', this.dataBlocks)
      .number('data.size', dataSize)
      .number('index.size', indexSize + BLOCK_TRAILER)
      .number('filter.size', filterSize)
      .collected('indexType', 0);
    if (form.pebble !== undefined) {
      properties
        .collected('wholeKeyFiltering', this.suffix === undefined)
        .collected('prefixFiltering', this.suffix !== undefined)
        .text('filter.policy', filterSize > 0 ? 'rocksdb.BuiltinBloomFilter' : '');
      return;
    }
    properties
      .number('index.key.is.user.key', 0)
      .number('index.value.is.delta.encoded', 0)
      .collected('wholeKeyFiltering', filterSize > 0)
      .collected('prefixFiltering', false);
    if (!properties.has('format.version')) properties.number('format.version', form.formatVersion);
    if (!properties.has('fixed.key.length')) properties.number('fixed.key.length', 0);
    if (properties.has('tail.start.offset')) properties.number('tail.start.offset', dataSize);
    if (properties.has('num.filter_entries'))
      properties.number('num.filter_entries', this.filter?.count ?? 0);
    const { smallestSequence, largestSequence } = tally;
    if (properties.has('key.largest.seqno')) properties.number('key.largest.seqno', largestSequence ?? 0n);
    if (properties.has('key.smallest.seqno')) properties.number('key.smallest.seqno', smallestSequence ?? 0n);
    if (properties.has('index.block.restart.interval')) properties.number('index.block.restart.interval', 1);
    for (const name of REJECTED) if (properties.has(name)) properties.number(name, 0);
    properties.titanBlobs(tally.titanBlobs).text('filter.policy', filterSize > 0 ? 'bloomfilter' : '');
  }
}

const REJECTED = ['num.data.blocks.compression.rejected', 'num.data.blocks.compression.bypassed'] as const;

/** CRC-32C of a file as the MANIFEST stores `FileChecksumCrc32c`: big-endian. */
export function fileChecksumBytes(crc: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, crc);
  return bytes;
}
