/*
 * The properties block: an ordinary block of names and values, sorted bytewise, with one restart point. Numbers are
 * varint64 but for those that user collectors write (rocksdb table/meta_blocks.cc, include/rocksdb/table_properties.h).
 */
import { Cursor } from '../../bytes/cursor.js';
import type { Anomaly, Range } from '../../finding/finding.js';
import { BlockReader } from './block.js';
import { compareBytes } from './comparator.js';

/** Names whose value is a varint64, without the prefix `rocksdb.`. */
export const NUMBER_PROPERTIES = [
  'num.entries',
  'deleted.keys',
  'merge.operands',
  'num.range-deletions',
  'raw.key.size',
  'raw.value.size',
  'num.data.blocks',
  'data.size',
  'tail.start.offset',
  'index.size',
  'index.partitions',
  'top-level.index.size',
  'filter.size',
  'num.filter_entries',
  'index.key.is.user.key',
  'index.value.is.delta.encoded',
  'udi.is.primary.index',
  'format.version',
  'fixed.key.length',
  'key.largest.seqno',
  'key.smallest.seqno',
  'creation.time',
  'oldest.key.time',
  'newest.key.time',
  'file.creation.time',
  'column.family.id',
  'original.file.number',
  'user.defined.timestamps.persisted',
  'data.block.restart.interval',
  'index.block.restart.interval',
  'separate.key.value.in.data.block',
  'num.uniform.blocks',
  'num.data.blocks.compression.rejected',
  'num.data.blocks.compression.bypassed',
  'sample_for_compression.slow.data.size',
  'sample_for_compression.fast.data.size',
] as const;

/** Names whose value is text. */
export const TEXT_PROPERTIES = [
  'column.family.name',
  'creating.db.identity',
  'creating.session.identity',
  'creating.host.identity',
  'comparator',
  'merge.operator',
  'prefix.extractor.name',
  'property.collectors',
  'filter.policy',
  'compression',
  'compression_options',
] as const;

/** Properties of RocksDB's own collectors: fixed u32 or u64, or the ASCII digits 0 and 1. */
export const COLLECTED_PROPERTIES = {
  indexType: 'block.based.table.index.type',
  wholeKeyFiltering: 'block.based.table.whole.key.filtering',
  prefixFiltering: 'block.based.table.prefix.filtering',
  decoupledFilters: 'block.based.table.decoupled.partitioned.filters',
  externalVersion: 'external_sst_file.version',
  globalSequence: 'external_sst_file.global_seqno',
  embeddedBlobs: 'embedded.blob.stats',
} as const;

/** The full name of Titan's property: bytes of values by blob file (tikv/titan src/blob_file_size_collector.cc). */
export const TITAN_BLOBS = 'TitanDB.blob_discardable_size';

export type NumberProperty = (typeof NUMBER_PROPERTIES)[number];
export type TextProperty = (typeof TEXT_PROPERTIES)[number];
export type CollectedProperty = (typeof COLLECTED_PROPERTIES)[keyof typeof COLLECTED_PROPERTIES];

const PREFIX = 'rocksdb.';
const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder();

/** The properties of a table, by name; unknown names are user properties and stay raw. */
export class TableProperties {
  private readonly values = new Map<string, Uint8Array>();
  private readonly places = new Map<string, Range>();

  /** `place` is where the value stands in the block. */
  set(name: string, value: Uint8Array, place: Range): void {
    this.values.set(name, value);
    this.places.set(name, place);
  }

  get size(): number {
    return this.values.size;
  }

  /** Full names, in the order of the block. */
  names(): string[] {
    return [...this.values.keys()];
  }

  /** The raw value of a property by its full name. */
  raw(fullName: string): Uint8Array | undefined {
    return this.values.get(fullName);
  }

  has(name: NumberProperty | TextProperty | CollectedProperty): boolean {
    return this.values.has(PREFIX + name);
  }

  /** Where the value of a property stands in the decompressed properties block. */
  place(name: NumberProperty | TextProperty | CollectedProperty): Range | undefined {
    return this.places.get(PREFIX + name);
  }

