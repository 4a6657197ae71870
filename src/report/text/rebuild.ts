import { printable } from '../printable.js';
import type { ApplicationReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { commandLine, paragraph } from './layout.js';

/** Where the contents can be had again without a repair, and what to type for that. */
export function* rebuildText(
  rebuild: ApplicationReport['rebuild'],
  { width, palette }: RenderSettings,
): Iterable<string> {
  if (rebuild === undefined) return;
  yield `${palette.strong('Without a repair')}\n${paragraph(printable(rebuild.detail), width, '  ')}\n`;
  if (rebuild.command !== undefined) yield `${commandLine('next', rebuild.command, { palette })}\n`;
  yield '\n';
}
