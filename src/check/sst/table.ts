import { append } from '../../bytes/append.js';
import { crc32c } from '../../bytes/crc32c.js';
import type { ByteSource } from '../../bytes/source.js';
import type { Anomaly } from '../../finding/finding.js';
import { dialectNamed } from '../../format/dialect.js';
import type { Footer } from '../../format/sst/footer.js';
import { BLOCK_TRAILER, type BlockHandle } from '../../format/sst/handle.js';
import type { BlockIndex } from '../../format/sst/index-block.js';
import { anomaliesInFile } from '../../format/sst/load.js';
import { COLLECTED_PROPERTIES, isIngested, TITAN_BLOBS } from '../../format/sst/properties.js';
import { isReadable, openTable, type Table } from '../../format/sst/table.js';
import { hasValuePrefixes, type ValueBlockLengths } from '../../format/sst/value-blocks.js';
import { metered } from '../../io/wrappers.js';
import type { TableContext, TableFacts, TableTotals, UnitResult } from '../unit.js';
import type { DataRules } from './data-rules.js';
import { blameFilter } from './filter-blame.js';
import { readFilter, type TableFilter } from './filters.js';
import { describeRemains, indexByBlocks } from './found-blocks.js';
import { identify, isWrongFile, reportWrongFile } from './identity.js';
import { checkLayout } from './layout.js';
import { isCrc32c } from './manifest.js';
import { mergeTableFacts } from './merge.js';
import { checkOtherBlocks, checkProperties, reportMetadata } from './metadata.js';
import { TableReport } from './report.js';
import { type ScannedBlocks, scanBlocks } from './scan-blocks.js';
import { stateTable } from './statement.js';
import { checkTableTotals } from './totals.js';
import { checkValueBlocks } from './value-blocks.js';

export { mergeTableFacts } from './merge.js';
export { checkTableTotals } from './totals.js';

/** What it takes to split the check of a table among units. */
interface TablePlan {
  /** Data blocks that the index names; 0 when it cannot be believed, and the check not be split. */
  blocks: number;
  /** File offset after the last data block. */
  dataEnd: number;
}

/** Reads as much of a table as it takes to split its check by `TableContext.blocks`. Rejects only when the medium fails. */
export async function planTable(source: ByteSource): Promise<TablePlan> {
  const { index, indexSound } = await openTable(source);
  if (!indexSound) return { blocks: 0, dataEnd: 0 };
  return { blocks: index?.count ?? 0, dataEnd: index === undefined ? 0 : blockEnd(index, index.count - 1) };
}

/** File offset after data block `i`, trailer included; 0 for −1. */
function blockEnd(index: BlockIndex, i: number): number {
  return i < 0 ? 0 : index.offset(i) + index.size(i) + BLOCK_TRAILER;
}

/**
 * Checks one table, or a range of its blocks, and returns what is wrong with it and the facts that cross checks need. What
 * takes all blocks (counts, sizes, bounds, the checksum of the file) is checked here when `context.blocks` is absent; for
 * units of one table the caller puts their facts together with `mergeTableFacts` and asks `checkTableTotals`. Damage never
 * throws; rejects only when the medium fails.
 */
