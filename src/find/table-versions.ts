import type { ByteSource } from '../bytes/source.js';
import { readFilter, type TableFilter } from '../check/sst/filters.js';
import type { DialectName } from '../format/dialect.js';
import { type LiveTable, listedBlobFiles, type Version } from '../format/manifest/version.js';
import type { BlockHandle } from '../format/sst/handle.js';
import {
  isExclusiveEnd,
  KEY_TRAILER,
  parseInternalKey,
  VALUE_TYPE,
  valueTypeName,
} from '../format/sst/internal-key.js';
import { type BlockSpace, blockRange, isAsStored, loadBlock } from '../format/sst/load.js';
import { globalSequenceOf, pebbleSequenceOf } from '../format/sst/properties.js';
import { openTable, type Table } from '../format/sst/table.js';
import { tableBlocks } from '../format/sst/table-blocks.js';
import { dataBlockReader, OBSOLETE_BIT } from '../format/sst/value-blocks.js';
import { firstBlockFor, keyPosition, trailerHigh, trailerLow } from '../lsm/key-order.js';
import type { PebbleBlobValues } from '../lsm/pebble-blob-values.js';
import { PebbleValues } from '../lsm/pebble-values.js';
import { rangeTombstone } from '../lsm/range-tombstones.js';
import { type BlobPlace, type Collection, type FoundFile, type FoundVersion, VALUE_KEPT } from './found.js';
import type { Family, Wanted } from './wanted.js';

interface TableSearch {
  source: ByteSource;
  file: FoundFile;
  dialect: DialectName;
  /** The MANIFEST's word on it: of Pebble's tables also on several parts of one. */
  live: readonly LiveTable[];
  wanted: Wanted;
  /** The column family that a table says it is of; undefined: it is not looked for. */
  familyOf(table: Table): Family | undefined;
  collection: Collection;
  /** Reads what tables of Pebble keep in blob files, of which the MANIFEST names `valueFiles`. */
  blobs: PebbleBlobValues;
  valueFiles: Version['valueFiles'];
}

/**
 * Finds the wanted keys in a table. A sound index leads to the block; where it is damaged or lost, every block is read that
 * can be found. Filters lead nowhere, since to read one costs more than to read the block; but what they deny is said.
 */
export async function searchTable(search: TableSearch): Promise<void> {
  const { source, file, live, collection } = search;
  // a process that is killed when it has just made a table leaves nothing in it
  if (source.size === 0 && live.length === 0) return;
  const name = file.entry.file;
  const unread = (message: string, offset?: number, length?: number) =>
    collection.unread.push({
      file: name,
      ...(offset !== undefined && { offset }),
      ...(length !== undefined && { length }),
      message,
    });
  const table = await openTable(source, { dialect: search.dialect });
  const family = search.familyOf(table);
  if (family === undefined) return;
  if (table.unsupported.length > 0) unread(`the table cannot be read: ${table.unsupported[0].reason}`);
  const blocks = await tableBlocks(table);
  if (blocks === undefined) {
    if (table.unsupported.length === 0) unread('neither footer nor blocks of the table can be found');
    return;
  }
  if (!blocks.sound) {
    const where = table.anomalies.find(({ length }) => length > 0);
    unread(
      'the index of the table is damaged: not every block may have been found',
      where?.offset,
      where?.length,
    );
  }
  const parts = live.map((part) => ({ ...part, global: globalOf(search, table, part) }));
  const own = parts.length === 0 ? globalSequenceOf(table.properties, undefined) : undefined;
  const values = table.dialect === 'pebble' ? new PebbleValues(table) : undefined;
  const context: BlockContext = { ...search, table, family, parts, global: own, ...(values && { values }) };
  addTombstones(context);
  if (!table.rangeTombstonesSound && table.metaindexSound)
    unread('the range tombstones of the table cannot be read');
  const start = blocks.sound ? firstBlock(context) : 0;
  let ordinal = 0;
  for await (const handle of blocks.handles) {
    if (ordinal++ < start) continue;
    const past = await searchBlock(context, blocks.space, handle, unread);
    if (past && blocks.sound) return;
  }
  for (const { offset, length } of blocks.gaps) unread('no data block can be made out here', offset, length);
}

/** What of a table is live, and the sequence of every entry where it was ingested. */
interface LivePart extends LiveTable {
  global: bigint | undefined;
}

