import { compareBytes } from '../../format/sst/comparator.js';
import {
  COLLECTED_PROPERTIES,
  type NumberProperty,
  type TextProperty,
  TITAN_BLOBS,
} from '../../format/sst/properties.js';
import { ByteBuilder } from '../byte-builder.js';
import { BlockBuilder } from './block-builder.js';

const PREFIX = 'rocksdb.';
/** One restart point in all, as RocksDB writes properties since 6.0. */
const ONE_RESTART = 0x7fffffff;

/** Properties to write, full names to raw values. */
export class PropertyList {
  private readonly values = new Map<string, Uint8Array>();

  /** `raw` gives a property of the table that is written anew; names that describe its old form are left out. */
  static from(names: readonly string[], raw: (name: string) => Uint8Array | undefined): PropertyList {
    const list = new PropertyList();
    for (const name of names) {
      const value = raw(name);
      if (value !== undefined && !OLD_FORM.has(name)) list.values.set(name, value);
    }
    return list;
  }

  has(name: NumberProperty | TextProperty): boolean {
    return this.values.has(PREFIX + name);
  }

  /** True when a text is as given, but for the suffix of user-defined timestamps. */
  sameText(name: TextProperty, value: string): boolean {
    const own = this.values.get(PREFIX + name);
    const bare = (text: string) => text.replace(/\.u64ts$/, '');
    return own !== undefined && bare(Buffer.from(own).toString('utf8')) === bare(value);
  }

  /** The sequence of an ingested table stands in the MANIFEST: the table's own is 0, and other tables have none. */
  withoutGlobalSequence(): this {
    const name = PREFIX + COLLECTED_PROPERTIES.globalSequence;
    const version = this.values.get(PREFIX + COLLECTED_PROPERTIES.externalVersion);
    if (version === undefined || version[0] < 2) this.values.delete(name);
    else if (this.values.has(name)) this.values.set(name, new Uint8Array(8));
    return this;
  }

  /** Entries are stored with sequence 0 and have the one that the MANIFEST gives the table (rocksdb table/sst_file_writer_collectors.h). */
  ingested(): this {
    this.values.set(PREFIX + COLLECTED_PROPERTIES.globalSequence, new Uint8Array(8));
    return this.collected('externalVersion', 2);
  }

  number(name: NumberProperty, value: number | bigint): this {
    this.values.set(PREFIX + name, new ByteBuilder().varint(BigInt(value)).finish());
    return this;
  }

  text(name: TextProperty, value: string): this {
    this.values.set(PREFIX + name, Buffer.from(value, 'utf8'));
    return this;
  }

  /** A number under a full name, as Pebble's own properties have it. */
  own(name: string, value: number): this {
    this.values.set(name, new ByteBuilder().varint(BigInt(value)).finish());
    return this;
  }

  /** A property of RocksDB's block-based collector: a u32, or an ASCII digit. */
  collected(name: keyof typeof COLLECTED_PROPERTIES, value: number | boolean): this {
    const bytes =
      typeof value === 'boolean' ? Buffer.from(value ? '1' : '0') : Buffer.from(Uint32Array.of(value).buffer);
    this.values.set(PREFIX + COLLECTED_PROPERTIES[name], bytes);
    return this;
  }

  /**
   * What of each blob file of Titan's the table refers to, in bytes. Titan counts by nothing else what of a file is still needed, and
   * deletes one of which nothing is (tikv/titan src/blob_file_size_collector.cc, src/db_impl.cc OnCompactionCompleted).
   */
  titanBlobs(sizes: ReadonlyMap<bigint, bigint>): this {
    this.values.delete(TITAN_BLOBS);
    if (sizes.size === 0) return this;
    const bytes = new ByteBuilder().varint(sizes.size);
    for (const [file, size] of [...sizes].sort(([a], [b]) => (a < b ? -1 : 1)))
      bytes.varint(file).varint(size);
    this.values.set(TITAN_BLOBS, bytes.finish());
    return this;
  }

  encode(): Uint8Array {
    const block = new BlockBuilder(ONE_RESTART);
    const sorted = [...this.values].map(([name, value]) => ({ key: Buffer.from(name, 'latin1'), value }));
    for (const { key, value } of sorted.sort((a, b) => compareBytes(a.key, b.key))) block.add(key, value);
    return block.finish();
  }
}

/** About parts that our tables do not have: index partitions, another primary index. */
const OLD_FORM: ReadonlySet<string> = new Set([
  'rocksdb.index.partitions',
  'rocksdb.top-level.index.size',
  'rocksdb.udi.is.primary.index',
  'rocksdb.num.uniform.blocks',
  'rocksdb.block.based.table.decoupled.partitioned.filters',
]);

/**
 * The compression property for blocks of these types. RocksDB 10.4 and later refuse a table whose property is not in the form of its format
 * version (table/block_based/block_based_table_reader.cc GetDecompressor).
 */
export function compressionProperty(formatVersion: number, types: ReadonlySet<number>): string {
  const used = [...types].filter((type) => type !== 0).sort((a, b) => a - b);
  if (formatVersion >= 7) {
    const listed = used.map((type) => type.toString(16).padStart(2, '0').toUpperCase()).join('');
    return used.length === 0 ? ';;' : `BuiltinV2;${listed};`;
  }
  return COMPRESSION_NAMES[used[0] ?? 0] ?? 'NoCompression';
}

/** Whether a compression property is in the form of format version 7: a list of types, where earlier ones name one. */
export function listsCompressions(property = ''): boolean {
  return property.includes(';');
}

const COMPRESSION_NAMES: Record<number, string> = {
  0: 'NoCompression',
  1: 'Snappy',
  2: 'Zlib',
  3: 'BZip2',
  4: 'LZ4',
  5: 'LZ4HC',
  6: 'Xpress',
  7: 'ZSTD',
  64: 'ZSTDNotFinal',
};
