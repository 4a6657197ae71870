import { append } from '../../bytes/append.js';
import { tableUniqueId } from '../../check/sst/identity.js';
import { isCrc32c } from '../../check/sst/manifest.js';
import { keptProperty } from '../../encode/sst/pebble-parts.js';
import { compressionProperty, listsCompressions, PropertyList } from '../../encode/sst/properties.js';
import {
  fileChecksumBytes,
  type TablePiece,
  TableWriter,
  type WrittenTable,
} from '../../encode/sst/table-writer.js';
import { decodeEntity } from '../../format/batch/entity.js';
import { decodeBlobIndex } from '../../format/blob/blob-index.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { BlockReader } from '../../format/sst/block.js';
import {
  type Comparator,
  comparatorNamed,
  compareInternalKeys,
  compareUserKeys,
} from '../../format/sst/comparator.js';
import { internalKey, KEY_TRAILER, userKeyOf, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { loadBlock } from '../../format/sst/load.js';
import { decodeProperties, type TableProperties } from '../../format/sst/properties.js';
import type { RangeTombstone } from '../../format/sst/range-tombstones.js';
import { dataBlockReader, hasValuePrefixes, OBSOLETE_BIT } from '../../format/sst/value-blocks.js';
import type { Segment } from '../plan.js';
import type { Hidden } from './tables-hide.js';
import { lossOf, lostValuesOf, olderValuesOf, remarksOf, unprovenOf } from './tables-loss.js';
import { mendBlock } from './tables-mend.js';
import { type PebbleRemains, pebbleEntry } from './tables-pebble.js';
import {
  isDeletionWithValue,
  type PlacedBlock,
  partInside,
  type Reading,
  wholeRange,
} from './tables-reading.js';
import type { SalvagedTable, SalvageRequest } from './tables-salvage.js';

/**
 * Writes the new table: good blocks as they are, except where values in them are lost, between them what hides older versions, and
 * everything else anew.
 */
export async function writeTable(
  request: SalvageRequest,
  reading: Reading,
  planned: Hidden,
): Promise<SalvagedTable> {
  const hidden = reading.ingested ? asIngested(planned) : planned;
  const { pace } = request;
  const { opened, blocks } = reading;
  const table = opened?.table;
  const comparator = opened?.comparator ?? comparatorNamed(request.comparator);
  const isLevelDb = request.database.dialect === 'leveldb';
  const pebble = request.database.dialect === 'pebble';
  const footer = table?.footer ?? opened?.form ?? request.usualForm;
  const baseContext = opened?.space?.baseContext ?? 0;
  // a checksum that tells where a block stands begins with format version 6
  const version = baseContext !== 0 ? Math.max(6, footer.formatVersion) : Math.min(5, footer.formatVersion);
  const formatVersion = isLevelDb ? 0 : version;
  const writer = new TableWriter({
    formatVersion,
    checksumType: opened?.space?.checksumType ?? 1,
    baseContext,
    comparator,
    isLevelDb,
    ...(pebble && {
      pebble: reading.pebble?.form ?? { prefixed: hasValuePrefixes(footer) },
      pebbleFooter: footer.format === 'pebble',
    }),
    filter: (!isLevelDb && !pebble) || hasFilter(reading),
    ...(table?.dictionary && { dictionary: table.dictionary }),
  });
  const lostKeys: Uint8Array[] = [];
  // what stands between the blocks: entries that were found elsewhere, and deletions
  const between = [
    ...hidden.points.map((key) => ({ key, value: new Uint8Array(0) })),
    ...(reading.found?.entries ?? []),
  ].sort((a, b) => compareInternalKeys(comparator, a.key, b.key) ?? 0);
  // there may be a hundred thousand, and taking the first off an array moves all others
  let next = 0;
  const addBetween = async (wanted: (key: Uint8Array) => boolean) => {
    for (; next < between.length && wanted(between[next].key); next++) {
      writer.add(between[next].key, between[next].value);
      if (next % POINTS_A_TURN === 0) await pace.step();
    }
  };
  for (const block of blocks) {
    const { first, last, part } = block;
    await pace.step();
    await addBetween((key) => (compareInternalKeys(comparator, key, first) ?? 0) < 0);
    if (part !== undefined) {
      const mended = await mendBlock(opened!.space!, block, part.bounds, part.rules);
      for (const { key, value } of mended?.entries ?? []) {
        await addBetween((point) => (compareInternalKeys(comparator, point, key) ?? 0) < 0);
        writer.add(key, value);
      }
      continue;
    }
    await copy(request, reading, block, writer, lostKeys);
    // what falls into a good block is decided by it
    while (next < between.length && (compareInternalKeys(comparator, between[next].key, last) ?? 0) <= 0)
      next++;
  }
  await addBetween(() => true);
  for (const { start, end, sequence } of inBounds(request, reading, comparator)) {
    if ((compareUserKeys(comparator, start, end) ?? -1) < 0) writer.addRangeTombstone(start, end, sequence);
  }
  for (const { start, end, sequence } of hidden.ranges) writer.addRangeTombstone(start, end, sequence);
  const properties = propertiesFor(request, reading, writer, formatVersion);
  const hasRangeKeys = reading.pebble?.form.rangeKeys !== undefined;
  const written = writer.finish(properties);
  const result: SalvagedTable = {
    loss: [],
    unproven: unprovenOf(request, reading),
    remarks: remarksOf(request, reading, hidden),
  };
  const loss = lossOf(request, reading, written);
  if (loss !== undefined) result.loss.push(loss);
  append(result.loss, olderValuesOf(request, reading, hidden));
  if (lostKeys.length > 0) result.loss.push(lostValuesOf(request, lostKeys));
  if (written.smallest === undefined && !hasRangeKeys) return result;
  const content = writer.take().map((piece) => segment(piece, request));
  const replacement = isLevelDb
    ? levelDbEntry(request, written)
    : pebble
      ? pebbleEntry(request.table, request.number, written, hasRangeKeys, comparator)
      : await describe(request, written, properties);
  return { ...result, replacement: { live: replacement, content } };
}

/** In an ingested table everything is stored with sequence 0: the engine gives it the one of the MANIFEST. */
function asIngested(hidden: Hidden): Hidden {
  return {
    ...hidden,
    points: hidden.points.map((key) => internalKey(userKeyOf(key), 0n, VALUE_TYPE.delete)),
    ranges: hidden.ranges.map((range) => ({ ...range, sequence: 0n })),
  };
}

/** LevelDB's and Pebble's filters are the application's choice; one that cannot be read any more is as good as none. */
function hasFilter({ opened }: Reading): boolean {
  return opened?.table.meta.some(({ name }) => OPTIONAL_FILTERS.has(name)) ?? false;
}

const OPTIONAL_FILTERS: ReadonlySet<string> = new Set([
  'filter.leveldb.BuiltinBloomFilter2',
  'fullfilter.rocksdb.BuiltinBloomFilter',
]);

/** The range tombstones of a table; of a file that virtual tables are parts of, what lies in its part. */
function inBounds(
  { table }: SalvageRequest,
  { opened }: Reading,
  comparator: Comparator,
): readonly RangeTombstone[] {
  const all = opened?.table.rangeTombstones ?? [];
  if (table.backing === undefined) return all;
  const order = (a: Uint8Array, b: Uint8Array) => compareUserKeys(comparator, a, b) ?? 0;
  const [from, to] = [userKeyOf(table.smallest), userKeyOf(table.largest)];
  return all.map((each) => ({
    ...each,
    start: order(each.start, from) < 0 ? from : each.start,
    end: order(each.end, to) > 0 ? to : each.end,
  }));
}

/** Entries that are added before signals are let in. */
const POINTS_A_TURN = 1024;

async function copy(
  { lostBlob, table: live }: SalvageRequest,
  { opened, pebble, putsAsDeletions }: Reading,
  block: PlacedBlock,
  writer: TableWriter,
  lostKeys: Uint8Array[],
): Promise<void> {
  const { offset, size, compression, clipped } = block;
  const { prefixed, comparator } = opened!;
  const { contents, stored } = await loadBlock(opened!.space!, { offset, size }, 'data');
  if (contents === undefined || stored === undefined) throw new Error(`the block at ${offset} has changed`);
  const lost = pebble === undefined ? lostValues(contents, lostBlob) : lostApart(contents, prefixed, pebble);
  if (lost.size === 0 && !clipped && putsAsDeletions === undefined) {
    writer.copyBlock(offset, stored.bytes.subarray(0, size), compression, contents);
    return;
  }
  const { range } = wholeRange(live);
  const reader = dataBlockReader(contents, prefixed);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { key, valueOffset, valueLength } = entry;
    if (clipped && partInside(range, key, key, comparator) === 'none') continue;
    if (lost.has(entry.offset)) {
      lostKeys.push(userKeyOf(key).slice());
      const deletion = key.slice();
      deletion[key.length - KEY_TRAILER] = VALUE_TYPE.delete;
      writer.add(deletion, new Uint8Array(0));
    } else {
      const isPut = putsAsDeletions !== undefined && isDeletionWithValue(key, valueLength);
      const own = isPut ? key.slice() : key;
      if (isPut) own[key.length - KEY_TRAILER] = VALUE_TYPE.put;
      writer.add(own, contents.subarray(valueOffset, valueOffset + valueLength));
    }
  }
}

