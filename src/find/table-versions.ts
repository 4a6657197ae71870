import type { ByteSource } from '../bytes/source.js';
import { readFilter, type TableFilter } from '../check/sst/filters.js';
import type { LiveTable } from '../format/manifest/version.js';
import { BlockReader } from '../format/sst/block.js';
import type { BlockHandle } from '../format/sst/handle.js';
import { parseInternalKey, VALUE_TYPE, valueTypeName } from '../format/sst/internal-key.js';
import { type BlockSpace, blockRange, loadBlock } from '../format/sst/load.js';
import { globalSequenceOf } from '../format/sst/properties.js';
import { openTable, type Table } from '../format/sst/table.js';
import { tableBlocks } from '../format/sst/table-blocks.js';
import { firstBlockFor, keyPosition, trailerHigh, trailerLow } from '../lsm/key-order.js';
import { rangeTombstone } from '../lsm/range-tombstones.js';
import { type Collection, type FoundFile, type FoundVersion, VALUE_KEPT } from './found.js';
import type { Family, Wanted } from './wanted.js';

interface TableSearch {
  source: ByteSource;
  file: FoundFile;
  /** The MANIFEST's word on it. */
  live?: LiveTable;
  wanted: Wanted;
  /** The column family that a table says it is of; undefined: it is not looked for. */
  familyOf(table: Table): Family | undefined;
  collection: Collection;
}

/**
 * Finds the wanted keys in a table. A sound index leads to the block; where it is damaged or lost, every block is read that
 * can be found. Filters lead nowhere, since to read one costs more than to read the block; but what they deny is said.
 */
export async function searchTable(search: TableSearch): Promise<void> {
  const { source, file, live, collection } = search;
  // a process that is killed when it has just made a table leaves nothing in it
  if (source.size === 0 && live === undefined) return;
  const name = file.entry.file;
  const unread = (message: string, offset?: number, length?: number) =>
    collection.unread.push({
      file: name,
      ...(offset !== undefined && { offset }),
      ...(length !== undefined && { length }),
      message,
    });
  const table = await openTable(source);
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
  const global = globalSequenceOf(table.properties, live?.largestSequence);
  const context: BlockContext = { ...search, table, family, global };
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

interface BlockContext extends TableSearch {
  table: Table;
  family: Family;
  /** The sequence of every entry, where the table was ingested. */
  global?: bigint;
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
  const reader = new BlockReader(block.contents);
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
    const plain = block.stored?.compression === 0;
    const value = block.contents.subarray(entry.valueOffset, entry.valueOffset + entry.valueLength);
    const version: FoundVersion = {
      file: context.file,
      family,
      key: parsed.userKey.slice(0, end),
      ...(timestampSize > 0 && { timestamp: parsed.userKey.slice(end) }),
      sequence: context.global ?? parsed.sequence,
      type: parsed.type,
      value: value.slice(0, VALUE_KEPT),
      valueLength: value.length,
      at: plain ? { offset: offset + entry.offset, length: entry.length } : { offset, length },
      ...(!plain && { inner: entry.offset }),
      ...(damage !== undefined && { damaged: damage }),
      ...(valueTypeName(parsed.type).startsWith('0x') && { damaged: 'a value type that does not exist' }),
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

/** Range tombstones of the table over wanted keys; of a live one cut to its bounds, beyond which they mean nothing. */
function addTombstones({ table, file, family, wanted, live, global, collection }: BlockContext): void {
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
