import { unmaskCrc } from '../bytes/crc32c.js';
import type { ByteSource } from '../bytes/source.js';
import { sizeMismatch } from '../check/directory/live-files.js';
import { tableUniqueId } from '../check/sst/identity.js';
import { tableFormats } from '../engine/supported-formats.js';
import { atLeast, type EngineVersion } from '../engine/version.js';
import type { Anomaly } from '../finding/finding.js';
import type { LiveTable } from '../format/manifest/version.js';
import { CHECKSUM } from '../format/sst/checksum.js';
import type { BlockKind } from '../format/sst/load.js';
import { COLLECTED_PROPERTIES, decodeProperties } from '../format/sst/properties.js';
import { metaBlock, openTable, type Table } from '../format/sst/table.js';
import { slice } from '../io/pieces.js';
import { corruption, type EngineError, unreadableFile } from './status.js';

/*
 * What DB::Open reads of a table (rocksdb table/block_based/block_based_table_reader.cc, BlockBasedTable::Open), in this
 * order: the size against the MANIFEST, footer, metaindex, properties, unique id, range tombstones, index (its partitions
 * too for a table on level 0), compression dictionary. Data blocks and blob files are not looked at.
 *
 * With `cache_index_and_filter_blocks` or `max_open_files` other than −1 the engine puts some of this off until a read
 * needs it: the open then succeeds and the read fails. Here a table that cannot be opened always counts against the
 * open, as it does under the engine's defaults. Filters are not looked at: by default they are not read then.
 */

/** A table as the directory has it. */
export interface TableFile {
  /** Relative to the target. */
  file: string;
  /** Bytes. */
  size: number;
  open(): Promise<ByteSource>;
}

/** Magic number of block-based tables, as messages show it. */
const MAGIC = '9863518390377041911';

/** How the engine names blocks in its messages. */
const blockNames: Partial<Record<BlockKind, string>> = {
  metaindex: 'MetaIndex',
  properties: 'Properties',
  'range-tombstones': 'RangeDeletion',
  index: 'Index',
  'index-partition': 'Index',
  'compression-dictionary': 'CompressionDictionary',
};

interface Place {
  file: string;
  version: EngineVersion;
}

/** Opens a table as the engine does. Returns why it would not; rejects only when the medium fails. */
export async function tableOpenFailure(
  live: LiveTable,
  { file, size, open }: TableFile,
  version: EngineVersion,
): Promise<EngineError | undefined> {
  if (BigInt(size) !== live.size && atLeast(version, 10, 5))
    return corruption('size-mismatch', sizeMismatch(file, live.size, size));
  if (BigInt(size) < live.size)
    return corruption('size-mismatch', `file is too short (${live.size} bytes) to be an sstable: ${file}`);
  let source: ByteSource;
  try {
    source = await open();
  } catch (error) {
    return unreadableFile(file, error);
  }
  // engines up to 10.4 read the table that ends where the MANIFEST has its end, and compare the sizes afterwards
  if (BigInt(size) > live.size)
    return (await openedShort(source, live, file, version)) ?? oldSizeMismatch(file, live.size, size);
  try {
    const end = new Uint8Array(8);
    const ending =
      source.size >= 8 && (await source.read(end, source.size - 8)) === 8
        ? new DataView(end.buffer).getBigUint64(0, true)
        : 0n;
    const table = await openTable(source);
    return tableOpenError(table, live, file, version, await tableId(table), ending);
  } catch (error) {
    return unreadableFile(file, error);
  } finally {
    await source.close();
  }
}

/** Opens a table that ends before its file does. */
function openedShort(
  source: ByteSource,
  live: LiveTable,
  file: string,
  version: EngineVersion,
): Promise<EngineError | undefined> {
  const size = Number(live.size);
  const short = slice(source, 0, size);
  return tableOpenFailure(live, { file, size, open: async () => short }, version);
}

/** rocksdb db/db_impl/db_impl.cc CheckConsistency. */
function oldSizeMismatch(file: string, recorded: bigint, actual: number): EngineError {
  const text = `Sst file size mismatch: ${file}. Size recorded in manifest ${recorded}, actual size ${actual}`;
  return corruption('size-mismatch', text);
}

