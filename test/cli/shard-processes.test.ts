import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { kvdoctor } from '../support/cli.js';
import { withDatabase } from '../support/database.js';

// an indexed job as a cluster runs it: three processes at the same time that know each other by their index only, and a fourth
// that has their reports and not the directory

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const program = (args: string[], env: Record<string, string> = {}) => kvdoctor(args, { env });

const timeless = ({ summary, run: _, ...report }: Report) => ({
  ...report,
  summary: { ...summary, startedAt: '', milliseconds: 0 },
});

it('three processes and a merge say what one says', async () => {
  const reports = [0, 1, 2].map((index) => join(folder, `${index}.json`));
  const whole = join(folder, 'whole.json');
  const statuses = await withDatabase('formats-7.8', ['flip 000033.sst 0x40.3'], async (dir) => {
    const jobs = reports.map((report, index) =>
      program(['scan', dir, '--shard', 'env', '--format', `json=${report}`, '-q'], {
        JOB_COMPLETION_INDEX: String(index),
        JOB_COMPLETIONS: '3',
      }),
    );
    const ended = await Promise.all(jobs);
    await program(['scan', dir, '--format', `json=${whole}`, '-q']);
    return ended.map(({ status }) => status);
  });
  expect(statuses.filter((status) => status === 1)).toHaveLength(1);
  const merged = await program([
    'merge',
    join(folder, '[0-9].json'),
    '--format',
    'json',
    '--fail-on',
    'error',
  ]);
  expect(merged.status).toBe(1);
  expect(timeless(JSON.parse(merged.stdout))).toEqual(timeless(JSON.parse(readFileSync(whole, 'utf8'))));
});
