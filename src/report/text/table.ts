import Table from 'cli-table3';
import type { RenderSettings } from '../reporter.js';

/** Columns between two columns of a table, and before the first. */
export const GAP = 2;

/** Columns without rules and frames: what is printed can be cut with awk and pasted anywhere. */
export function plainTable(head: string[], aligns: ('left' | 'right')[], { palette }: RenderSettings) {
  const none = '';
  return new Table({
    head: head.map((title) => palette.dim(title)),
    colAligns: aligns,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    chars: {
      ...{ top: none, 'top-mid': none, 'top-left': none, 'top-right': none },
      ...{ bottom: none, 'bottom-mid': none, 'bottom-left': none, 'bottom-right': none },
      ...{
        left: '  ',
        'left-mid': none,
        mid: none,
        'mid-mid': none,
        right: none,
        'right-mid': none,
        middle: '  ',
      },
    },
  });
}

/** The table as text, without blanks at the ends of lines. */
export const rendered = (table: { toString(): string }) => table.toString().replace(/[ \t]+$/gm, '');
