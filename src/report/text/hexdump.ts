import { asciiOf, type HexRow, hexRows, ROW_LENGTH } from '../../bytes/hexdump.js';
import type { HexWindow } from '../../finding/evidence.js';
import type { Palette } from '../reporter.js';

/** Whether a byte of the file is marked, in the window or outside of it. */
type Marked = (offset: number) => boolean;

/** What stands before the byte at `offset`: a bracket where a mark begins or ends, else space. */
function bracketAt(offset: number, marked: Marked): string {
  if (marked(offset) === marked(offset - 1)) return ' ';
  return marked(offset) ? '[' : ']';
}

/**
 * One row: `07a30 | 00 00 00 00 00 00 00 00  00 00[d0 22 1c 5b 95 01 | ..........."....`. Marks are brackets, so that they
 * survive a copy into a bug report, and colour where there is one. A mark that goes on over a row's end has a bracket only
 * where it begins and where it ends.
 */
function rowText({ offset, cells }: HexRow, marked: Marked, digits: number, palette: Palette): string {
  let hex = '';
  let ascii = '';
  for (const [i, cell] of cells.entries()) {
    const at = offset + i;
    const bracket = bracketAt(at, marked);
    if (i > 0 || bracket !== ']')
      hex += i === ROW_LENGTH / 2 ? (bracket === ']' ? '] ' : ` ${bracket}`) : bracket;
    else hex += ' ';
    const pair = cell === undefined ? '  ' : cell.byte.toString(16).padStart(2, '0');
    const letter = cell === undefined ? ' ' : asciiOf(cell.byte);
    hex += marked(at) ? palette.mark(pair) : pair;
    ascii += marked(at) ? palette.mark(letter) : letter;
  }
  const next = offset + ROW_LENGTH;
  const closing = marked(next - 1) && !marked(next) ? ']' : ' ';
  return `${palette.dim(offset.toString(16).padStart(digits, '0'))} |${hex}${closing}| ${ascii.trimEnd()}`;
}

/** The rows of a hex window. */
export function hexLines(window: HexWindow, palette: Palette): string[] {
  const rows = hexRows(window);
  const end = rows.length === 0 ? 0 : rows[rows.length - 1].offset;
  const digits = Math.max(5, end.toString(16).length);
  const marked: Marked = (at) =>
    window.marks.some(({ offset, length }) => at >= offset && at < offset + length);
  return rows.map((row) => rowText(row, marked, digits, palette));
}