export async function checkTable(source: ByteSource, context: TableContext): Promise<UnitResult> {
  const report = new TableReport(context);
  let bytesRead = 0;
  const counted = metered(source, (bytes) => {
    bytesRead += bytes;
  });
  const table = await openTable(counted, { dialect: context.dialect, comparator: context.comparator });
  let facts: TableFacts = {
    kind: 'table',
    file: context.file,
    number: context.number,
    size: table.size,
    readable: isReadable(table),
    ...(formatOf(table) !== undefined && { formatVersion: formatOf(table) }),
    ...(table.footer?.format === 'pebble' && { pebbleFormat: table.footer.formatVersion }),
    dataBlocks: table.index?.count ?? 0,
    blobReferences: [],
    ...(context.blocks === undefined ? {} : { blocks: context.blocks }),
  };
  const misplaced = takeOutMisplaced(table);
  await identify(table, facts);
  const wrongFile = isWrongFile(table, facts, context);
  const hasMetadata = (context.blocks?.from ?? 0) === 0;
  if (hasMetadata) {
    if (wrongFile) reportWrongFile(table, facts, report);
    reportMetadata(table, report, wrongFile);
    report.addAll(misplaced);
    checkProperties(table, report, wrongFile);
  }
  await checkContents(table, facts, report, wrongFile, hasMetadata);
  if (hasMetadata && table.rangeKeysSound) facts.rangeKeys = rangeKeyFacts(table);
  facts.errors = report.errors;
  if (context.blocks === undefined) {
    facts = mergeTableFacts([facts]);
    append(report.findings, checkTableTotals(facts, context));
  }
  report.finish();
  return { findings: report.findings, unchecked: report.unchecked, facts, bytesRead };
}

function rangeKeyFacts({ rangeKeys }: Table): NonNullable<TableFacts['rangeKeys']> {
  const facts: NonNullable<TableFacts['rangeKeys']> = { count: rangeKeys.length };
  for (const { sequence } of rangeKeys) {
    if (facts.minSequence === undefined || sequence < facts.minSequence) facts.minSequence = sequence;
    if (facts.maxSequence === undefined || sequence > facts.maxSequence) facts.maxSequence = sequence;
  }
  return facts;
}

const NO_WAY = 'the index is damaged, and nothing else leads to the data blocks here';

/** Everything after the metadata that opening has read: filter, other meta blocks, data blocks, layout. */
async function checkContents(
  table: Table,
  facts: TableFacts,
  report: TableReport,
  wrongFile: boolean,
  hasMetadata: boolean,
): Promise<void> {
  const { context } = report;
  const { depth } = context;
  if (hasMetadata) facts.stated = stateTable(table, context, wrongFile);
  if (depth === 'structure') return;
  if (table.space === undefined) {
    if (hasMetadata && table.unsupported.length === 0) await describeRemains(table, report);
    return;
  }
  const { padding } = table.footer ?? {};
  if (hasMetadata && context.dialect === 'pebble' && table.footer?.format === 'block-based')
    checkOldFormat(table.footer, report);
  if (hasMetadata && padding !== undefined && table.dialect !== 'rocksdb') {
    const message = `${padding.length} bytes of padding in the footer are not zero`;
    report.add({ rule: 'sst/footer-padding', ...padding, message });
  }
  const filter = hasMetadata || depth === 'full' ? await readFilter(table) : undefined;
  let valueLengths: ValueBlockLengths | undefined;
  if (hasMetadata && filter !== undefined) {
    report.addAll(filter.anomalies);
    if (filter.anomalies.length === 0) facts.stated!.filterSize = filter.size;
    const others = await checkOtherBlocks(table, report);
    const values = await checkValueBlocks(table, report);
    valueLengths = values.lengths;
    await reportLayout(table, [...table.blocks, ...filter.blocks, ...others, ...values.blocks], report);
  }
  const found = table.indexSound ? undefined : await indexByBlocks(table);
  if (found !== undefined) {
    table.index = found.index;
    for (const { offset, length } of found.gaps) report.skip(NO_WAY, offset, length);
  }
  if (table.index === undefined) {
    if (hasMetadata && table.unsupported.length === 0) report.skip(NO_WAY, 0, table.space.limit);
    return;
  }
  const range = context.blocks ?? { from: 0, to: table.index.count };
  const to = Math.min(range.to, table.index.count);
  const rules = dataRules(table, filter, valueLengths, context.titan === true);
  const scanned = await scanBlocks(table, rules, depth, { from: range.from, to }, report);
  await reportFilterMisses(table, scanned, filter, report);
  if (scanned.verifier.tally.blobs.has(EMBEDDED)) {
    report.skip('values that are embedded in the table itself are not verified');
  }
  if (depth === 'full')
    addTotals(facts, scanned, {
      hasAllBlocks: found?.complete ?? table.indexSound,
      isPebble: context.dialect === 'pebble',
    });
  await addFileChecksum(table, facts, context, { from: range.from, to });
}