function globalOf({ dialect }: TableSearch, { properties }: Table, live: LiveTable): bigint | undefined {
  if (dialect === 'pebble') return pebbleSequenceOf(live);
  return globalSequenceOf(properties, live.largestSequence);
}

/** The live part of a table that a key belongs to; of a table that is live as a whole, that one. */
function partOf({ parts, family }: BlockContext, key: Uint8Array): LivePart | undefined {
  const [whole] = parts;
  if (whole?.backing === undefined || !family.order.known) return whole;
  const { compareKeys } = family.order;
  const order = (bound: Uint8Array) => compareKeys(key, 0, key.length, bound, 0, bound.length - KEY_TRAILER);
  return parts.find(({ smallest, largest }) => {
    const end = order(largest);
    return order(smallest) >= 0 && (end < 0 || (end === 0 && !isExclusiveEnd(largest)));
  });
}

interface BlockContext extends TableSearch {
  table: Table;
  family: Family;
  parts: readonly LivePart[];
  /** The sequence of every entry of a table that is not live, where it was ingested. */
  global?: bigint;
  values?: PebbleValues;
  filter?: Promise<TableFilter>;
}

/** The first block that may hold a wanted key, by the separators of a sound index. */
function firstBlock({ table, family, wanted }: BlockContext): number {
  const { order } = family;
  const from = wanted.from(order);
  const { index } = table;
  if (from === undefined || index === undefined) return 0;
  const tail = (index.form.userKeys ? 0 : 8) + timestampSizeOf(table);
  return firstBlockFor(index, tail, order.compareKeys, from, from.length);
}

/** Bytes of timestamp that keys of the table have at their end. */
function timestampSizeOf({ comparator, timestampsStripped }: Table): number {
  return timestampsStripped ? 0 : comparator.timestampSize;
}

/** Searches one block; true when its keys lie after all wanted ones. */
async function searchBlock(
  context: BlockContext,
  space: BlockSpace,
  handle: BlockHandle,
  unread: (message: string, offset?: number, length?: number) => void,
): Promise<boolean> {
  const { wanted, family, table, collection } = context;
  const block = await loadBlock(space, handle, 'data');
  const { offset, length } = blockRange(handle);
  const damage = block.anomalies[0]?.message ?? block.unsupported;
  if (damage !== undefined) unread(damage, offset, length);
  if (block.contents === undefined) return false;
  const reader = dataBlockReader(block.contents, context.values?.prefixed === true);
  const timestampSize = timestampSizeOf(table);
  const versions: FoundVersion[] = [];
  let past = false;
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const end = Math.max(0, entry.key.length - 8 - timestampSize);
    if (!wanted.matches(entry.key, 0, end)) {
      past = wanted.isPast(family.order, entry.key, end);
      continue;
    }
    const parsed = parseInternalKey(entry.key);
    if (parsed === undefined) continue;
    const plain = isAsStored(block);
    const at = { bytes: block.contents, from: entry.valueOffset, to: entry.valueOffset + entry.valueLength };
    const marked = parsed.type & (context.values?.prefixed ? ~OBSOLETE_BIT : 0xff);
    const part = partOf(context, parsed.userKey.subarray(0, end));
    const found = context.values === undefined ? { at } : await fetchValue(context, part, marked, at);
    const value = found.at?.bytes.subarray(found.at.from, found.at.to) ?? new Uint8Array(0);
    const version: FoundVersion = {
      file: part === undefined ? { ...context.file, use: notLive(context.file) } : context.file,
      family,
      key: parsed.userKey.slice(0, end),
      ...(timestampSize > 0 && { timestamp: parsed.userKey.slice(end) }),
      sequence: (part ?? context).global ?? parsed.sequence,
      type: marked,
      value: value.slice(0, VALUE_KEPT),
      valueLength: value.length,
      at: plain ? { offset: offset + entry.offset, length: entry.length } : { offset, length },
      ...(!plain && block.columnar === undefined && { inner: entry.offset }),
      ...(damage !== undefined && { damaged: damage }),
      ...(found.error !== undefined && { damaged: found.error }),
      ...(found.blob && { blob: found.blob }),
      ...(valueTypeName(marked, table.dialect).startsWith('0x') && {
        damaged: 'a value type that does not exist',
      }),
      status: 'unknown',
    };
    versions.push(version);
  }
  if (versions.length > 0 && context.file.use === 'live') await askFilter(context, versions, offset);
  for (const version of versions) collection.add(version);
  const [flaw] = reader.anomalies.filter(({ rule }) => rule !== 'sst/bad-restart');
  if (flaw !== undefined && damage === undefined) unread(flaw.message, offset, length);
  return past && flaw === undefined && damage === undefined;
}

