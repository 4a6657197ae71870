import { type Finding, type Severity, severities } from '../../finding/finding.js';
import { counted, offsetText } from '../../finding/quantity.js';
import type { RenderSettings } from '../reporter.js';
import { fileOf, findingText, paint } from './finding.js';
import { groupedBy } from './group.js';

/** Findings of one rule in one file that are shown in full before the rest is counted. */
const SHOWN = { error: 3, warning: 3, note: 1 } as const satisfies Record<Severity, number>;

/** Groups, that is rule and file, of one rule that are shown before the rest is counted: 1,000 missing tables are one line. */
const GROUPS_SHOWN = { error: 10, warning: 10, note: 3 } as const satisfies Record<Severity, number>;

function foldedLine(folded: readonly Finding[], where: string, { palette }: RenderSettings): string {
  const { rule, severity } = folded[0];
  const what = `${counted(folded.length, `more ${severity}`)} ${rule}`;
  return palette.dim(`  … and ${what} ${where} (--verbose shows them)\n`);
}

function* groupText(group: readonly Finding[], settings: RenderSettings): Iterable<string> {
  const shown = settings.verbose ? group.length : Math.min(group.length, SHOWN[group[0].severity]);
  for (const finding of group.slice(0, shown)) yield `${findingText(finding, settings)}\n`;
  const folded = group.slice(shown);
  if (folded.length === 0) return;
  const offsets = folded.flatMap(({ offset }) => (offset === undefined ? [] : [offset]));
  const first = offsets.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const last = offsets.reduce((a, b) => Math.max(a, b), 0);
  const range = offsets.length < 2 ? '' : ` between ${offsetText(first)} and ${offsetText(last)}`;
  yield `${foldedLine(folded, `in ${fileOf(folded[0])}${range}`, settings)}\n`;
}

/** All findings, worst first, those of one rule in one file together, in the order of their offsets as the scan gave them. */
export function* findingsText(findings: readonly Finding[], settings: RenderSettings): Iterable<string> {
  for (const severity of severities) {
    if (severity === 'note' && settings.quiet) continue;
    const ofSeverity = findings.filter((finding) => finding.severity === severity);
    for (const ofRule of groupedBy(ofSeverity, ({ rule }) => rule).values()) {
      const groups = [...groupedBy(ofRule, fileOf).values()];
      const shown = settings.verbose ? groups.length : Math.min(groups.length, GROUPS_SHOWN[severity]);
      for (const group of groups.slice(0, shown)) yield* groupText(group, settings);
      const folded = groups.slice(shown).flat();
      if (folded.length > 0) {
        yield `${foldedLine(folded, `in ${counted(groups.length - shown, 'more file')}`, settings)}\n`;
      }
    }
  }
}

/** `2 errors, 1 warning, 3 notes`, in colour, without the kinds of which there are none. */
export function tally(findings: readonly Pick<Finding, 'severity'>[], settings: RenderSettings): string {
  return severities
    .map((severity) => ({ severity, count: findings.filter((f) => f.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => paint(settings.palette, severity)(counted(count, severity)))
    .join(', ');
}