async function reportLayout(
  table: Table,
  blocks: Parameters<typeof checkLayout>[1],
  report: TableReport,
): Promise<void> {
  const intact = table.metaindexSound && table.indexSound && table.anomalies.length === 0;
  const embedded = table.properties?.has(COLLECTED_PROPERTIES.embeddedBlobs);
  if (!intact || table.index === undefined || embedded || report.errors > 0) return;
  const { index } = table;
  report.addAll(await checkLayout(table, blocks, blockEnd(index, index.count - 1)));
}

/** Bytes of the format version and the magic number, at the end of a footer. */
const VERSION_AND_MAGIC = 12;

/** The bit of a little-endian word, where it is the only one that is set. */
function singleBit(word: number): { byte: number; bit: number }[] {
  const at = 31 - Math.clz32(word);
  return word >>> 0 === 2 ** at ? [{ byte: at >> 3, bit: at & 7 }] : [];
}

/** Of RocksDB's table formats Pebble knows one. */
function checkOldFormat({ formatVersion, offset, length }: Footer, report: TableReport): void {
  if (formatVersion === 2) return;
  const message = `The footer says format version ${formatVersion} of RocksDB's tables: Pebble reads and writes 2 alone`;
  const at = offset + length - VERSION_AND_MAGIC;
  const changes = singleBit(formatVersion ^ 2).map(({ byte, bit }) => ({ offset: at + byte, bit }));
  const engine = `pebble/table: unsupported format version ${formatVersion}`;
  const evidence = { engine, ...(changes.length > 0 && { changes }) };
  report.add({ rule: 'sst/bad-footer', offset, length, message, evidence });
}

function dataRules(
  table: Table,
  filter: TableFilter | undefined,
  values: ValueBlockLengths | undefined,
  titan: boolean,
): DataRules {
  return {
    comparator: table.comparator,
    types: dialectNamed(table.dialect).table.pointTypes,
    emptyDeletions: table.dialect !== 'rocksdb',
    ...(hasValuePrefixes(table.footer) && {
      pebble: { ...(values && { values }), columnar: table.space?.columns !== undefined },
    }),
    filter: filter?.filter,
    zeroSequences: isIngested(table.properties),
    embeddedBlobs: table.properties?.has(COLLECTED_PROPERTIES.embeddedBlobs) ?? false,
    titan: titan || table.properties?.raw(TITAN_BLOBS) !== undefined,
  };
}

/** A key or two may be the wrong ones; where the filter denies many, it is the filter. */
const MOST_WRONG_KEYS = 3;

async function reportFilterMisses(
  table: Table,
  { filterMisses }: ScannedBlocks,
  filter: TableFilter | undefined,
  report: TableReport,
): Promise<void> {
  if (filterMisses.length <= MOST_WRONG_KEYS || filter?.place === undefined) {
    report.addAll(await blameFilter(table, filter, filterMisses));
    return;
  }
  const first = filterMisses[0].evidence?.key;
  report.add({
    rule: 'sst/filter-misses-key',
    ...filter.place,
    message: `The filter says of ${filterMisses.length} keys of the table that they do not exist`,
    evidence: { keys: filterMisses.length, ...(first === undefined ? {} : { firstKey: first }) },
  });
}

/** File number of values that stand in the table itself. */
const EMBEDDED = 0;

