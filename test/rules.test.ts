import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { catalog } from '../src/finding/catalog.js';
import type { Finding } from '../src/finding/finding.js';
import { type ScanOptions, scanTarget } from '../src/scan/scan.js';
import { damageCases, findingLine, rewriteExpectations } from './support/case.js';
import { withDatabase } from './support/database.js';
import { inRepository } from './support/repository.js';

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
  'object/uploaded-damaged': 'test/cli/object-store.test.ts',
  'object/not-as-uploaded': 'test/cli/object-store.test.ts',
  'object/damaged-on-the-way': 'test/cli/object-store.test.ts',
  'directory/wrong-blob-size': 'test/check/directory/directory.test.ts, where the file itself is not checked',
};

/** Areas of applications, whose contents `scan --application` checks, with the test that raises all of their rules. */
const APPLICATIONS: Record<string, string> = {
  kvrocks: 'test/app/kvrocks/check/check.test.ts',
  restate: 'test/app/restate/check.test.ts',
  tikv: 'test/app/tikv/check.test.ts',
};

/** A finding and why, as a line of the golden file. */
function causeLine({ severity, rule, file, offset, cause, impact }: Finding): string {
  const place = offset === undefined ? file : `${file} 0x${offset.toString(16)}`;
  const why = cause === undefined ? 'no cause' : `${cause.kind}, ${cause.certainty}: ${cause.detail}`;
  const bits =
    cause?.changes === undefined
      ? ''
      : `\n    ${cause.restores ? 'restores' : 'flips'} ${cause.changes.length} bits`;
  const cost = impact?.summary === undefined ? '' : `\n    costs ${impact.summary}`;
  return `  ${severity} ${rule} ${place}\n    ${why}${bits}${cost}\n`;
}

const raised = new Set<string>();
/** Of every damaged database, scanned without options: its findings, each with its cause. */
const causes = new Map<string, string>();

test.each(damageCases())('$name', async (damage) => {
  const { name, base, patches, target } = damage;
  const { findings, unchecked } = await withDatabase(base, patches, async (dir) => {
    const scan = (options: ScanOptions) => scanTarget(path.join(dir, target), { jobs: 1, ...options });
    const asked = await scan(damage.options as ScanOptions);
    const plain = Object.keys(damage.options).length === 0 ? asked : await scan({});
    const lines = plain.findings.map((finding) => causeLine(finding).replaceAll(dir, 'DIR'));
    if (!name.startsWith('backup/')) causes.set(name, `${name}\n${lines.join('')}\n`);
    return asked;
  });
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

test('every finding has the cause that it had', async () => {
  await expect([...causes.values()].join('')).toMatchFileSnapshot('golden/causes.txt');
});

test('no rule is described twice', () => {
  const folder = inRepository('src/finding/rules');
  const ids = readdirSync(folder).flatMap((file) =>
    [...readFileSync(path.join(folder, file), 'utf8').matchAll(/^ {2}'([a-z-]+\/[a-z0-9-]+)': \{/gm)].map(
      ([, id]) => id,
    ),
  );
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  expect([...ids].sort()).toEqual(Object.keys(catalog).sort());
});

test('every rule of the catalogue is raised by a case', () => {
  const silent = Object.keys(catalog).filter(
    (rule) => !raised.has(rule) && !(rule in RAISED_ELSEWHERE) && !(rule.split('/')[0] in APPLICATIONS),
  );
  expect(silent).toEqual([]);
});
