import { printable } from '../report/printable.js';
import type { Host } from './host.js';

/*
 * All text on standard error goes through here. Names, paths and messages in it come from damaged or hostile data: they move no
 * cursor and begin no line of their own.
 */

/** What a runner of CI jobs takes for a command at the start of a line: `::error …`, `##[error]…`, `##vso[…]`. */
const runnerCommand = /^\s*(?:::|##)/;

/** Any text as one line, its line end included. */
export function lineOf(text: string): string {
  const line = printable(text);
  return `${runnerCommand.test(line) ? `kvdoctor: ${line}` : line}\n`;
}

/** Says something, a line for each text. */
export function say({ stderr }: Pick<Host, 'stderr'>, ...texts: string[]): void {
  for (const text of texts) stderr.write(lineOf(text));
}

/** Shows what a renderer made: it has put the data in its place already, and brings colours and line ends of its own. */
export function show({ stderr }: Pick<Host, 'stderr'>, pieces: Iterable<string>): void {
  for (const piece of pieces) stderr.write(piece);
}
