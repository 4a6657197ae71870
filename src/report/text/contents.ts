import { counted, grouped } from '../../finding/quantity.js';
import type { ContentsReport, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { findingText } from './finding.js';
import { paragraph } from './layout.js';

/** Findings of one mode's contents that are shown. */
const CONTENTS_SHOWN = 3;

/** Whether what each mode leaves is whole to the application, modes that leave the same together. */
export function* contentsText(
  { recovery = [], application }: Pick<TargetReport, 'recovery' | 'application'>,
  settings: RenderSettings,
): Iterable<string> {
  const { palette } = settings;
  for (const { mode, sameAs, contents } of recovery) {
    if (contents === undefined || sameAs !== undefined) continue;
    const same = recovery.filter((other) => other.sameAs === mode).map((other) => other.mode);
    const names = [mode, ...same].join(', ');
    yield `${paragraph(`${palette.strong(names)}: ${contentsSentence(contents, application?.name, settings)}`, settings.width, '')}\n`;
    const shown = settings.verbose ? contents.findings : contents.findings.slice(0, CONTENTS_SHOWN);
    if (shown.length > 0) yield `\n${shown.map((finding) => findingText(finding, settings)).join('\n')}`;
    const more = contents.errors + contents.warnings - shown.length;
    if (more > 0)
      yield palette.dim(`\n  … and ${grouped(more)} more${settings.verbose ? '' : ' (--verbose)'}\n`);
    yield '\n';
  }
}

function contentsSentence(
  { coherent, errors, warnings, incomplete }: ContentsReport,
  application = 'the application',
  { palette }: RenderSettings,
): string {
  if (coherent) return `${palette.good('what remains is coherent')} to ${application}`;
  const counts = [
    errors > 0 && counted(errors, 'error'),
    warnings > 0 && counted(warnings, 'warning'),
  ].filter((part) => part);
  if (incomplete && counts.length === 0)
    return `${palette.error('what remains is not known to be coherent')} to ${application}: entries cannot be read`;
  return `${palette.error('what remains is not coherent')} to ${application}: ${counts.join(', ')}`;
}
