import path from 'node:path';
import { expect, test } from 'vitest';
import { catalog } from '../src/finding/catalog.js';
import { type ScanOptions, scanTarget } from '../src/scan/scan.js';
import { damageCases, findingLine, rewriteExpectations } from './support/case.js';
import { withDatabase } from './support/database.js';

/*
 * Every case under fixtures/cases: a shipped database, damaged, and what the scan must say of it. Together they raise every
 * rule of the catalogue. `UPDATE_CASES=1 npx vitest run test/rules.test.ts` writes what was found into the cases.
 */

/** Rules that no directory can raise, with the test that does. */
const RAISED_ELSEWHERE: Record<string, string> = {
  'directory/manifest-older': 'test/states/states.test.ts',
  'directory/manifest-newer': 'test/states/states.test.ts',
  'directory/flush-in-wals': 'test/states/states.test.ts',
  'directory/second-opener': 'test/states/states.test.ts',
  'directory/repairdb-losses': 'test/states/states.test.ts',
  'io/unreadable-range': 'test/bad-input/bad-input.test.ts, with a disk that fails',
  'archive/cut-short': 'test/scan/archive/archive.test.ts',
  'archive/damaged': 'test/scan/archive/archive.test.ts',
  'directory/wrong-blob-size': 'test/check/directory/directory.test.ts, where the file itself is not checked',
};

/** Areas of applications, whose contents `scan --application` checks, with the test that raises all of their rules. */
const APPLICATIONS: Record<string, string> = {
  kvrocks: 'test/app/kvrocks/check/check.test.ts',
  restate: 'test/app/restate/check.test.ts',
  tikv: 'test/app/tikv/check.test.ts',
};

const raised = new Set<string>();

test.each(damageCases())('$name', async (damage) => {
  const { findings, unchecked } = await withDatabase(damage.base, damage.patches, (dir) =>
    scanTarget(path.join(dir, damage.target), damage.options as ScanOptions),
  );
  for (const finding of findings) raised.add(finding.rule);
  const said = [...new Set(findings.map(findingLine))];
  const lines = said.filter((line) => !line.startsWith('note') || damage.expected.includes(line));
  const skipped = unchecked.map((entry) => entry.file);
  if (process.env.UPDATE_CASES)
    rewriteExpectations(damage, [...said, ...skipped.map((file) => `unchecked ${file}`)]);
  else {
    expect(lines.sort()).toEqual([...damage.expected].sort());
    expect(skipped).toEqual(expect.arrayContaining(damage.unchecked));
  }
});

test('every rule of the catalogue is raised by a case', () => {
  const silent = Object.keys(catalog).filter(
    (rule) => !raised.has(rule) && !(rule in RAISED_ELSEWHERE) && !(rule.split('/')[0] in APPLICATIONS),
  );
  expect(silent).toEqual([]);
});
