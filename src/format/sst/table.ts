import { append } from '../../bytes/append.js';
import type { ByteSource } from '../../bytes/source.js';
import type { Anomaly } from '../../finding/finding.js';
import type { DialectName } from '../dialect.js';
import { blockChecksum } from './checksum.js';
import { holdsColumns, keySchemaNamed } from './column-rows.js';
import { type Comparator, comparatorNamed, withoutTimestamps } from './comparator.js';
import type { DataCompression } from './data-contents.js';
import type { Footer } from './footer.js';
import { type BlockHandle, handleFits } from './handle.js';
import type { BlockIndex } from './index-block.js';
import {
  anomaliesInFile,
  type BlockKind,
  type BlockSpace,
  blockRange,
  isAsStored,
  type LoadedBlock,
  loadBlock,
} from './load.js';
import { locateFooter } from './locate.js';
import { decodeMetaindex, isPebbleName, type MetaBlock, type MetaKind } from './metaindex.js';
import { COLLECTED_PROPERTIES, decodeProperties, type TableProperties } from './properties.js';
import { decodeRangeKeys, type RangeKey } from './range-keys.js';
import { decodeRangeTombstones, type RangeTombstone } from './range-tombstones.js';
import { isBlockIntact, loadNamed, readIndex } from './table-index.js';
import { decodeValueIndex, type ValueBlocks } from './value-blocks.js';

/** A block that the table's metadata names, read or not. */
export interface NamedBlock {
  kind: BlockKind;
  handle: BlockHandle;
}

/** Bytes that the index blocks of a table decompress to, all levels. */
export interface IndexSize {
  contents: number;
  /** Of them, the restart arrays and their counts. */
  restarts: number;
  /** Of them, the index of a partitioned index. */
  topLevel: number;
}

/**
 * A table whose metadata has been read: everything but data and filter blocks. What is damaged is absent (or, where it
 * decodes in spite of a wrong checksum, present with `intact` false) and described in `anomalies`.
 */
export interface Table {
  source: ByteSource;
  /** Bytes. */
  size: number;
  /** Whose table it is: LevelDB's and RocksDB's format version 0 share a footer and differ in what compression types mean. */
  dialect: DialectName;
  footer?: Footer;
  /** How to read its blocks; absent when there is no footer. */
  space?: BlockSpace;
  /** Blocks that the metaindex names, in its order. */
  meta: MetaBlock[];
  /** The metaindex block, for findings about its entries. */
  metaindexBlock?: LoadedBlock;
  /** The metaindex can be believed. */
  metaindexSound: boolean;
  properties?: TableProperties;
  /** The properties block matches its checksum, or differs only in a global sequence number written into it. */
  propertiesIntact: boolean;
  /** The properties can be believed: intact, or only the checksum or the type byte of the block is damaged. */
  propertiesSound: boolean;
  /** A global sequence number was written into the properties block after its checksum: legitimate on ingestion. */
  globalSequenceEdited: boolean;
  /** The properties block in its decompressed form, for findings about single properties. */
  propertiesBlock?: LoadedBlock;
  /** User keys as data and index blocks hold them: without timestamps where the writer stripped them. */
  comparator: Comparator;
  timestampsStripped: boolean;
  index?: BlockIndex;
  /** The index blocks that data blocks are named in: each with the first block that it names. */
  indexParts: { handle: BlockHandle; from: number }[];
  /** How the index is written is known, not guessed for want of the properties that say so. */
  indexFormKnown: boolean;
  /** Every index block was read and can be believed. */
  indexSound: boolean;
  /** The engine finds nothing when it walks the table from its start: see `IndexReading.beginsNowhere`. */
  indexBeginsNowhere: boolean;
  indexSize: IndexSize;
  rangeTombstones: RangeTombstone[];
  /** The block of range tombstones, when there is one, was read and can be believed. */
  rangeTombstonesSound: boolean;
  /** Pebble's range keys. */
  rangeKeys: RangeKey[];
  /** There are none, or their block was read and can be believed. */
  rangeKeysSound: boolean;
  /** Pebble's values that stand apart; absent where there are none, or their index is damaged. */
  valueBlocks?: ValueBlocks;
  /** Dictionary of the data blocks. */
  dictionary?: Uint8Array;
  /** There is a dictionary that is damaged, or may be one: a block that does not decompress is not to blame. */
  dictionaryLost: boolean;
  /** Every block outside the data area that could be named. */
  blocks: NamedBlock[];
  /** In file offsets. */
  anomalies: Anomaly[];
  /** What kvdoctor cannot look at, and why. */
  unsupported: { reason: string; offset?: number; length?: number }[];
}