/** Offsets of the entries of a block of Pebble whose values stood in a value block that is lost. */
function lostApart(contents: Uint8Array, prefixed: boolean, { isLost }: PebbleRemains): Set<number> {
  const lost = new Set<number>();
  if (!prefixed) return lost;
  const reader = dataBlockReader(contents, prefixed);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { key, valueOffset, valueLength, offset } = entry;
    const type = key[key.length - KEY_TRAILER] & ~OBSOLETE_BIT;
    if (type === VALUE_TYPE.put && isLost(contents.subarray(valueOffset, valueOffset + valueLength)))
      lost.add(offset);
  }
  return lost;
}

/** Offsets of the entries of a block whose values cannot be read: they make no sense, or lie in blob files and are lost. */
function lostValues(contents: Uint8Array, lostBlob: SalvageRequest['lostBlob']): Set<number> {
  const lost = new Set<number>();
  const reader = new BlockReader(contents);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { key, valueOffset, valueLength, offset } = entry;
    const type = key[key.length - KEY_TRAILER];
    if (type === VALUE_TYPE.entity) {
      if (decodeEntity(contents.subarray(valueOffset, valueOffset + valueLength)).anomalies.length > 0)
        lost.add(offset);
    }
    if (type === VALUE_TYPE.timedPut && valueLength < 8) lost.add(offset);
    if (type !== VALUE_TYPE.blobIndex) continue;
    const index = decodeBlobIndex(contents, valueOffset, valueOffset + valueLength);
    const gone =
      index.kind === 'malformed' ||
      (index.kind === 'blob' && index.fileNumber !== 0n && lostBlob?.(index.fileNumber, index.offset));
    if (gone) lost.add(offset);
  }
  return lost;
}

