import wrapAnsi from 'wrap-ansi';
import { printable } from '../printable.js';
import { isNarrow, textColumns } from './columns.js';

/** Narrower than this nothing useful fits; text is then let run over the edge. */
const NARROWEST = 40;

/**
 * Wraps one paragraph into lines of at most `width` columns. The first line starts with `first`, the others are indented by
 * as many columns. Words that are longer than a line (paths, commands) are not broken: they can then still be copied.
 */
export function paragraph(text: string, width: number, first: string): string {
  const indent = textColumns(first);
  if (isNarrow(text) && text.length <= width - indent) return first + text.trim();
  const lines = wrapAnsi(text, Math.max(width, NARROWEST) - indent, { hard: false }).split('\n');
  return lines.map((line, i) => (i === 0 ? first : ' '.repeat(indent)) + line).join('\n');
}

/** `text` in at most `width` columns, its middle left out: the end of a path says more than its middle. */
export function elided(text: string, width: number): string {
  if (textColumns(text) <= width || width < 8) return text;
  const keep = width - 1;
  const tail = Math.ceil(keep * 0.6);
  return `${text.slice(0, keep - tail)}…${text.slice(-tail)}`;
}

/** A command after its label, alone on its line and not wrapped: half a command is another command. */
export function commandLine(
  label: string,
  command: string,
  { palette }: { palette: { dim(text: string): string } },
): string {
  return `${palette.dim(label.padEnd(4))}  ${printable(command)}`;
}