interface OpenOptions {
  /** Whose directory it lies in. RocksDB's may hold tables of LevelDB's form, LevelDB's holds no other. */
  dialect?: DialectName;
  /** Name of the column family's comparator, for tables whose properties do not tell theirs. Default: bytewise. */
  comparator?: string;
}

/** What Pebble calls its range tombstones, beside the older name. */
const FRAGMENTED = 'rocksdb.range_del2';
/** The newest format version of Pebble whose columns are known. */
const LAST_COLUMNAR = 7;

/** True when data blocks can be found. */
export function isReadable(table: Table): boolean {
  return table.space !== undefined && table.index !== undefined;
}

/**
 * Reads footer, metaindex, properties, index, range tombstones and dictionary of a table. Damage goes into `anomalies`, and
 * what can still be reached is read: with the metaindex or the index damaged, by what decodes in spite of it. Rejects only
 * when the medium fails.
 */
export async function openTable(source: ByteSource, options: OpenOptions = {}): Promise<Table> {
  const table: Table = {
    source,
    size: source.size,
    dialect: options.dialect ?? 'rocksdb',
    meta: [],
    metaindexSound: false,
    propertiesIntact: false,
    propertiesSound: false,
    globalSequenceEdited: false,
    comparator: comparatorNamed(options.comparator),
    timestampsStripped: false,
    indexParts: [],
    indexFormKnown: false,
    indexSound: false,
    indexBeginsNowhere: false,
    indexSize: { contents: 0, restarts: 0, topLevel: 0 },
    rangeTombstones: [],
    rangeTombstonesSound: false,
    rangeKeys: [],
    rangeKeysSound: false,
    dictionaryLost: false,
    blocks: [],
    anomalies: [],
    unsupported: [],
  };
  const { footer, anomalies, unsupported } = await locateFooter(source);
  append(table.anomalies, anomalies);
  if (unsupported !== undefined) table.unsupported.push({ reason: unsupported });
  if (footer === undefined) return table;
  table.footer = footer;
  if (unsupported !== undefined) return table;
  if (footer.format === 'plain' || footer.format === 'cuckoo') {
    const name = footer.format === 'plain' ? 'a plain table' : 'a cuckoo table';
    table.unsupported.push({ reason: `${name} has no checksums: it cannot be verified` });
    return table;
  }
  if (footer.format === 'pebble') {
    table.dialect = 'pebble';
    if (footer.formatVersion > LAST_COLUMNAR) {
      const reason = `the contents of table format v${footer.formatVersion} of Pebble are not known`;
      table.unsupported.push({ reason });
      return table;
    }
  }
  table.space = {
    source,
    limit: footer.offset,
    checksumType: footer.checksumType,
    baseContext: footer.baseContext,
    compression: {
      version: footer.formatVersion >= 2 ? 2 : 1,
      ...(table.dialect !== 'rocksdb' && { dialect: table.dialect }),
    },
  };
  if (holdsColumns(footer)) table.space.columns = { version: footer.formatVersion, schema: 'unknown' };
  await readMetaindex(table, footer, table.space);
  await readProperties(table, table.space);
  applyProperties(table, options);
  applyKeySchema(table, table.space);
  await readIndex(table, footer, table.space);
  await readRangeTombstones(table, table.space);
  await readRangeKeys(table, table.space);
  await readValueIndex(table, table.space);
  await readDictionary(table, table.space);
  return table;
}

/** The handle of the first meta block of that kind. */
export function metaBlock(table: Table, kind: MetaKind): MetaBlock | undefined {
  return table.meta.find((block) => block.kind === kind);
}