function segment(piece: TablePiece, { entry, inFile }: SalvageRequest): Segment {
  if (piece.from === 'bytes') return { from: 'plan', bytes: piece.bytes };
  const { offset, length } = piece;
  return {
    from: 'file',
    path: entry!.file,
    ...(entry!.root !== undefined && { root: entry!.root }),
    offset: inFile?.(offset) ?? offset,
    length,
  };
}

/** The properties of the old table where they can be believed, else what MANIFEST and blocks tell. */
function propertiesFor(
  { columnFamilyName, table: live, comparator, number, version }: SalvageRequest,
  { opened, pebble, ingested }: Reading,
  writer: TableWriter,
  formatVersion: number,
): PropertyList {
  const old = opened?.table.propertiesSound ? opened.table.properties : undefined;
  const names = old
    ?.names()
    .filter(
      (name) => pebble === undefined || keptProperty(name, old.text('property.collectors'), pebble.form),
    );
  const list = old ? PropertyList.from(names!, (name) => old.raw(name)) : new PropertyList();
  const compression = compressionProperty(formatVersion, writer.compressionTypes);
  if (pebble === undefined && listsCompressions(old?.text('compression')) !== listsCompressions(compression))
    list.text('compression', compression);
  if (old === undefined) {
    list
      .number('column.family.id', live.columnFamily)
      .text('column.family.name', columnFamilyName)
      .text('comparator', comparator === '' ? 'leveldb.BytewiseComparator' : comparator)
      .text('compression', compression)
      .text('merge.operator', 'nullptr')
      .text('prefix.extractor.name', 'nullptr')
      .text('property.collectors', '[]');
    if (live.creationTime !== undefined) list.number('file.creation.time', live.creationTime);
    if (live.oldestAncestorTime !== undefined) list.number('creation.time', live.oldestAncestorTime);
    if (version.databaseId !== undefined) list.text('creating.db.identity', version.databaseId);
    if (ingested) list.ingested();
  }
  if (pebble !== undefined) return list.text('property.collectors', '[]');
  if (comparator !== '' && !list.sameText('comparator', comparator)) list.text('comparator', comparator);
  return list.withoutGlobalSequence().number('original.file.number', number);
}

function levelDbEntry({ table, number }: SalvageRequest, written: WrittenTable): LiveTable {
  const { size, smallest, largest } = written;
  return { ...table, number, size: BigInt(size), smallest: smallest!, largest: largest! };
}

/** The MANIFEST's entry for the new table. */
async function describe(
  { table: old, number }: SalvageRequest,
  written: WrittenTable,
  properties: PropertyList,
): Promise<LiveTable> {
  const { uniqueId: _id, fileChecksum: _sum, tailSize: _tail, oldestBlobFile: _blob, ...kept } = old;
  const decoded: TableProperties = decodeProperties(properties.encode()).properties;
  const uniqueId = old.uniqueId === undefined ? undefined : await tableUniqueId(decoded);
  const ingested = decoded.has('external_sst_file.version');
  return {
    ...kept,
    number,
    size: BigInt(written.size),
    // the sequence of an ingested table stands in the MANIFEST alone
    ...(ingested
      ? {}
      : {
          smallest: written.smallest!,
          largest: written.largest!,
          // the order of level 0 rests on these: they only widen
          ...(written.smallestSequence < old.smallestSequence && {
            smallestSequence: written.smallestSequence,
          }),
          ...(written.largestSequence > old.largestSequence && { largestSequence: written.largestSequence }),
        }),
    ...(uniqueId && { uniqueId }),
    ...(isCrc32c(old)
      ? { fileChecksum: fileChecksumBytes(written.crc) }
      : { fileChecksum: new Uint8Array(0), fileChecksumFunction: 'Unknown' }),
    ...(old.tailSize !== undefined && { tailSize: BigInt(written.tailSize) }),
    ...(written.oldestBlobFile !== undefined && { oldestBlobFile: written.oldestBlobFile }),
  };
}