async function tableId({ properties, propertiesIntact }: Table): Promise<Uint8Array | undefined> {
  return properties === undefined || !propertiesIntact ? undefined : tableUniqueId(properties);
}

/**
 * The engine's complaint about a table that has been read. `uniqueId`: as its properties give it; `ending`: the last 8
 * bytes of the file, for the text.
 */
function tableOpenError(
  table: Table,
  live: Pick<LiveTable, 'level' | 'uniqueId' | 'number'>,
  file: string,
  version: EngineVersion,
  uniqueId?: Uint8Array,
  ending = 0n,
): EngineError | undefined {
  const place = { file, version };
  return (
    footerError(table, file, version, ending) ??
    (isOtherFormat(table)
      ? undefined
      : (blockError(table, 'metaindex', place) ??
        propertiesError(table, place) ??
        uniqueIdError(live, uniqueId, version) ??
        blockError(table, 'range-tombstones', place) ??
        indexError(table, live.level, place) ??
        blockError(table, 'compression-dictionary', place)))
  );
}

/** Plain and cuckoo tables have no checksums, and kvdoctor does not verify them. */
function isOtherFormat({ footer }: Table): boolean {
  return footer?.format === 'plain' || footer?.format === 'cuckoo';
}

const footerRules = new Set<string>([
  'sst/empty',
  'sst/truncated',
  'sst/zeroed',
  'sst/trailing-bytes',
  'sst/bad-magic',
  'sst/bad-footer',
  'sst/footer-checksum',
]);

function footerError(
  table: Table,
  file: string,
  version: EngineVersion,
  ending: bigint,
): EngineError | undefined {
  const { footer, size, anomalies } = table;
  const { oldest, newest } = tableFormats(version);
  const flaw = anomalies.find(
    ({ rule, evidence }) =>
      footerRules.has(rule) && (rule === 'sst/truncated' || evidence?.block === undefined),
  );
  if (footer === undefined || flaw?.rule === 'sst/bad-magic' || flaw?.rule === 'sst/trailing-bytes') {
    if (size < 48) return corruption('table', `file is too short (${size} bytes) to be an sstable: ${file}`);
    return corruption('table', `Bad table magic number: expected ${MAGIC}, found ${ending} in ${file}`);
  }
  if (footer.format === 'legacy' && oldest > 0) {
    const message =
      'Unsupported legacy magic number for block-based SST format. Load with RocksDB >= 4.6.0 and < 11.0.0 and run ' +
      `full compaction to upgrade. in ${file}`;
    return { code: 'not-supported', kind: 'unsupported', message };
  }
  const { format, formatVersion } = footer;
  if (format === 'block-based' && (formatVersion < oldest || formatVersion > newest)) {
    const text = `Corrupt or unsupported format_version ${formatVersion} for magic ${MAGIC} in ${file}`;
    return corruption('unsupported', text);
  }
  if (flaw === undefined) return undefined;
  if (flaw.rule === 'sst/footer-checksum') {
    return corruption('checksum', `Footer at ${footer.offset} checksum mismatch in ${file}`);
  }
  return corruption('table', `${flaw.message} in ${file}`);
}

function propertiesError(table: Table, place: Place): EngineError | undefined {
  const { properties, propertiesIntact, anomalies } = table;
  if (metaBlock(table, 'properties') === undefined) {
    const unreadable = anomalies.some(
      ({ rule, evidence }) => rule === 'sst/bad-handle' && evidence?.entry === 'properties',
    );
    return corruption('table', unreadable ? 'bad block handle' : 'Cannot find Properties block from file.');
  }
  // The engine parses the block first and looks at its checksum afterwards.
  if (!isSorted(table)) return corruption('table', 'properties unsorted');
  if (properties === undefined || !propertiesIntact) {
    return blockError(table, 'properties', place) ?? corruption('table', 'bad block contents');
  }
  if (properties.fixed(COLLECTED_PROPERTIES.indexType, 4) === undefined) {
    return corruption('table', 'Missing index type property');
  }
  return undefined;
}

