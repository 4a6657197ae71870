import { expect, it } from 'vitest';
import { exitStatusOf, type FailOn } from '../../src/cli/exit-status.js';
import type { Severity } from '../../src/finding/finding.js';
import type { Summary } from '../../src/report/report.js';
import { obsolete, report, target } from '../report/sample.js';

const withCounts = ({ errors = 0, warnings = 0, notes = 0, ...counts }: Partial<Summary>) => {
  const some = (count: number, severity: Severity) =>
    Array.from({ length: count }, () => ({ ...obsolete, severity }));
  const findings = [...some(errors, 'error'), ...some(warnings, 'warning'), ...some(notes, 'note')];
  const made = report(target({ findings }));
  return { ...made, summary: { ...made.summary, ...counts } };
};

it.each<[number, Partial<Summary>, FailOn]>([
  [0, {}, 'error'],
  [1, { errors: 1 }, 'error'],
  [0, { warnings: 3, notes: 1 }, 'error'],
  [1, { warnings: 1 }, 'warning'],
  [0, { notes: 1 }, 'warning'],
  [1, { notes: 1 }, 'note'],
  [0, { errors: 9 }, 'never'],
  [3, { unchecked: 1 }, 'error'],
  [1, { unchecked: 1, errors: 1 }, 'error'],
  [3, { unchecked: 1, errors: 1 }, 'never'],
  [130, { interrupted: true }, 'error'],
  [130, { interrupted: true, errors: 1 }, 'error'],
])('%d for %o with --fail-on %s', (status, counts, failOn) => {
  expect(exitStatusOf(withCounts(counts), failOn)).toBe(status);
});

it('what the baseline has does not fail', () => {
  const known = { ...obsolete, severity: 'error' as const, known: true as const };
  expect(exitStatusOf(report(target({ findings: [known] })), 'error')).toBe(0);
  expect(exitStatusOf(report(target({ findings: [known, { ...known, known: undefined }] })), 'error')).toBe(
    1,
  );
});

it('each target may fail from another severity on', () => {
  const two = report(target({ path: 'a', findings: [] }), target({ path: 'b', findings: [obsolete] }));
  expect(exitStatusOf(two, ({ path }) => (path === 'b' ? 'note' : 'error'))).toBe(1);
  expect(exitStatusOf(two, ({ path }) => (path === 'a' ? 'note' : 'error'))).toBe(0);
});
