import { printable } from '../printable.js';
import type { ApplicationReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { paragraph } from './layout.js';

/** Where the contents can be had again without a repair, and what to type for that. */
export function* rebuildText(
  rebuild: ApplicationReport['rebuild'],
  { width, palette }: RenderSettings,
): Iterable<string> {
  if (rebuild === undefined) return;
  yield `${palette.strong('Without a repair')}\n${paragraph(printable(rebuild.detail), width, '  ')}\n`;
  if (rebuild.command !== undefined)
    yield `${paragraph(printable(rebuild.command), width, `${palette.dim('next')}  `)}\n`;
  yield '\n';
}
