import { readFilter } from '../../check/sst/filters.js';
import { tableUniqueId } from '../../check/sst/identity.js';
import { isCrc32c } from '../../check/sst/manifest.js';
import { PropertyList } from '../../encode/sst/properties.js';
import {
  compressionProperty,
  fileChecksumBytes,
  type TablePiece,
  TableWriter,
  type WrittenTable,
} from '../../encode/sst/table-writer.js';
import { EntryTally } from '../../encode/sst/tally.js';
import { keyBytes } from '../../finding/evidence.js';
import { decodeEntity } from '../../format/batch/entity.js';
import { decodeBlobIndex } from '../../format/blob/blob-index.js';
import type { LiveTable } from '../../format/manifest/version.js';
import { BlockReader } from '../../format/sst/block.js';
import { compareBytes, compareInternalKeys, compareUserKeys } from '../../format/sst/comparator.js';
import { KEY_TRAILER, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { loadBlock } from '../../format/sst/load.js';
import { decodeProperties, type TableProperties } from '../../format/sst/properties.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import type { LossStatement, Segment } from '../plan.js';
import { Refusal } from '../refusal.js';
import type { TombstonePolicy } from '../tombstone-policy.js';
import {
  dataBlocksOf,
  type GoodBlock,
  isExclusiveEnd,
  type OpenedTable,
  openDamaged,
  userKeyOf,
} from './tables-blocks.js';
import {
  type Hidden,
  hideOlder,
  hideUnderLostTombstones,
  type LostRange,
  type Neighbours,
} from './tables-hide.js';

export interface SalvageRequest extends Neighbours {
  /** Absent: the file is missing. */
  entry?: InventoryEntry;
  /** The number of the new table. */
  number: bigint;
  columnFamilyName: string;
  policy: TombstonePolicy;
  /** Format version of the other tables, for one that has lost its own. */
  usualFormatVersion: number;
  /** Whether the value at that offset of a blob file is lost: its key is then deleted, so that no older value shows. */
  lostBlob?(file: bigint, offset: bigint): boolean;
}

/** A good block, to be read again when it is copied. */
type PlacedBlock = Pick<GoodBlock, 'offset' | 'compression' | 'first' | 'last'> & { size: number };

/** What is left of a table. */
export interface SalvagedTable {
  /** Absent when nothing is left to write. */
  replacement?: { live: LiveTable; content: Segment[] };
  loss: LossStatement[];
  remarks: string[];
}

/** Everything about a damaged table that decides what the new one holds. */
interface Reading {
  opened?: OpenedTable;
  blocks: PlacedBlock[];
  gaps: LostRange[];
  /** Entries and tombstones that the properties count and nothing holds; `undefined`: nobody knows. */
  lostEntries?: bigint;
  lostDeletions?: bigint;
  lostRangeTombstones: 'none' | 'some' | 'unknown';
}

/**
 * A new table with everything that the damaged one still holds: good data blocks as they are, whole range tombstones, and in
 * place of what is lost whatever keeps older versions hidden. Index, filter, properties and footer are made anew, so damage
 * to them costs nothing.
 */
export async function salvageTable(request: SalvageRequest): Promise<SalvagedTable> {
  const { entry, table } = request;
  const source = entry === undefined ? undefined : await openSource(entry.source);
  try {
    const reading: Reading =
      source === undefined
        ? { blocks: [], gaps: [wholeRange(table)], lostRangeTombstones: 'unknown' }
        : await read(await openDamaged(source, request.comparator), table);
    if (reading.opened?.table.properties?.has('embedded.blob.stats')) {
      throw new Refusal(
        'refused',
        `${entry?.file} holds values between its blocks, which kvdoctor cannot move`,
        'restore it from a backup',
      );
    }
    const hidden = await hide(request, reading);
    return await write(request, reading, hidden);
  } finally {
    await source?.close();
  }
}

function wholeRange({ smallest, largest }: LiveTable): LostRange {
  return { range: { from: userKeyOf(smallest), to: userKeyOf(largest), closed: !isExclusiveEnd(largest) } };
}

async function read(opened: OpenedTable, live: LiveTable): Promise<Reading> {
  const { table, comparator } = opened;
  const properties = table.propertiesSound ? table.properties : undefined;
  const filter = opened.space === undefined ? undefined : await readFilter(table);
  // filters of single blocks say nothing about a block that is lost
  const whole = table.meta.some(({ kind }) => kind === 'filter' || kind === 'partitioned-filter');
  const keyFilter = whole && filter?.anomalies.length === 0 ? filter.filter : undefined;
  const mayHold =
    keyFilter && ((key: Uint8Array) => keyFilter.holds(key, key.length - comparator.timestampSize, 0));
  const blocks: PlacedBlock[] = [];
  const counted = new EntryTally(comparator, undefined);
  const gaps: { after?: Uint8Array; separator?: Uint8Array; before?: Uint8Array }[] = [];
  for await (const found of dataBlocksOf(opened, live.largestSequence)) {
    if (found.kind === 'block') {
      const open = gaps.at(-1);
      if (open !== undefined && open.before === undefined) open.before = found.first;
      const { offset, compression, first, last, payload, contents } = found;
      counted.addBlock(contents);
      blocks.push({ offset, compression, first, last, size: payload.length });
      continue;
    }
    const last = gaps.at(-1);
    // gaps with no block between them are one
    if (last !== undefined && last.before === undefined) last.separator = found.separator;
    else gaps.push({ after: blocks.at(-1)?.last, separator: found.separator });
  }
  if (opened.space === undefined) gaps.push({});
  const stated = (name: 'num.entries' | 'deleted.keys' | 'num.range-deletions') => properties?.number(name);
  const ranges = stated('num.range-deletions');
  const reading: Reading = {
    opened,
    blocks,
    gaps: [],
    lostRangeTombstones:
      table.rangeTombstonesSound || ranges === 0n ? 'none' : ranges === undefined ? 'unknown' : 'some',
  };
  const entries = stated('num.entries');
  if (entries !== undefined && ranges !== undefined) {
    reading.lostEntries = entries - ranges - BigInt(counted.points);
    const deletions = stated('deleted.keys');
    // some writers count range tombstones among the deletions
    if (deletions !== undefined) {
      const points = deletions - BigInt(counted.deletions);
      reading.lostDeletions = points === ranges ? 0n : points > ranges ? points - ranges : points;
    }
  }
  // the whole run of keys is there, up to the last one that the MANIFEST knows
  const complete =
    reading.lostEntries === 0n ||
    (properties === undefined &&
      gaps.length === 1 &&
      gaps[0].before === undefined &&
      blocks.length > 0 &&
      compareBytes(blocks.at(-1)!.last, live.largest) === 0);
  if (complete) {
    reading.lostEntries = 0n;
    reading.lostDeletions = 0n;
    return reading;
  }
  const bounds = wholeRange(live).range;
  for (const { after, separator, before } of gaps) {
    const from = after === undefined ? bounds.from : userKeyOf(after);
    let to = before === undefined ? bounds.to : userKeyOf(before);
    let closed = before === undefined && bounds.closed;
    if (separator !== undefined && before !== undefined) {
      // a key may go on from the lost block into the next one
      closed = compareUserKeys(comparator, separator, to) === 0;
      if (!closed) {
        to = separator;
        closed = true;
      }
    }
    reading.gaps.push({ range: { from, to, closed }, ...(mayHold && { mayHold }) });
  }
  return reading;
}

/** What keeps older versions hidden where entries are lost, as the policy wants it. */
async function hide(request: SalvageRequest, reading: Reading): Promise<Hidden> {
  const { policy, table } = request;
  const hidden: Hidden = { points: [], ranges: [] };
  const rangesLost = reading.lostRangeTombstones !== 'none';
  if (policy === 'accept' || (reading.gaps.length === 0 && !rangesLost)) return hidden;
  // with every deletion accounted for and no filter to tell keys apart, hiding would cost more than it saves
  const gaps = reading.gaps.filter((gap) => gap.mayHold !== undefined || reading.lostDeletions !== 0n);
  for (const gap of gaps) {
    const found = await hideOlder(request, gap);
    hidden.points.push(...found.points);
    hidden.ranges.push(...found.ranges);
  }
  const whole = wholeRange(table).range;
  if (rangesLost && reading.blocks.length > 0) {
    hidden.ranges.push(...(await hideUnderLostTombstones(request, whole)).ranges);
  }
  if (policy === 'refuse' && hidden.points.length + hidden.ranges.length > 0) {
    throw new Refusal(
      'refused',
      `table ${table.number} lost what may be deletions: older versions of keys from ${shown(whole.from)} to ${shown(whole.to)} would come back`,
      '--on-lost-tombstones keep-hidden hides them, accept lets them come back',
    );
  }
  return hidden;
}

async function write(request: SalvageRequest, reading: Reading, hidden: Hidden): Promise<SalvagedTable> {
  const { entry } = request;
  const { opened, blocks } = reading;
  const table = opened?.table;
  const comparator = opened?.comparator ?? { name: request.comparator, order: 'bytewise', timestampSize: 0 };
  const formatVersion = table?.footer?.formatVersion ?? request.usualFormatVersion;
  const baseContext = opened?.space?.baseContext ?? 0;
  const writer = new TableWriter({
    formatVersion: baseContext !== 0 ? Math.max(6, formatVersion) : Math.min(5, formatVersion),
    checksumType: opened?.space?.checksumType ?? 1,
    baseContext,
    comparator,
    filter: true,
    ...(table?.dictionary && { dictionary: table.dictionary }),
  });
  const lostKeys: Uint8Array[] = [];
  const points = [...hidden.points].sort((a, b) => compareInternalKeys(comparator, a, b) ?? 0);
  for (const block of blocks) {
    const { first, last } = block;
    while (points.length > 0 && (compareInternalKeys(comparator, points[0], first) ?? 0) < 0) {
      writer.add(points.shift()!, new Uint8Array(0));
    }
    await copy(request, opened!, block, writer, lostKeys);
    // what falls into a good block is decided by it
    while (points.length > 0 && (compareInternalKeys(comparator, points[0], last) ?? 0) <= 0) points.shift();
  }
  for (const key of points) writer.add(key, new Uint8Array(0));
  for (const { start, end, sequence } of table?.rangeTombstones ?? []) {
    if ((compareUserKeys(comparator, start, end) ?? -1) < 0) writer.addRangeTombstone(start, end, sequence);
  }
  for (const { start, end, sequence } of hidden.ranges) writer.addRangeTombstone(start, end, sequence);
  const properties = propertiesFor(request, reading, writer, formatVersion);
  const written = writer.finish(properties);
  const result: SalvagedTable = { loss: [], remarks: remarksOf(request, reading, hidden) };
  const loss = lossOf(request, reading, written);
  if (loss !== undefined) result.loss.push(loss);
  if (lostKeys.length > 0) result.loss.push(lostValuesOf(request, lostKeys));
  if (written.smallest === undefined || written.largest === undefined) return result;
  const content = writer.take().map((piece) => segment(piece, entry));
  const replacement = await describe(request, written, properties);
  return { ...result, replacement: { live: replacement, content } };
}

async function copy(
  { lostBlob }: SalvageRequest,
  opened: OpenedTable,
  block: PlacedBlock,
  writer: TableWriter,
  lostKeys: Uint8Array[],
): Promise<void> {
  const { offset, size, compression } = block;
  const { contents, stored } = await loadBlock(opened.space!, { offset, size }, 'data');
  if (contents === undefined || stored === undefined) throw new Error(`the block at ${offset} has changed`);
  const lost = lostValues(contents, lostBlob);
  if (lost.size === 0) {
    writer.copyBlock(offset, stored.bytes.subarray(0, size), compression, contents);
    return;
  }
  const reader = new BlockReader(contents);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
    const { key, valueOffset, valueLength } = entry;
    if (lost.has(entry.offset)) {
      lostKeys.push(userKeyOf(key).slice());
      const deletion = key.slice();
      deletion[key.length - KEY_TRAILER] = VALUE_TYPE.delete;
      writer.add(deletion, new Uint8Array(0));
    } else writer.add(key, contents.subarray(valueOffset, valueOffset + valueLength));
  }
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

function segment(piece: TablePiece, entry: InventoryEntry | undefined): Segment {
  if (piece.from === 'bytes') return { from: 'plan', bytes: piece.bytes };
  const { offset, length } = piece;
  return {
    from: 'file',
    path: entry!.file,
    ...(entry!.root !== undefined && { root: entry!.root }),
    offset,
    length,
  };
}

/** The properties of the old table where they can be believed, else what MANIFEST and blocks tell. */
function propertiesFor(
  { columnFamilyName, table: live, comparator, number, version }: SalvageRequest,
  { opened }: Reading,
  writer: TableWriter,
  formatVersion: number,
): PropertyList {
  const old = opened?.table.propertiesSound ? opened.table.properties : undefined;
  const list = old ? PropertyList.from(old.names(), (name) => old.raw(name)) : new PropertyList();
  if (old === undefined) {
    list
      .number('column.family.id', live.columnFamily)
      .text('column.family.name', columnFamilyName)
      .text('comparator', comparator === '' ? 'leveldb.BytewiseComparator' : comparator)
      .text('compression', compressionProperty(formatVersion, writer.compressionTypes))
      .text('merge.operator', 'nullptr')
      .text('prefix.extractor.name', 'nullptr')
      .text('property.collectors', '[]');
    if (live.creationTime !== undefined) list.number('file.creation.time', live.creationTime);
    if (live.oldestAncestorTime !== undefined) list.number('creation.time', live.oldestAncestorTime);
    if (version.databaseId !== undefined) list.text('creating.db.identity', version.databaseId);
  }
  if (comparator !== '' && !list.sameText('comparator', comparator)) list.text('comparator', comparator);
  return list.withoutGlobalSequence().number('original.file.number', number);
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

function lossOf(
  { table, entry, columnFamilyName }: SalvageRequest,
  reading: Reading,
  written: WrittenTable,
): LossStatement | undefined {
  const { gaps, lostEntries, lostDeletions, lostRangeTombstones } = reading;
  if (gaps.length === 0 && lostRangeTombstones === 'none') return undefined;
  const ranges = gaps.map(({ range: { from, to } }) => `${shown(from)} to ${shown(to)}`);
  const what = [
    ...(gaps.length === 0
      ? []
      : [
          `${lostEntries === undefined ? 'an unknown number of' : lostEntries} entries of column family ${columnFamilyName}, keys from ${ranges.join(', from ')}`,
        ]),
    ...(lostDeletions === undefined || lostDeletions > 0n
      ? gaps.length === 0
        ? []
        : [`${lostDeletions === undefined ? 'perhaps deletions' : `${lostDeletions} of them deletions`}`]
      : []),
    ...(lostRangeTombstones === 'none'
      ? []
      : [lostRangeTombstones === 'some' ? 'its range tombstones' : 'its range tombstones, if it had any']),
  ];
  return {
    file: entry?.file ?? `${String(table.number).padStart(6, '0')}.sst`,
    ...(entry?.root !== undefined && { root: entry.root }),
    detail: what.join('; '),
    facts: {
      columnFamily: columnFamilyName,
      level: table.level,
      kept: written.entries,
      ...(lostEntries !== undefined && { entries: String(lostEntries) }),
      ...(lostDeletions !== undefined && { deletions: String(lostDeletions) }),
      ...(gaps.length > 0 && {
        from: keyBytes(gaps[0].range.from),
        to: keyBytes(gaps.at(-1)!.range.to),
      }),
    },
  };
}

/** Keys that a statement of loss names. */
const MOST_NAMED = 20;

function lostValuesOf(
  { entry, columnFamilyName }: SalvageRequest,
  keys: readonly Uint8Array[],
): LossStatement {
  const named = keys.slice(0, MOST_NAMED).map(shown).join(', ');
  const more = keys.length > MOST_NAMED ? ` and ${keys.length - MOST_NAMED} more` : '';
  return {
    file: entry!.file,
    ...(entry!.root !== undefined && { root: entry!.root }),
    detail: `${keys.length} entries of column family ${columnFamilyName}, whose values cannot be read: ${named}${more}`,
    facts: { columnFamily: columnFamilyName, entries: keys.length },
  };
}

function remarksOf({ table, policy }: SalvageRequest, reading: Reading, hidden: Hidden): string[] {
  const { gaps, lostDeletions, lostRangeTombstones } = reading;
  const name = `table ${table.number}`;
  const remarks: string[] = [];
  const hiding = hidden.points.length + hidden.ranges.length;
  if (hiding > 0) {
    remarks.push(
      `${name}: older versions of keys that it lost are kept hidden by ${hidden.points.length} deletions and ${hidden.ranges.length} range tombstones, so that nothing deleted comes back; --on-lost-tombstones accept would show them`,
    );
  } else if (gaps.some(({ mayHold }) => mayHold === undefined) && lostDeletions === 0n) {
    remarks.push(`${name}: no deletion is lost, but keys that it overwrote may show their older values`);
  }
  if (policy === 'accept' && (gaps.length > 0 || lostRangeTombstones !== 'none')) {
    remarks.push(`${name}: lost deletions are accepted: what they deleted may come back`);
  }
  return remarks;
}

function shown(key: Uint8Array): string {
  const text = keyBytes(key);
  return text.utf8 === undefined ? `0x${Buffer.from(key).toString('hex')}` : JSON.stringify(text.utf8);
}
