import type { RenderSettings } from '../reporter.js';
import { textColumns } from './columns.js';

/** Columns between two columns of a table, and before the first. */
export const GAP = 2;

/** A table that is being filled. Each row has as many cells as the head. */
export interface PlainTable {
  readonly aligns: readonly ('left' | 'right')[];
  readonly rows: string[][];
  push(row: string[]): void;
}

/** Columns without rules and frames: what is printed can be cut with awk and pasted anywhere. Cells may have several lines. */
export function plainTable(
  head: readonly string[],
  aligns: readonly ('left' | 'right')[],
  { palette }: RenderSettings,
): PlainTable {
  const rows = [head.map((title) => palette.dim(title))];
  return { aligns, rows, push: (row) => rows.push(row) };
}

/** The table as text, without blanks at the ends of lines. */
export function rendered({ rows, aligns }: PlainTable): string {
  const lines = rows.flatMap((row) => {
    const cells = row.map((cell) => cell.split('\n'));
    const height = Math.max(...cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, i) => cells.map((cell) => cell[i] ?? ''));
  });
  const widths = aligns.map((_, i) => lines.reduce((most, line) => Math.max(most, textColumns(line[i])), 0));
  const gap = ' '.repeat(GAP);
  return lines
    .map((line) => {
      const cells = line.map((cell, i) => {
        const blanks = ' '.repeat(widths[i] - textColumns(cell));
        return aligns[i] === 'right' ? blanks + cell : cell + blanks;
      });
      return (gap + cells.join(gap)).trimEnd();
    })
    .join('\n');
}
