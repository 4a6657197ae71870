import CliTable from 'cli-table3';
import type { RenderSettings } from '../reporter.js';
import { textColumns } from './columns.js';

/** Columns between two columns of a table, and before the first. */
export const GAP = 2;

type Align = 'left' | 'right';

/** A table that is being filled. Each row has as many cells as the head. */
interface PlainTable {
  readonly aligns: readonly Align[];
  readonly rows: string[][];
  /** Columns of the terminal. */
  readonly width: number;
  push(row: string[]): void;
}

/**
 * Columns without rules and frames: what is printed can be cut with awk and pasted anywhere. Cells may have several lines. Where a
 * table is wider than the terminal, text is wrapped between its words, and so are titles; numbers, on the right, are not.
 */
export function plainTable(
  head: readonly string[],
  aligns: readonly Align[],
  { palette, width }: RenderSettings,
): PlainTable {
  const rows = [head.map((title) => palette.dim(title))];
  return { aligns, rows, width, push: (row) => rows.push(row) };
}

const gap = ' '.repeat(GAP);
const frame = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: gap, 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: gap },
};

/** Rows that are laid out at a time: the library takes time by their square, and for 1,000 rows at once twice as long as so. */
const PIECE = 32;

/** The table as text, without blanks at the ends of lines. */
export function rendered({ rows, aligns, width }: PlainTable): string {
  const options = {
    chars: frame,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns: [...aligns],
    colWidths: fittingWidths(rows, aligns, width),
    wordWrap: true,
  };
  const lines: string[] = [];
  for (let i = 0; i < rows.length; i += PIECE) {
    const table = new CliTable(options);
    table.push(...rows.slice(i, i + PIECE));
    for (const line of table.toString().split('\n')) lines.push(line.trimEnd());
  }
  return lines.join('\n');
}

const widest = (texts: readonly string[]) =>
  texts.reduce((most, text) => Math.max(most, textColumns(text)), 0);

/** The parts of a cell that stay on one line: words, the first with its indentation. */
const unbroken = (cell: string) => cell.split('\n').flatMap((line) => line.split(/(?<=\S)\s+/));

/** Widths of columns: of their widest cell, or less so that the table fits; words are kept whole. Numbers are broken last. */
function fittingWidths(rows: readonly string[][], aligns: readonly Align[], width: number): number[] {
  const whole = aligns.map((_, i) => widest(rows.flatMap((row) => row[i].split('\n'))));
  const words = aligns.map((_, i) => widest(rows.flatMap((row) => unbroken(row[i]))));
  const gentle = aligns.map((align, i) =>
    align === 'left'
      ? words[i]
      : Math.max(widest(unbroken(rows[0][i])), widest(rows.slice(1).flatMap((row) => row[i].split('\n')))),
  );
  const room = width - GAP * aligns.length;
  return narrowed(narrowed(whole, gentle, room), words, room);
}

/** Takes from the widest column, again and again, until all fit or none is wider than it may be. */
function narrowed(widths: readonly number[], least: readonly number[], room: number): number[] {
  const result = [...widths];
  let excess = result.reduce((sum, each) => sum + each, 0) - room;
  for (; excess > 0; excess--) {
    const most = result.reduce((best, each, i) => (each > least[i] && each > best ? each : best), 0);
    if (most === 0) break;
    result[result.findIndex((each, i) => each === most && each > least[i])]--;
  }
  return result;
}
