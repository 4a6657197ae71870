import { counted } from '../finding/quantity.js';
import { decodePebbleBlobIndex, decodeValues } from '../format/blob/pebble-blob.js';
import { decodeFrame, readColumns } from '../format/sst/columns.js';
import type { BlockHandle } from '../format/sst/handle.js';
import { columnBytes, frameFields } from './columns.js';
import { Fields } from './fields.js';
import { type Detail, more, type Node, type NodePlace } from './node.js';

/** What a block of a blob file of Pebble holds; the index stands at `handle`. */
export function blobBlockSummary(
  contents: Uint8Array,
  handle: BlockHandle,
  kind: 'values' | 'index',
): { text: string; problems: string[] } {
  if (kind === 'values') {
    const values = decodeValues(contents);
    if (typeof values === 'string') return { text: `${contents.length} bytes`, problems: [values] };
    return { text: `${counted(values.count, 'value')}, ${values.bytes} bytes`, problems: [] };
  }
  const index = decodePebbleBlobIndex(contents, handle.offset);
  if (typeof index === 'string') return { text: `${contents.length} bytes`, problems: [index] };
  return { text: counted(index.blocks.length, 'block'), problems: [] };
}

/** The columns of such a block, and its values or the blocks that it leads to. */
export function* blobBlockNodes(
  contents: Uint8Array,
  { space, offset }: NodePlace,
  handle: BlockHandle,
  kind: 'values' | 'index',
  { limit }: Detail,
): Generator<Node> {
  const isIndex = kind === 'index';
  const values = isIndex ? undefined : decodeValues(contents);
  const index = isIndex ? decodePebbleBlobIndex(contents, handle.offset) : undefined;
  const fields = new Fields(space, offset, contents);
  const named = isIndex ? (fields.u32('numbers of blocks that were rewritten') ?? 0) : 0;
  const frame = decodeFrame(contents, isIndex ? 4 : 0);
  const rowsOf = (rows: number) => (i: number) => (isIndex ? (i === 0 ? named : rows + 1) : rows);
  const columns = typeof frame === 'string' ? frame : readColumns(contents, frame, rowsOf(frame.rows));
  if (typeof frame === 'string' || typeof columns === 'string') {
    // the summary says why
    yield { name: 'content', at: { space, offset, length: contents.length }, bytes: contents };
    return;
  }
  frameFields(fields, frame);
  yield* fields.nodes;
  const nameOf = (i: number) => (isIndex ? (['numbers', 'offsets'][i] ?? 'unknown') : 'values');
  yield* columnBytes(contents, frame, columns, nameOf, { space, offset });
  if (typeof values === 'object')
    for (let i = 0; i < values.count; i++) {
      if (i === limit) {
        yield more(limit);
        return;
      }
      yield { name: 'value', index: i, text: [values.value(i)] };
    }
  if (typeof index === 'object')
    for (let i = 0; i < index.named; i++) {
      if (i === limit) {
        yield more(limit);
        return;
      }
      const place = index.locate(i, 0);
      const at = place && index.blocks[place.block];
      const shift = place === undefined || place.row === 0 ? '' : `, from its value ${place.row} on`;
      const text = at === undefined ? 'is gone' : `→ 0x${at.offset.toString(16)}+${at.size}${shift}`;
      yield { name: 'block', index: i, text };
    }
}