/** The context in which data blocks of the table are decompressed. */
export function dataCompression({ space, dictionary }: Table): DataCompression {
  return { ...space?.compression, dictionary, ...(space?.columns && { columns: space.columns }) };
}

async function readMetaindex(table: Table, footer: Footer, space: BlockSpace): Promise<void> {
  const { metaindex } = footer;
  if (metaindex === undefined || !handleFits(metaindex, footer.offset)) return;
  const block = await loadNamed(table, space, metaindex, 'metaindex');
  if (block.contents === undefined) return;
  const { blocks, anomalies } = decodeMetaindex(block.contents, table.dialect !== 'pebble');
  table.metaindexBlock = block;
  table.metaindexSound = block.sound && anomalies.length === 0;
  if (block.sound) append(table.anomalies, anomaliesInFile(block, anomalies));
  // a handle from a damaged metaindex counts only when an intact block is where it points
  for (const meta of blocks) {
    if (table.metaindexSound || (await isBlockIntact(space, meta.handle))) table.meta.push(meta);
  }
  const isRocksDb = table.meta.some((meta) => meta.kind === 'properties');
  if (footer.format === 'legacy' && table.metaindexSound && !isRocksDb) {
    table.dialect = 'leveldb';
    space.compression.dialect = 'leveldb';
  }
  if (table.dialect !== 'pebble' && table.meta.some(({ name }) => isPebbleName(name))) {
    table.dialect = 'pebble';
    space.compression.dialect = 'pebble';
  }
}

async function readProperties(table: Table, space: BlockSpace): Promise<void> {
  const meta = metaBlock(table, 'properties');
  if (meta === undefined) return;
  const block = await loadBlock(space, meta.handle, 'properties');
  if (block.stored !== undefined) table.blocks.push({ kind: 'properties', handle: meta.handle });
  if (block.contents === undefined) {
    append(table.anomalies, block.anomalies);
    return;
  }
  const { properties, anomalies } = decodeProperties(block.contents);
  const { stored } = block;
  table.properties = properties;
  table.propertiesBlock = block;
  table.propertiesIntact = stored?.intact === true;
  if (!table.propertiesIntact && stored !== undefined && withoutGlobalSequence(space, block, properties)) {
    table.propertiesIntact = true;
    table.propertiesSound = true;
    table.globalSequenceEdited = true;
    return;
  }
  append(table.anomalies, block.anomalies);
  if (block.sound) append(table.anomalies, anomaliesInFile(block, anomalies));
  table.propertiesSound = block.sound && anomalies.every(({ rule }) => rule === 'sst/bad-property');
}

/**
 * Ingestion with `write_global_seqno` (the default for years) overwrites the 8 bytes of a property in place and leaves the
 * checksum as it was: with those bytes zeroed again, the block must match.
 */
function withoutGlobalSequence(space: BlockSpace, block: LoadedBlock, properties: TableProperties): boolean {
  const place = properties.place(COLLECTED_PROPERTIES.globalSequence);
  const { stored, handle } = block;
  if (place === undefined || place.length !== 8 || stored === undefined || !isAsStored(block)) return false;
  const bytes = stored.bytes.slice();
  bytes.fill(0, place.offset, place.offset + place.length);
  return blockChecksum(space, bytes, 0, handle.size, handle.offset) === stored.stored;
}

function applyProperties(table: Table, options: OpenOptions): void {
  const { properties, footer } = table;
  if (properties === undefined) {
    const required = table.metaindexSound && table.dialect !== 'leveldb' && !hasProperties(table);
    if (required && footer !== undefined) {
      const message = 'the metaindex names no properties block';
      table.anomalies.push({ rule: 'sst/missing-properties', ...blockRange(footer.metaindex!), message });
    }
    return;
  }
  // the table's own word first: a column family that has got timestamps since keeps tables without
  const own = properties.text('comparator');
  const isKnown = own !== undefined && own !== '' && own !== 'nullptr';
  if (isKnown && (table.propertiesSound || options.comparator === undefined)) {
    table.comparator = comparatorNamed(own);
  }
  const compression = properties.text('compression');
  // from format version 7 on: manager, compression types in hexadecimal, future use
  if (
    table.space !== undefined &&
    table.propertiesSound &&
    compression !== undefined &&
    table.dialect !== 'pebble'
  )
    table.space.uncompressed = compression === 'NoCompression' || /^[^;]*;;/.test(compression);
  table.timestampsStripped =
    table.comparator.timestampSize > 0 && properties.number('user.defined.timestamps.persisted') === 0n;
  if (table.timestampsStripped) table.comparator = withoutTimestamps(table.comparator);
}

