import type { ByteSource } from '../bytes/source.js';
import type { Anomaly, Range } from '../finding/finding.js';
import { BlockIndex } from '../format/sst/block-index.js';
import { CHECKSUM, checksumName } from '../format/sst/checksum.js';
import { holdsColumns } from '../format/sst/column-rows.js';
import type { Footer } from '../format/sst/footer.js';
import { BLOCK_TRAILER, type BlockHandle } from '../format/sst/handle.js';
import { decodeIndexBlock } from '../format/sst/index-block.js';
import { type BlockKind, type BlockSpace, blockRange, isAsStored, loadBlock } from '../format/sst/load.js';
import type { MetaKind } from '../format/sst/metaindex.js';
import { globalSequenceOf } from '../format/sst/properties.js';
import { openTable, type Table } from '../format/sst/table.js';
import { type TableBlocks, tableBlocks } from '../format/sst/table-blocks.js';
import { hasValuePrefixes } from '../format/sst/value-blocks.js';
import { type BlockPlan, blockNode } from './block.js';
import { Fields } from './fields.js';
import { type Detail, fileSpace, more, type Node, type Space } from './node.js';
import { derivedProperties, propertyValue } from './properties.js';
import { RangeReader } from './read-at.js';

const metaBlockKinds: Record<MetaKind, BlockKind> = {
  properties: 'properties',
  index: 'index',
  'compression-dictionary': 'compression-dictionary',
  'range-tombstones': 'range-tombstones',
  filter: 'filter',
  'partitioned-filter': 'filter-index',
  'block-filter': 'block-filter',
  'hash-index-prefixes': 'hash-index-prefixes',
  'hash-index-metadata': 'hash-index-metadata',
  'user-defined-index': 'user-defined-index',
  'range-keys': 'range-keys',
  'value-index': 'value-index',
  unknown: 'unknown',
};

/** Ingestion does so, and is right to: see `Table.globalSequenceEdited`. */
const EDITED = 'of the block before a global sequence number was written into it';

interface TableInspection {
  /** Said of the file as a whole. */
  problems: string[];
  unsupported?: string;
  nodes: AsyncGenerator<Node>;
}

/**
 * A table in file order: data blocks by its index, the other blocks by metaindex and partitions, the footer, and what lies
 * between them. Its metadata is read first; data blocks are read one by one as they are asked for.
 */
export async function inspectTable(source: ByteSource, detail: Detail): Promise<TableInspection> {
  const table = await openTable(source, { dialect: detail.dialect });
  const plans = await otherBlocks(table);
  const unsupported = table.unsupported.map(({ reason }) => reason);
  const only = detail.properties && !detail.entries;
  return {
    problems: only ? [] : loose(table, plans),
    ...(unsupported.length > 0 && { unsupported: unsupported.join('; ') }),
    nodes: only ? propertyNodes(table, detail) : blockNodes(table, plans, withFamily(detail, table)),
  };
}

/** The application has words for keys of a column family: a table says which one it is of. */
function withFamily(detail: Detail, { properties }: Table): Detail {
  const columnFamily = properties?.number('column.family.id');
  return columnFamily === undefined ? detail : { ...detail, columnFamily: Number(columnFamily) };
}

/** What is wrong with the file and with no block or footer of it. */
function loose({ anomalies, footer, index }: Table, plans: readonly BlockPlan[]): string[] {
  const shown: Range[] = plans.map(({ handle }) => blockRange(handle));
  if (footer !== undefined) shown.push(footer);
  for (let i = 0; i < (index?.count ?? 0) && anomalies.length > 0; i++)
    shown.push(blockRange({ offset: index!.offset(i), size: index!.size(i) }));
  const inside = ({ offset, length }: Anomaly) =>
    shown.some((range) => offset >= range.offset && offset + length <= range.offset + range.length);
  return anomalies.filter((anomaly) => !inside(anomaly)).map(({ message }) => message);
}

