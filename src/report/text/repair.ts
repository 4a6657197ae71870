import { counted } from '../../finding/quantity.js';
import { printable } from '../printable.js';
import type { RecoveryReport, RepairReport, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { tally } from './findings.js';
import { paragraph } from './layout.js';
import { planText, remarksText } from './plan.js';
import { plainTable, rendered } from './table.js';

/** The plan, unless somebody has just been shown it and asked, and what came of it. */
export function* repairText(target: TargetReport, settings: RenderSettings): Iterable<string> {
  const { plan, repair } = target;
  if (repair === undefined) return;
  const said = (text: string) => `${paragraph(printable(text), settings.width, '')}\n`;
  if (repair.resumed !== undefined) yield `${said(resumedText(repair.resumed))}\n`;
  if (plan !== undefined && plan.steps.length > 0 && !repair.asked) yield* planText(target, settings);
  // a plan of nothing says why it is one
  if (plan?.steps.length === 0 && plan.remarks.length > 0) {
    yield* remarksText(plan, settings);
    yield '\n';
  }
  if (repair.before !== undefined && !repair.asked)
    yield `${beforeAfter(target, repair.before, settings)}\n\n`;
  yield said(outcomeText(target, repair));
  if (repair.next !== undefined) yield said(`${repair.next[0].toUpperCase()}${repair.next.slice(1)}.`);
  const { recommendation } = target;
  if (recommendation !== undefined && repair.state !== 'repaired') yield said(recommendation.reason);
  if (!repair.asked) yield '\n';
}

function resumedText({ journal, outcome }: NonNullable<RepairReport['resumed']>): string {
  const what = {
    finished: 'had begun to change files: it was finished first',
    discarded: 'had changed nothing yet: what it had put aside was removed',
    undone: 'was being undone: that was finished first',
  };
  return `An earlier repair that was killed ${what[outcome]} (${journal}).`;
}

function outcomeText(
  { path, findings }: TargetReport,
  { state, reason, output, journal }: RepairReport,
): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const place =
    output === undefined
      ? `${path} is repaired in place; the originals are in ${journal}`
      : `The repaired copy is ${output}; the original is as it was`;
  if (state === 'refused') return `kvdoctor refuses: ${reason}. Nothing was changed.`;
  if (state === 'planned') return 'Nothing was changed: this is a dry run.';
  if (state === 'declined') return 'Nothing was changed.';
  if (state === 'repaired') return `${place}.`;
  if (state === 'not-clean')
    return `${place}, but the result still has ${counted(errors, 'error')}: see above.`;
  return errors === 0
    ? 'Nothing is to be repaired, and nothing was changed.'
    : `Nothing was changed: ${counted(errors, 'error')}, and none that this way of repairing could take away.`;
}

function beforeAfter(
  target: TargetReport,
  before: NonNullable<RepairReport['before']>,
  settings: RenderSettings,
): string {
  const { good, error } = settings.palette;
  const table = plainTable(['', 'before', 'after'], ['left', 'left', 'left'], settings);
  const was = [
    before.errors > 0 && error(counted(before.errors, 'error')),
    before.warnings > 0 && counted(before.warnings, 'warning'),
  ].filter((part) => part);
  table.push([
    'scan',
    was.join(', ') || good('clean'),
    tally(
      target.findings.filter(({ severity }) => severity !== 'note'),
      settings,
    ) || good('clean'),
  ]);
  const said = (mode: RecoveryReport | undefined) =>
    mode === undefined ? '' : mode.opens ? opensText(mode) : error('refuses');
  const refusals = new Map<string, string[]>();
  const refused = (when: string, mode: RecoveryReport | undefined) => {
    if (mode?.error === undefined) return;
    const text = `${when}: ${mode.error}`;
    refusals.set(text, [...(refusals.get(text) ?? []), mode.mode]);
  };
  for (const mode of target.recovery ?? []) {
    const old = before.recovery.find((each) => each.mode === mode.mode);
    table.push([mode.mode, said(old), said(mode)]);
    refused('before', old);
    refused('after', mode);
  }
  // an engine's message in a cell would be a column of single words
  const messages = [...refusals].map(([text, modes]) =>
    paragraph(
      printable(`${modes.length === target.recovery?.length ? 'every mode' : modes.join(', ')}, ${text}`),
      settings.width,
      '  ',
    ),
  );
  return [rendered(table), ...messages].join('\n');
}

function opensText({ lastSequence }: RecoveryReport): string {
  return lastSequence === undefined ? 'opens' : `opens, sequence ${lastSequence}`;
}
