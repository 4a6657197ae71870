import type { ByteSource } from '../bytes/source.js';
import type { PebbleBlobFooter } from '../format/blob/pebble-blob.js';
import { openPebbleBlob, type readPebbleBlobFooter } from '../format/blob/pebble-blob-file.js';
import { checksumName } from '../format/sst/checksum.js';
import { BLOCK_TRAILER, type BlockHandle } from '../format/sst/handle.js';
import { type BlockPlan, blockNode } from './block.js';
import { Fields } from './fields.js';
import { type Detail, fileSpace, more, type Node, type Space } from './node.js';
import { RangeReader } from './read-at.js';

/** A blob file of Pebble: blocks of values, the index, properties where it has some, and the footer. Values are its records. */
export async function* pebbleBlobNodes(
  source: ByteSource,
  { footer, anomalies }: Awaited<ReturnType<typeof readPebbleBlobFooter>>,
  detail: Detail,
): AsyncGenerator<Node> {
  const space = fileSpace(source.size);
  const ranges = new RangeReader(source);
  if (footer === undefined) {
    const gap = await ranges.gap(space, 0, source.size, 'nothing says where its blocks are');
    yield { ...gap, problems: anomalies.map(({ message }) => message) };
    return;
  }
  const { space: blocks, index } = await openPebbleBlob(source, footer);
  let position = 0;
  let taken = 0;
  for (const plan of plansOf(footer, index)) {
    const end = plan.handle.offset + plan.handle.size + BLOCK_TRAILER;
    if (detail.near !== undefined && end <= detail.near) {
      position = end;
      continue;
    }
    if (plan.blob === 'values' && taken++ >= (detail.limit ?? Number.POSITIVE_INFINITY)) {
      if (taken === detail.limit! + 1) yield more(detail.limit!);
      position = end;
      continue;
    }
    if (plan.handle.offset > position) yield await ranges.gap(space, position, plan.handle.offset - position);
    yield await blockNode(blocks, space, plan, { ...detail, entries: detail.records });
    position = end;
  }
  const from = source.size - footer.length;
  if (from > position) yield await ranges.gap(space, position, from - position);
  yield footerNode(await ranges.bytes(from, footer.length), space, from, footer);
}

function plansOf(
  footer: PebbleBlobFooter,
  index: { blocks: BlockHandle[] } | string | undefined,
): BlockPlan[] {
  const values = typeof index === 'object' ? index.blocks : [];
  return [
    ...values.map((handle, i): BlockPlan => ({ kind: 'value', handle, name: `block ${i}`, blob: 'values' })),
    { kind: 'value-index', handle: footer.index, blob: 'index' },
    ...(footer.properties
      ? [{ kind: 'unknown' as const, handle: footer.properties, name: 'properties' }]
      : []),
  ];
}

function footerNode(bytes: Uint8Array, space: Space, offset: number, footer: PebbleBlobFooter): Node {
  const fields = new Fields(space, offset, bytes);
  fields.u32('checksum of the rest', () => ({ hexDigits: 8, text: 'valid' }));
  fields.u64('index offset', (at) => `0x${at.toString(16)}`);
  fields.u64('index size');
  fields.u8('checksum type', checksumName);
  fields.u8('format');
  fields.u64('file number');
  if (footer.properties !== undefined) {
    fields.u64('properties offset', (at) => `0x${at.toString(16)}`);
    fields.u64('properties size');
    fields.raw('reserved', 16);
  }
  fields.raw('magic', 8);
  return {
    name: 'footer',
    at: { space, offset, length: bytes.length },
    text: `format ${footer.format}, checksums ${checksumName(footer.checksumType)}, written as file ${footer.number}`,
    children: () => fields.nodes,
  };
}