function addTotals(
  facts: TableFacts,
  scanned: ScannedBlocks,
  { hasAllBlocks, isPebble }: { hasAllBlocks: boolean; isPebble: boolean },
): void {
  const { tally } = scanned.verifier;
  const { blocks, points, deletions, merges, keyBytes, valueBytes } = tally;
  const totals: TableTotals = {
    complete: scanned.complete && hasAllBlocks,
    blocks,
    points,
    deletions,
    merges,
    keyBytes,
    valueBytes,
    first: scanned.first,
    last: scanned.last,
  };
  if (tally.maxSequence >= 0) {
    totals.minSequence = tally.minSequence;
    totals.maxSequence = tally.maxSequence;
    if (scanned.highest !== undefined && facts.blocks === undefined) totals.highest = scanned.highest;
  }
  facts.totals = totals;
  if (isPebble) {
    if (tally.blobs.size > 0)
      facts.valueReferences = [...tally.blobs].map(([file, { count, to }]) => ({
        reference: file - 1,
        count,
        block: to,
      }));
    return;
  }
  facts.blobReferences = [...tally.blobs]
    .filter(([file]) => file !== EMBEDDED)
    .map(([file, { count, bytes, from, to, samples }]) => ({
      number: BigInt(file),
      count,
      bytes: BigInt(bytes),
      from: BigInt(from),
      to: BigInt(to),
      samples,
    }));
  if (tally.titan.length > 0) facts.titan = { places: tally.titan, leftOut: tally.titanLeftOut };
}

const PIECE = 1024 * 1024;

/** The CRC of the unit's part of the file, where the MANIFEST has one of the whole. */
async function addFileChecksum(
  table: Table,
  facts: TableFacts,
  { live }: TableContext,
  range: { from: number; to: number },
): Promise<void> {
  const { index, size } = table;
  if (live === undefined || !isCrc32c(live) || index === undefined || !table.indexSound) return;
  const start = blockEnd(index, range.from - 1);
  const end = range.to >= index.count ? size : blockEnd(index, range.to - 1);
  const buffer = new Uint8Array(Math.max(0, Math.min(PIECE, end - start)));
  let crc = 0;
  for (let at = start; at < end; ) {
    const piece = buffer.subarray(0, Math.min(PIECE, end - at));
    const got = await table.source.read(piece, at);
    if (got === 0) return;
    crc = crc32c(piece, 0, got, crc);
    at += got;
  }
  facts.crcs = [{ offset: start, length: end - start, crc }];
}

/** The format version of a block-based table, 0 under the older magic number. */
function formatOf({ footer }: Table): number | undefined {
  if (footer?.format === 'legacy') return 0;
  return footer?.format === 'block-based' ? footer.formatVersion : undefined;
}

/**
 * Entries of the metaindex that lead into the data blocks or into the metaindex itself: where blocks have no checksums, a
 * flipped bit in a handle shows only so. Such entries are taken out of the table, with what was wrong with the block that
 * they seemed to name, and one anomaly each is returned, at the entry.
 */
function takeOutMisplaced(table: Table): Anomaly[] {
  const { metaindexBlock: metaindex, index } = table;
  if (metaindex === undefined || !table.metaindexSound || index === undefined || !table.indexSound) return [];
  const last = index.count - 1;
  const dataEnd = last < 0 ? 0 : index.offset(last) + index.size(last) + BLOCK_TRAILER;
  const inData = ({ offset }: BlockHandle) => offset < dataEnd;
  const inMetaindex = ({ offset, size }: BlockHandle) =>
    offset < metaindex.handle.offset + metaindex.handle.size && offset + size > metaindex.handle.offset;
  const misplaced = table.meta.filter(({ handle }) => inData(handle) || inMetaindex(handle));
  for (const { handle } of misplaced) {
    table.anomalies = table.anomalies.filter(({ offset, evidence }) => {
      return evidence?.block === undefined || offset !== handle.offset;
    });
    table.blocks = table.blocks.filter((block) => block.handle.offset !== handle.offset);
  }
  table.meta = table.meta.filter((meta) => !misplaced.includes(meta));
  const anomalies = misplaced.map(({ name, handle, entry }): Anomaly => {
    const where = inData(handle) ? 'among the data blocks' : 'inside the metaindex';
    return { rule: 'sst/bad-handle', ...entry, message: `the metaindex places ${name} ${where}` };
  });
  return anomaliesInFile(metaindex, anomalies);
}
