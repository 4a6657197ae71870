import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { simulateTarget } from '../../../src/repair/simulate-target.js';
import type { RecoveryReport } from '../../../src/report/report.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { withTemporaryDirectory } from '../../support/files.js';
import { inRepository } from '../../support/repository.js';

/*
 * Servers of Kvrocks 2.10 that their own race has killed (apache/kvrocks#2766): of each, the report names the commands in the
 * damaged batch, says what the application loses in each recovery mode, and whether what remains is coherent.
 */

/** Of a way that opens: what is lost has words, and what remains was looked at. */
function expectTold({ opens, lost, contents }: RecoveryReport): void {
  if (!opens) return;
  expect(contents).toBeDefined();
  if (lost.operations || lost.damagedBytes) {
    expect(lost.commands?.count).toBeGreaterThan(0);
    for (const { text } of lost.commands!.first) expect(text).toMatch(/^[A-Z]+ /);
  }
}

async function expectNamed(dir: string): Promise<void> {
  const { application, findings } = await scanTarget(dir, { jobs: 1 });
  expect(application?.name).toBe('Kvrocks');
  const errors = findings.filter(({ severity }) => severity === 'error');
  for (const { impact } of errors) {
    const commands = impact?.commands as { text: string }[];
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.some(({ text }) => /^[LR]PUSH /.test(text))).toBe(true);
  }
  const { recovery = [], recommendation } = await simulateTarget(dir, { application: true });
  for (const mode of recovery) expectTold(mode);
  // where no mode opens, the way out says what it gives up
  const closed = recovery.every(({ mode, opens }) => mode === 'salvage' || !opens);
  if (closed) expect(recommendation?.lost?.count).toBeGreaterThan(0);
  expect(recovery.some(({ contents }) => contents !== undefined)).toBe(true);
}

describe('a server that its own race has killed', () => {
  it.each(['kvrocks-race-8', 'kvrocks-race-9', 'kvrocks-race-10', 'kvrocks-race-12'])(
    'fixtures: %s',
    (name) => expectNamed(inRepository('fixtures', name, 'db')),
  );

  it('what remains of one is not coherent, and one key says so', async () => {
    const { recovery = [] } = await simulateTarget(inRepository('fixtures', 'kvrocks-race-9', 'db'), {
      application: true,
    });
    const salvage = recovery.find(({ mode }) => mode === 'salvage');
    expect(salvage?.contents).toMatchObject({
      coherent: false,
      findings: [{ rule: 'kvrocks/list-stray', evidence: { key: { utf8: 'q2' } } }],
    });
  });

  const corpus = inRepository('..', 'shared', 'corpus', 'real');
  const archives = existsSync(corpus)
    ? readdirSync(corpus).filter((name) => /^kvrocks-race-\d+\.tar\.gz$/.test(name))
    : [];
  if (archives.length === 0)
    console.log('skipped: directories of killed servers, which are not beside the repository');

  it.each(archives)('%s', async (name) => {
    await withTemporaryDirectory(async (dir) => {
      execFileSync('tar', ['-xzf', path.join(corpus, name), '-C', dir]);
      const current = readdirSync(dir, { recursive: true, encoding: 'utf8' }).find((file) =>
        file.endsWith('db/CURRENT'),
      );
      await expectNamed(path.dirname(path.join(dir, current!)));
    });
  });
});