/** What a file is with a part that no live table has. */
function notLive({ use }: FoundFile): FoundFile['use'] {
  return use === 'live' ? 'unreferenced' : use;
}

type ValuePlace = NonNullable<ReturnType<PebbleValues['value']>>;

interface FetchedValue {
  /** Absent where it cannot be read. */
  at?: ValuePlace;
  error?: string;
  blob?: BlobPlace;
}

/** The value of an entry of Pebble's, wherever it stands. */
async function fetchValue(
  context: BlockContext,
  part: LivePart | undefined,
  type: number,
  at: ValuePlace,
): Promise<FetchedValue> {
  const values = context.values!;
  values.typed(type);
  let found = values.value(at.bytes, at.from, at.to);
  if (values.waits) {
    await values.load();
    found = values.value(at.bytes, at.from, at.to);
  }
  if (found === undefined) return { error: 'its value stands elsewhere and cannot be read' };
  return values.isInBlobFile ? fetchFromBlob(context, part, found) : { at: found };
}

async function fetchFromBlob(
  { blobs, file, live, ...context }: BlockContext,
  part: LivePart | undefined,
  { bytes, from, to }: ValuePlace,
): Promise<FetchedValue> {
  const named = part ?? live[0];
  if (named === undefined)
    return { error: 'its value lies in a blob file, and no MANIFEST says in which one' };
  const listed = listedBlobFiles(context, named);
  const { value, problem, place } = await blobs.read(bytes.subarray(from, to), listed, file.entry.file);
  const found: FetchedValue = {
    ...(value && { at: { bytes: value, from: 0, to: value.length } }),
    ...(place && { blob: place }),
  };
  return problem === undefined ? found : { ...found, error: problem.message };
}

/** Says of versions whether the filter of their table keeps readers from them. */
async function askFilter(
  context: BlockContext,
  versions: FoundVersion[],
  blockOffset: number,
): Promise<void> {
  context.filter ??= readFilter(context.table);
  const { filter } = await context.filter;
  for (const version of versions) {
    if (filter === undefined || filter.holds(version.key, version.key.length, blockOffset)) continue;
    version.note = 'the filter of the table denies it: a reader that asks for this very key does not find it';
  }
}

/** Range tombstones of the table over wanted keys. */
function addTombstones(context: BlockContext): void {
  if (context.parts.length === 0) addTombstonesOf(context, undefined);
  for (const part of context.parts) addTombstonesOf(context, part);
}

/** Those of a live part are cut to its bounds, beyond which they mean nothing. */
function addTombstonesOf(
  { table, file, family, wanted, global: own, collection }: BlockContext,
  live: LivePart | undefined,
): void {
  const global = live === undefined ? own : live.global;
  const { order } = family;
  const timestampSize = timestampSizeOf(table);
  const bare = (key: Uint8Array) => key.slice(0, Math.max(0, key.length - timestampSize));
  const meta = table.meta.find(({ kind }) => kind === 'range-tombstones');
  const at = meta === undefined ? 0 : meta.handle.offset;
  const smallest = live && keyPosition(live.smallest);
  const largest = live && keyPosition(live.largest);
  const bounds = smallest && largest && order.known ? { smallest, largest } : undefined;
  for (const { start, end, sequence: stored, offset } of table.rangeTombstones) {
    const [key, value] = [bare(start), bare(end)];
    if (!wanted.mayLieIn(order, key, value)) continue;
    const sequence = global ?? stored;
    const low = trailerLow(sequence, VALUE_TYPE.rangeDelete);
    const range = rangeTombstone(order, key, value, trailerHigh(sequence), low, bounds);
    if (range === undefined) continue;
    collection.addTombstone({
      file,
      family,
      key,
      sequence,
      type: VALUE_TYPE.rangeDelete,
      value,
      valueLength: value.length,
      range,
      at: { offset: at + offset, length: 0 },
      status: 'range-tombstone',
    });
  }
}
