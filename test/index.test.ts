import { expect, it } from 'vitest';
import * as kvdoctor from '../src/index.js';
import { inRepository } from './support/repository.js';

it('the library is these names and no others', () => {
  expect(Object.keys(kvdoctor).sort()).toEqual([
    'MergeError',
    'Refusal',
    'UnknownKind',
    'areDifferent',
    'buildReport',
    'catalog',
    'compareDatabases',
    'exportedEntries',
    'find',
    'formats',
    'inspect',
    'mergeReports',
    'plainPalette',
    'redact',
    'repairTarget',
    'ruleOf',
    'scanTarget',
    'simulateTarget',
    'speaksOfDamage',
    'triage',
    'undoRepair',
  ]);
});

it('scans a directory and renders a report, without a process or a terminal', async () => {
  const { buildReport, formats, plainPalette, ruleOf, scanTarget } = kvdoctor;
  const startedAt = new Date();
  const target = await scanTarget(inRepository('fixtures/kvrocks-race-10/db'), { depth: 'full', jobs: 1 });
  expect(target.findings.map(({ rule }) => rule)).toEqual(['batch/unknown-tag']);
  expect(ruleOf(target.findings[0].rule).severity).toBe('error');

  const report = buildReport([target], { depth: 'full', startedAt, milliseconds: 1 });
  expect(report.verdict).toBe('damaged');
  const settings = { width: 100, palette: plainPalette, verbose: false, quiet: false };
  expect([...formats.text.create(settings).render(report)].join('')).toContain('error batch/unknown-tag');
});