/** Every block but the data blocks, by offset. */
async function otherBlocks(table: Table): Promise<BlockPlan[]> {
  const { footer, space, meta, blocks, index } = table;
  if (footer === undefined || space === undefined) return [];
  const plans = new Map<number, BlockPlan>();
  const add = (plan: BlockPlan) => {
    if (!plans.has(plan.handle.offset)) plans.set(plan.handle.offset, plan);
  };
  if (footer.metaindex !== undefined) add({ kind: 'metaindex', handle: footer.metaindex });
  for (const { kind, name, handle } of meta) {
    const of = metaBlockKinds[kind];
    add({ kind: of, handle, name, ...(index && { index: formOf(of, index) }) });
  }
  for (const { kind, handle } of blocks) add({ kind, handle, ...(index && { index: formOf(kind, index) }) });
  if (footer.index !== undefined) add({ kind: 'index', handle: footer.index });
  for (const plan of await filterPartitions(table, space)) add(plan);
  return [...plans.values()].sort((a, b) => a.handle.offset - b.handle.offset);
}

/** The top of a two-level index, like a filter's, has no first keys. */
function formOf(kind: BlockKind, index: BlockIndex): BlockPlan['index'] {
  return kind === 'filter-index' ? { ...index.form, firstKeys: false } : index.form;
}

async function filterPartitions(table: Table, space: BlockSpace): Promise<BlockPlan[]> {
  const top = table.meta.find(({ kind }) => kind === 'partitioned-filter');
  if (top === undefined || table.index === undefined) return [];
  const { contents } = await loadBlock(space, top.handle, 'filter-index');
  if (contents === undefined) return [];
  const partitions = new BlockIndex({ ...table.index.form, firstKeys: false });
  decodeIndexBlock(contents, partitions);
  return Array.from({ length: partitions.count }, (_, i) => ({
    kind: 'filter-partition' as const,
    handle: { offset: partitions.offset(i), size: partitions.size(i) },
  }));
}

async function* blockNodes(table: Table, others: readonly BlockPlan[], detail: Detail): AsyncGenerator<Node> {
  const { footer, source, size } = table;
  const space = fileSpace(size);
  const ranges = new RangeReader(source);
  // where an ingested table says 0, only the MANIFEST knows
  const globalSequence = globalSequenceOf(table.properties, undefined) || undefined;
  const prefixes = hasValuePrefixes(footer) ? { columnar: holdsColumns(footer) } : undefined;
  const reachable = await tableBlocks(table);
  let position = 0;
  let data = 0;
  for await (const plan of inFileOrder(table, others, reachable, detail)) {
    const { offset } = plan.handle;
    const end = offset + plan.handle.size + BLOCK_TRAILER;
    if (detail.near !== undefined && end <= detail.near) {
      position = Math.max(position, end);
      continue;
    }
    if (plan.kind === 'data') {
      if (detail.limit !== undefined && data >= detail.limit) {
        if (data++ === detail.limit) yield more(detail.limit);
        position = Math.max(position, end);
        continue;
      }
      data++;
      if (!reachable?.sound) plan.name = 'found by its checksum';
    }
    if (offset > position && position < size)
      yield await ranges.gap(space, position, Math.min(offset, size) - position);
    const problems = offset < position ? ['it overlaps what stands before it'] : [];
    const form = plan.kind === 'data' ? { globalSequence, ...(prefixes && { prefixes }) } : {};
    const excuse = plan.kind === 'properties' && table.globalSequenceEdited ? EDITED : undefined;
    const from = plan.kind === 'data' ? reachable!.space : table.space!;
    yield await blockNode(from, space, { ...plan, ...form, problems, excuse }, detail);
    position = Math.max(position, Math.min(end, size));
  }
  const end = footer?.offset ?? size;
  if (end > position) yield await ranges.gap(space, position, end - position);
  if (footer !== undefined) yield* ending(table, space, ranges);
}

/** Data blocks and, between them, the others. */
async function* inFileOrder(
  table: Table,
  others: readonly BlockPlan[],
  reachable: TableBlocks | undefined,
  { limit = Number.POSITIVE_INFINITY }: Detail,
): AsyncGenerator<BlockPlan> {
  let next = 0;
  let taken = 0;
  for await (const handle of reachable === undefined ? [] : dataHandles(table, reachable)) {
    while (next < others.length && others[next].handle.offset <= handle.offset) yield others[next++];
    yield { kind: 'data', handle };
    // to look for blocks that nobody wants to see takes long
    if (++taken > limit && !reachable!.sound) break;
  }
  while (next < others.length) yield others[next++];
}

/** Data blocks by their offsets: in the order of the index, unless that is another. */
function* sortedHandles(index: BlockIndex, order: Uint32Array): Generator<BlockHandle> {
  for (const i of order) yield { offset: index.offset(i), size: index.size(i) };
}