const KEY_SCHEMA = 'pebble.colblk.schema';

/** The columns that keys are cut into stand in the properties alone. */
function applyKeySchema({ properties, propertiesSound, unsupported }: Table, { columns }: BlockSpace): void {
  if (columns === undefined) return;
  const stated = propertiesSound ? properties?.raw(KEY_SCHEMA) : undefined;
  const name = stated && new TextDecoder().decode(stated);
  columns.schema = keySchemaNamed(name);
  if (columns.schema !== 'unknown') return;
  const which = name === undefined ? 'is lost with the properties' : `${name} is not known`;
  unsupported.push({ reason: `the key schema ${which}: of the data blocks the structure alone is checked` });
}

function hasProperties(table: Table): boolean {
  return metaBlock(table, 'properties') !== undefined;
}

async function readRangeTombstones(table: Table, space: BlockSpace): Promise<void> {
  const meta = metaBlock(table, 'range-tombstones');
  table.rangeTombstonesSound = meta === undefined && table.metaindexSound;
  if (meta === undefined || meta.handle.size === 0) return;
  const block = await loadNamed(table, space, meta.handle, 'range-tombstones');
  if (block.contents === undefined) return;
  const { tombstones, anomalies } = decodeRangeTombstones(
    block.contents,
    table.comparator,
    table.meta.some(({ name }) => name === FRAGMENTED),
  );
  if (!block.sound) return;
  table.rangeTombstones = tombstones;
  table.rangeTombstonesSound = anomalies.every(({ rule }) => rule === 'sst/empty-range-tombstone');
  append(table.anomalies, anomaliesInFile(block, anomalies));
}

async function readRangeKeys(table: Table, space: BlockSpace): Promise<void> {
  const meta = metaBlock(table, 'range-keys');
  table.rangeKeysSound = meta === undefined && table.metaindexSound;
  if (meta === undefined) return;
  const block = await loadNamed(table, space, meta.handle, 'range-keys');
  if (block.contents === undefined || !block.sound) return;
  const { keys, anomalies } = decodeRangeKeys(block.contents, table.comparator);
  table.rangeKeys = keys;
  table.rangeKeysSound = anomalies.length === 0;
  append(table.anomalies, anomaliesInFile(block, anomalies));
}

async function readValueIndex(table: Table, space: BlockSpace): Promise<void> {
  const meta = metaBlock(table, 'value-index');
  if (meta === undefined) return;
  const block = await loadNamed(table, space, meta.handle, 'value-index');
  if (block.contents === undefined || !block.sound) return;
  const { blocks, anomalies } = decodeValueIndex(block.contents, meta.extra);
  if (anomalies.length === 0) table.valueBlocks = blocks;
  append(table.anomalies, anomaliesInFile(block, anomalies));
}

async function readDictionary(table: Table, space: BlockSpace): Promise<void> {
  const meta = metaBlock(table, 'compression-dictionary');
  // with the metaindex damaged, whether there is a dictionary is not known
  table.dictionaryLost = !table.metaindexSound && meta === undefined;
  if (meta === undefined) return;
  const block = await loadNamed(table, space, meta.handle, 'compression-dictionary');
  if (block.sound && block.contents !== undefined && block.contents.length > 0) {
    table.dictionary = block.contents;
    return;
  }
  table.dictionaryLost = true;
  if (block.stored?.intact === true) {
    const message = 'the compression dictionary is empty';
    table.anomalies.push({ rule: 'sst/bad-dictionary', ...blockRange(meta.handle), message });
  }
}