/** 7.6: a table whose properties give another id than the MANIFEST says is another table. */
function uniqueIdError(
  live: Pick<LiveTable, 'uniqueId' | 'number'>,
  actual: Uint8Array | undefined,
  version: EngineVersion,
): EngineError | undefined {
  const expected = live.uniqueId;
  if (!atLeast(version, 7, 6) || expected === undefined || actual === undefined) return undefined;
  if (expected.every((byte) => byte === 0) || Buffer.compare(expected, actual) === 0) return undefined;
  const shown = (id: Uint8Array) => {
    const view = new DataView(id.buffer, id.byteOffset);
    return `{${view.getBigUint64(0, true)},${view.getBigUint64(8, true)}}`;
  };
  const text = `Mismatch in unique ID on table file ${live.number}. Expected: ${shown(expected)} Actual: ${shown(actual)}`;
  return corruption('inconsistency', text);
}

function isSorted({ propertiesBlock }: Table): boolean {
  if (propertiesBlock?.contents === undefined) return true;
  const names = decodeProperties(propertiesBlock.contents).properties.names();
  const bytes = names.map((name) => Buffer.from(name, 'latin1'));
  return bytes.every((name, i) => i === 0 || Buffer.compare(bytes[i - 1], name) < 0);
}

function indexError(table: Table, level: number, place: Place): EngineError | undefined {
  if (table.footer?.index === undefined && metaBlock(table, 'index') === undefined) {
    return corruption('table', 'Cannot find the meta block: rocksdb.index');
  }
  return (
    blockError(table, 'index', place) ??
    (level === 0 ? blockError(table, 'index-partition', place) : undefined)
  );
}

const blockRules = new Set<string>([
  'sst/block-checksum',
  'sst/truncated',
  'sst/bad-handle',
  'sst/decompression',
  'sst/bad-dictionary',
]);

/** The first thing wrong with blocks of a kind: place, checksum, decompression. What they hold is not parsed. */
function blockError(table: Table, kind: BlockKind, place: Place): EngineError | undefined {
  const flaw = table.anomalies.find(({ rule, evidence }) => {
    if (!blockRules.has(rule) || (rule === 'sst/decompression' && isUncompressed(table))) return false;
    return evidence?.block === kind;
  });
  if (flaw === undefined) return undefined;
  if (flaw.rule === 'sst/block-checksum') return checksumError(table, flaw, kind, place);
  return corruption(
    'table',
    flaw.rule === 'sst/bad-handle' ? 'bad block handle' : `${flaw.message} in ${place.file}`,
  );
}

/**
 * The table's properties say that nothing in it is compressed: the engine then never looks at a block's compression type.
 * From format version 7 on the property is `manager;types in hex;`.
 */
function isUncompressed({ properties }: Table): boolean {
  const compression = properties?.text('compression');
  return compression === 'NoCompression' || (compression !== undefined && /^[^;]*;;/.test(compression));
}

function checksumError(
  table: Table,
  { evidence = {} }: Anomaly,
  kind: BlockKind,
  { file, version }: Place,
): EngineError {
  const naming = atLeast(version, 11) ? `, block_type = ${blockNames[kind] ?? 'Invalid'}` : '';
  const number = (name: string) => Number(evidence[name] ?? 0);
  const context = number('context');
  const type = table.footer?.checksumType ?? 0;
  // Shown without the context, and unmasked.
  const shown = (name: string) => {
    const bare = (number(name) - context) >>> 0;
    return type === CHECKSUM.crc32c ? unmaskCrc(bare) : bare;
  };
  return corruption(
    'checksum',
    `block checksum mismatch: stored${context === 0 ? '' : '(context removed)'} = ${shown('stored')}, ` +
      `computed = ${shown('computed')}, type = ${type}  in ${file} offset ${evidence.blockOffset} ` +
      `size ${evidence.blockSize}${naming}`,
  );
}
