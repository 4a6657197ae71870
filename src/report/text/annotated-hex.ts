import { asciiOf } from '../../bytes/hexdump.js';
import type { Node, NodePlace } from '../../inspect/node.js';
import type { Palette } from '../reporter.js';

/** Rows shown of a field unless all are asked for. */
const ROWS = 2;

/** How the columns of bytes beside a tree are laid out. */
export interface HexLayout {
  /** Bytes of a row: 16, or 8 where there is less room. */
  rowLength: 8 | 16;
  /** Hexadecimal digits of an offset. */
  digits: number;
  palette: Palette;
  /** Show every byte. */
  full: boolean;
  /** A byte to mark, of the file or of a separate address space. */
  mark?: { contents: boolean; offset: number };
}

/** Columns that the tree should have left beside 16 bytes a row. */
const TREE_COLUMNS = 48;

/** The layout for lines of `width` columns and a file of `size` bytes. */
export function hexLayout(width: number, size: number): Pick<HexLayout, 'rowLength' | 'digits'> {
  const digits = Math.max(5, size.toString(16).length);
  return { rowLength: width - columnsOf({ rowLength: 16, digits }) >= TREE_COLUMNS ? 16 : 8, digits };
}

/** Columns that addresses, bytes and characters take. */
export function columnsOf({ rowLength, digits }: Pick<HexLayout, 'rowLength' | 'digits'>): number {
  return digits + 2 + 1 + (3 * rowLength - 1) + 1 + rowLength + 1;
}

/** The line above the first row: which column is which. */
export function ruler({ rowLength, digits, palette }: HexLayout): string {
  const places = Array.from({ length: rowLength }, (_, i) => i.toString(16));
  const pairs = places.map((place) => `0${place}`).join(' ');
  return palette.dim(`${' '.repeat(digits + 2)}|${pairs}|${places.join('')}|`);
}

/** The columns of a line that has no bytes. */
export function blankColumns({ rowLength, digits, palette }: HexLayout): string {
  const pairs = ' '.repeat(3 * rowLength - 1);
  return palette.dim(`${' '.repeat(digits + 2)}|${pairs}|${' '.repeat(rowLength)}|`);
}

/** A run of bytes that follow each other in one space. */
interface Run {
  contents: boolean;
  offset: number;
  bytes: Uint8Array;
}

/** The bytes of a node where they stand: in pieces, where a record is in fragments. */
function runsOf(place: NodePlace, from: number, bytes: Uint8Array): Run[] {
  const { space } = place;
  const start = place.offset + from;
  if (space.kind !== 'record') return [{ contents: space.kind === 'contents', offset: start, bytes }];
  let taken = 0;
  return (space.inFile(start, bytes.length) ?? []).map(({ offset, length }) => {
    taken += length;
    return { contents: false, offset, bytes: bytes.subarray(taken - length, taken) };
  });
}

/** The rows of a leaf: its first bytes, or all; and a line that says where it ends when some are left out. */
export function hexRowsOf(node: Node, layout: HexLayout): string[] {
  const { at, bytes, bytesFrom = 0, problems = [] } = node;
  if (at === undefined || bytes === undefined || bytes.length === 0) return [];
  const bad = problems.length > 0;
  const rows: string[] = [];
  const most = layout.full || bytesFrom > 0 || layout.mark !== undefined ? Number.POSITIVE_INFINITY : ROWS;
  if (bytesFrom > 0) rows.push(skipped(layout));
  let shown = bytesFrom;
  for (const run of runsOf(at, bytesFrom, bytes)) {
    const { rowLength } = layout;
    for (let offset = run.offset; offset < run.offset + run.bytes.length && rows.length < most; ) {
      const end = Math.min(offset + rowLength - (offset % rowLength), run.offset + run.bytes.length);
      rows.push(row(run, offset, end, layout, bad));
      shown += end - offset;
      offset = end;
    }
  }
  if (shown < at.length) rows.push(until(at, layout));
  return rows;
}

function addressOf(contents: boolean, offset: number, { digits }: HexLayout): string {
  // an offset in a separate address space is marked with a plus
  return contents
    ? `+0x${offset.toString(16).padStart(digits - 1, '0')}`
    : `0x${offset.toString(16).padStart(digits, '0')}`;
}

function row(run: Run, from: number, to: number, layout: HexLayout, bad: boolean): string {
  const { rowLength, palette, mark } = layout;
  const first = from - (from % rowLength);
  let hex = '';
  let ascii = '';
  for (let i = 0; i < rowLength; i++) {
    const at = first + i;
    const inside = at >= from && at < to;
    const byte = inside ? run.bytes[at - run.offset] : 0;
    const marked = inside && mark !== undefined && mark.contents === run.contents && mark.offset === at;
    const paint = (text: string) => (inside && (bad || marked) ? palette.mark(text) : text);
    const open = marked ? '[' : i > 0 && isMark(run, at - 1, from, mark) ? ']' : ' ';
    if (i > 0 || marked) hex += i === 0 ? '' : open;
    hex += paint(inside ? byte.toString(16).padStart(2, '0') : '  ');
    ascii += paint(inside ? asciiOf(byte) : ' ');
  }
  const bar = palette.dim('|');
  return `${palette.dim(addressOf(run.contents, first, layout))}${bar}${hex}${bar}${ascii}${bar}`;
}

function isMark(run: Run, at: number, from: number, mark: HexLayout['mark']): boolean {
  return mark !== undefined && mark.contents === run.contents && mark.offset === at && at >= from;
}

function until({ space, offset, length }: NodePlace, layout: HexLayout): string {
  const last = offset + length - 1;
  const ranges = space.inFile(offset, length);
  const end = ranges?.at(-1);
  const text =
    end === undefined
      ? `until ${addressOf(true, last, layout)}`
      : `until ${addressOf(false, end.offset + end.length - 1, layout)}`;
  return sideLine('*', text, layout);
}

function skipped(layout: HexLayout): string {
  return sideLine('*', '', layout);
}

function sideLine(address: string, text: string, { rowLength, digits, palette }: HexLayout): string {
  const width = 3 * rowLength - 1;
  return palette.dim(
    `${address.padEnd(digits + 2)}|${text.slice(0, width).padEnd(width)}|${' '.repeat(rowLength)}|`,
  );
}