  /** The same by its full name. */
  placeOf(fullName: string): Range | undefined {
    return this.places.get(fullName);
  }

  /** A varint64; undefined where the property is absent or malformed (RocksDB, too, goes on without it). */
  number(name: NumberProperty): bigint | undefined {
    const value = this.values.get(PREFIX + name);
    return value && new Cursor(value).varint64();
  }

  text(name: TextProperty): string | undefined {
    const value = this.values.get(PREFIX + name);
    return value && utf8.decode(value);
  }

  /** The merge operator that the table was written with; undefined also where it names none. */
  mergeOperator(): string | undefined {
    const name = this.text('merge.operator');
    return name === '' || name === 'nullptr' ? undefined : name;
  }

  /** A fixed-width number as collectors write it. */
  fixed(name: CollectedProperty, width: 4 | 8): bigint | undefined {
    const value = this.values.get(PREFIX + name);
    if (value === undefined || value.length < width) return undefined;
    const cursor = new Cursor(value);
    return width === 8 ? cursor.u64() : BigInt(cursor.u32() ?? 0);
  }

  /** An ASCII `0` or `1`; undefined where the property is absent. */
  flag(name: CollectedProperty): boolean | undefined {
    const value = this.values.get(PREFIX + name);
    return value && value[0] !== 0x30;
  }
}

/** Decodes a properties block. Anomalies are in its own space; entries that cannot be read are left out. */
export function decodeProperties(bytes: Uint8Array): { properties: TableProperties; anomalies: Anomaly[] } {
  const reader = new BlockReader(bytes);
  const { anomalies } = reader;
  const properties = new TableProperties();
  const numbers = new Set<string>(NUMBER_PROPERTIES.map((name) => PREFIX + name));
  let previous: Uint8Array | undefined;
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { offset, length, valueOffset, valueLength } = entry;
    const name = latin1.decode(entry.key);
    if (previous !== undefined && compareBytes(previous, entry.key) >= 0) {
      const message = `the property ${name} is out of order`;
      anomalies.push({ rule: 'sst/bad-property', offset, length, message });
    }
    previous = entry.key.slice();
    const value = bytes.slice(valueOffset, valueOffset + valueLength);
    properties.set(name, value, { offset: valueOffset, length: valueLength });
    if (numbers.has(name) && !isVarint(value)) {
      const message = `the property ${name} is not a number`;
      anomalies.push({ rule: 'sst/bad-property', offset, length, message });
    }
  }
  return { properties, anomalies };
}

function isVarint(value: Uint8Array): boolean {
  const cursor = new Cursor(value);
  return cursor.varint64() !== undefined && cursor.remaining === 0;
}

/**
 * Whether a table was written to be ingested: its entries are stored with sequence 0 and all have the one that ingestion gave the
 * file. Of external versions there are 1, whose entries have their own, and 2.
 */
export function isIngested(properties: TableProperties | undefined): boolean {
  return properties?.fixed(COLLECTED_PROPERTIES.externalVersion, 4) === 2n;
}

/**
 * The sequence of every entry of an ingested table (rocksdb table/block_based/block_based_table_reader.cc,
 * GetGlobalSequenceNumber): what the MANIFEST gives the file, or, where it is not known, what was written into the properties.
 * `undefined`: entries have their own.
 */
export function globalSequenceOf(
  properties: TableProperties | undefined,
  largestSequence: bigint | undefined,
): bigint | undefined {
  if (!isIngested(properties)) return undefined;
  return largestSequence ?? properties?.fixed(COLLECTED_PROPERTIES.globalSequence, 8);
}

/**
 * The sequence of every entry of a table of Pebble's whose sequences the MANIFEST says to be one. 0 stands for none (pebble
 * table_cache.go, sstable/reader.go): entries then have what is stored, as those of other tables do.
 */
export function pebbleSequenceOf({
  smallestSequence,
  largestSequence,
}: {
  smallestSequence: bigint;
  largestSequence: bigint;
}): bigint | undefined {
  return smallestSequence === largestSequence && largestSequence > 0n ? largestSequence : undefined;
}