function dataHandles({ index }: Table, { handles, sound }: TableBlocks): TableBlocks['handles'] {
  const order = sound && index !== undefined ? orderOf(index) : undefined;
  return order === undefined ? handles : sortedHandles(index!, order);
}

/** Positions in the index by offset; undefined where they ascend as they are. */
function orderOf(index: BlockIndex): Uint32Array | undefined {
  let ascends = true;
  for (let i = 1; i < index.count && ascends; i++) ascends = index.offset(i) >= index.offset(i - 1);
  if (ascends) return undefined;
  return Uint32Array.from({ length: index.count }, (_, i) => i).sort(
    (a, b) => index.offset(a) - index.offset(b),
  );
}

/** The footer, and what stands after it. */
async function* ending(table: Table, space: Space, ranges: RangeReader): AsyncGenerator<Node> {
  const { footer, anomalies, size } = table;
  if (footer === undefined) return;
  const { offset, length } = footer;
  const problems = anomalies
    .filter((anomaly) => anomaly.offset >= offset && anomaly.offset + anomaly.length <= offset + length)
    .map(({ message }) => message);
  yield footerNode(await ranges.bytes(offset, length), space, footer, problems);
  const end = offset + length;
  if (end < size) yield await ranges.gap(space, end, size - end, 'after the footer');
}

/** The properties, as sst_dump --show_properties has them and more. */
async function* propertyNodes(table: Table, { limit }: Detail): AsyncGenerator<Node> {
  const { properties, propertiesBlock } = table;
  if (properties === undefined || propertiesBlock === undefined) {
    const problems = table.anomalies.map(({ message }) => message);
    yield { name: 'properties', problems: problems.length > 0 ? problems : ['the table has none'] };
    return;
  }
  const { handle, contents } = propertiesBlock;
  const space = fileSpace(table.size);
  const plain = isAsStored(propertiesBlock);
  let taken = 0;
  for (const name of properties.names()) {
    if (taken++ === limit) {
      yield more(limit);
      return;
    }
    const value = properties.raw(name) ?? new Uint8Array(0);
    const place = properties.placeOf(name);
    yield {
      name,
      value: propertyValue(name, value),
      ...(plain &&
        place && { at: { space, offset: handle.offset + place.offset, length: place.length }, bytes: value }),
    };
  }
  if (contents !== undefined && !table.propertiesSound)
    yield { name: 'properties', problems: ['the block does not match its checksum'] };
  yield* derivedProperties(properties);
}

/** The footer as its bytes stand; `problems` is what is wrong with it (format/sst/footer.ts has the drawings). */
function footerNode(bytes: Uint8Array, space: Space, footer: Footer, problems: string[]): Node {
  const { offset, length, format, formatVersion } = footer;
  const fields = new Fields(space, offset, bytes);
  if (length === 48) {
    handles(fields, 40);
  } else if (format === 'pebble') {
    fields.u8('checksum type', checksumName);
    fields.raw('body', Math.max(0, fields.remaining - 12));
  } else if (format === 'block-based' && formatVersion >= 6) {
    fields.u8('checksum type', checksumName);
    fields.u32('extended magic', () => ({ hexDigits: 8 }));
    fields.u32('footer checksum', () => ({ hexDigits: 8 }));
    fields.u32('base of context checksums', () => ({ hexDigits: 8 }));
    fields.u32('metaindex size');
    fields.raw('reserved', 24);
  } else {
    fields.u8('checksum type', checksumName);
    handles(fields, 41);
  }
  if (length !== 48) fields.u32('format version');
  fields.u64('magic', () => ({ hexDigits: 16, text: format }));
  const type = checksumName(footer.checksumType);
  const protection = footer.checksumType === CHECKSUM.none ? 'no checksums' : `checksums ${type}`;
  return {
    name: 'footer',
    at: { space, offset, length },
    text: `${format}, format version ${formatVersion}, ${protection}`,
    problems,
    children: () => fields.nodes,
  };
}

/** Handles of metaindex and index, and zeros up to byte `end` of the footer. */
function handles(fields: Fields, end: number): void {
  for (const name of ['metaindex handle', 'index handle']) {
    fields.group(name, (inner) => {
      const offset = inner.varint64('offset', (value) => `0x${value.toString(16)}`);
      const size = inner.varint64('size');
      return { text: `0x${(offset ?? 0n).toString(16)}+${size ?? 0n}` };
    });
  }
  const padding = end - fields.position;
  if (padding > 0) fields.raw('padding', padding);
}
