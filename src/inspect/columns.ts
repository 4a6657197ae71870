import { BlockReader } from '../format/sst/block.js';
import { type ColumnForm, columnName, type Layout, layOut, layoutOf } from '../format/sst/column-rows.js';
import type { Column, ColumnFrame } from '../format/sst/columns.js';
import type { LoadedBlock } from '../format/sst/load.js';
import { unmarkedKey } from '../format/sst/value-blocks.js';
import { Fields } from './fields.js';
import { type Detail, more, type Node, type NodePlace, type Words } from './node.js';

/** A row of the block in words. */
type RowWords = (key: Uint8Array, value: Uint8Array) => { name: string; text: Words };

/** A columnar block: its headers, column by column, and the rows that the columns stand for. */
export function* columnNodes(
  block: LoadedBlock,
  form: ColumnForm,
  { space, offset }: NodePlace,
  words: RowWords,
  { limit }: Detail,
): Generator<Node> {
  const bytes = block.columnar!;
  const layout = layoutOf(block.kind, form)!;
  const laidOut = layOut(bytes, layout, form);
  if (typeof laidOut === 'string') {
    const at = { space, offset, length: bytes.length };
    yield { name: 'columns', at, problems: [laidOut], bytes };
    return;
  }
  const { frame, columns } = laidOut;
  yield* headerNodes(bytes, frame, layout, form, { space, offset });
  const nameOf = (i: number) => columnName(layout, form.schema, i, columns.length);
  yield* columnBytes(bytes, frame, columns, nameOf, { space, offset });
  if (block.contents === undefined) return;
  const reader = new BlockReader(block.contents);
  let index = 0;
  for (let row = reader.next(); row !== undefined; row = reader.next()) {
    if (index === limit) {
      yield more(limit);
      return;
    }
    const value = block.contents.subarray(row.valueOffset, row.valueOffset + row.valueLength);
    const key = unmarkedKey(row.key, layout === 'data').slice();
    yield { ...words(key, value), index: index++ };
  }
}

const LONGEST_KEY_FIELD = 4;

function headerNodes(
  bytes: Uint8Array,
  frame: ColumnFrame,
  layout: Layout,
  { schema }: ColumnForm,
  { space, offset }: Pick<NodePlace, 'space' | 'offset'>,
): Node[] {
  const fields = new Fields(space, offset, bytes);
  if (layout === 'data') {
    const header = frame.start - LONGEST_KEY_FIELD;
    if (header > 0) fields.raw(schema === 'crdb1' ? 'kinds of suffixes' : 'header of the key schema', header);
    fields.u32('longest key at most');
  } else if (layout === 'spans') fields.u32('boundary keys');
  frameFields(fields, frame);
  return fields.nodes;
}

/** What stands before the columns of every columnar block. */
export function frameFields(fields: Fields, { columns }: ColumnFrame): void {
  fields.u8('version');
  fields.u16('columns');
  fields.u32('rows');
  for (const [i, { type }] of columns.entries())
    fields.group(`column ${i}`, (inner) => {
      inner.u8('type', () => type);
      const from = inner.u32('offset');
      return { text: `${type} at ${from}` };
    });
}

/** The columns of a block and the byte after them. */
export function* columnBytes(
  bytes: Uint8Array,
  frame: ColumnFrame,
  columns: readonly Column[],
  nameOf: (i: number) => string,
  { space, offset }: Pick<NodePlace, 'space' | 'offset'>,
): Generator<Node> {
  for (const [i, { type, offset: from, end }] of frame.columns.entries())
    yield {
      name: nameOf(i),
      at: { space, offset: offset + from, length: end - from },
      text: `${type}, ${encodingOf(columns[i])}`,
      bytes: bytes.subarray(from, end),
    };
  yield {
    name: 'padding',
    at: { space, offset: offset + bytes.length - 1, length: 1 },
    bytes: bytes.subarray(bytes.length - 1),
  };
}

/** How the numbers, bits or lengths of a column are written. */
function encodingOf(column: Column): string {
  switch (column.type) {
    case 'uint':
      return numbers(column.width, column.hasBase);
    case 'bytes':
      return `ends as ${numbers(column.offsets.width, column.offsets.hasBase)}`;
    case 'prefix-bytes':
      return `${column.prefixEnd - column.data} bytes before all, bundles of ${2 ** column.bundleShift} rows`;
    default:
      return column.isAllFalse ? 'none' : 'a bit for each row';
  }
}

function numbers(width: number, hasBase: boolean): string {
  if (width === 0) return hasBase ? 'one number for all' : 'zeros';
  return `${width === 1 ? '1 byte' : `${width} bytes`} each${hasBase ? ' above a base' : ''}`;
}
