import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../src/report/report.js';
import { kvdoctor } from './cli/host.js';
import { withDatabase } from './support/database.js';
import { inRepository } from './support/repository.js';

// the one file that is copied to hosts without network, alone in a directory

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));
const alone = join(folder, 'kvdoctor.mjs');

beforeAll(() => {
  const built = join(folder, 'built', 'kvdoctor.mjs');
  execFileSync(process.execPath, ['scripts/bundle.mjs', built], { cwd: inRepository('.') });
  copyFileSync(built, alone);
  rmSync(join(folder, 'built'), { recursive: true });
});

/** Runs the bundle as a program, with nothing of the repository in reach. */
function run(...args: string[]) {
  const env = { PATH: process.env.PATH, HOME: folder };
  return spawnSync(alone, args, { cwd: folder, env, encoding: 'utf8' });
}

const timeless = ({ summary, run: _, ...report }: Report) => ({
  ...report,
  summary: { ...summary, startedAt: '', milliseconds: 0 },
});

async function expectSame(directory: string): Promise<void> {
  const { stdout, stderr, status } = run('scan', directory, '--format', 'json');
  const here = await kvdoctor(`scan ${directory} --format json`);
  expect(stderr).toBe('');
  expect(timeless(JSON.parse(stdout))).toEqual(timeless(JSON.parse(here.out)));
  expect(status).toBe(here.status);
}

describe('the bundle, in an empty directory', () => {
  it('says its version', () => {
    const { version } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8'));
    expect(run('--version').stdout).toBe(`${version}\n`);
  });

  // every codec, every checksum, zstd streams, dictionaries, bzip2
  it.each(['formats-7.8', 'wal-compressed-7.8', 'basic-9.7', 'blob-zstd-7.8', 'kvrocks-race-10/db'])(
    'says of %s what the package says',
    (fixture) => expectSame(inRepository('fixtures', fixture)),
  );

  it('uses worker threads', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      for (const name of ['000901.log', '000902.log', '000903.log']) {
        writeFileSync(join(dir, name), '');
        truncateSync(join(dir, name), 30 << 20);
      }
      await expectSame(dir);
    });
  });

  it('renders a page, reads a configuration, refuses a wrong one', () => {
    const report = join(folder, 'report.json');
    run('scan', inRepository('fixtures/kvrocks-race-10/db'), '--format', `json=${report}`);
    expect(run('render', report, '--format', 'html').stdout).toMatch(/^<!doctype html>/);
    writeFileSync(join(folder, 'kvdoctor.config.json'), '{"failon": "error"}');
    const { status, stderr } = run('scan', inRepository('fixtures/basic-7.8'));
    rmSync(join(folder, 'kvdoctor.config.json'));
    expect([status, stderr.split('\n')[0]]).toEqual([
      2,
      'kvdoctor: cannot use kvdoctor.config.json: it must NOT have additional properties (failon)',
    ]);
  });
});
