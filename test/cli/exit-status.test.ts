import { expect, it } from 'vitest';
import { exitStatusOf, type FailOn } from '../../src/cli/exit-status.js';
import type { Summary } from '../../src/report/report.js';
import { report } from '../report/sample.js';

const withCounts = (counts: Partial<Summary>) => {
  const none = { errors: 0, warnings: 0, notes: 0, unchecked: 0 };
  return { ...report(), summary: { ...report().summary, ...none, ...counts } };
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
