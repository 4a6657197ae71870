import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { expectValid } from '../report/schema.js';
import { writeManyTables } from '../support/many-tables.js';
import { kvdoctor } from './host.js';

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const db = join(folder, 'db');
const json = (name: string) => join(folder, `${name}.json`);

/** Scans with some options; the report is kept under a name. */
async function scan(name: string, options = ''): Promise<Report & { status: number; err: string }> {
  const { status, err } = await kvdoctor(`scan ${db} ${options} --format json=${json(name)} -q`);
  const report: Report = JSON.parse(readFileSync(json(name), 'utf8'));
  expectValid(report);
  return { ...report, status, err };
}

const withStatus = ({ targets }: Report, status: string) =>
  targets[0].files.filter((file) => file.status === status).map(({ path }) => path);

/** Changes a byte and leaves the time as it was, or lets the file look changed. */
function flip(name: string, offset: number): void {
  const path = join(db, name);
  const bytes = readFileSync(path);
  bytes[offset] ^= 1;
  writeFileSync(path, bytes);
}

beforeAll(async () => {
  await writeManyTables(db, 200);
  await scan('first');
});

describe('--since', () => {
  it('of a report that is not there yet reads everything; in a directory that is not there it is a mistake', async () => {
    const report = await scan('none', `--since ${json('not-yet')}`);
    expect([report.status, report.err, report.summary.trusted]).toEqual([0, '', undefined]);
    expect(report.summary.bytesRead).toBeGreaterThan(0);
    const { status, err } = await kvdoctor(`scan ${db} --since ${folder}/no-such/last.json`);
    expect(status).not.toBe(0);
    expect(err).toContain('no such file or directory');
  });

  it('reads nothing that is as it was, and says what it took on trust', async () => {
    const report = await scan('second', `--since ${json('first')}`);
    const { status, summary, verdict } = report;
    expect([status, verdict, summary.bytesRead]).toEqual([0, 'clean', 0]);
    expect(withStatus(report, 'trusted')).toHaveLength(200);
    const first: Report = JSON.parse(readFileSync(json('first'), 'utf8'));
    expect(summary.trusted).toEqual({
      files: 200,
      bytes: expect.any(Number),
      oldest: first.summary.startedAt,
    });
    const { out } = await kvdoctor(`scan ${db} --since ${json('second')}`);
    expect(out).toContain('200 unchanged files');
    expect(out).toContain(first.summary.startedAt.slice(0, 10));
  });

  it('reads what has changed, what was not clean, and what is new', async () => {
    flip('000050.sst', 30);
    const third = await scan('third', `--since ${json('first')}`);
    expect(third.status).toBe(1);
    expect(withStatus(third, 'damaged')).toEqual(['000050.sst']);
    expect(third.summary.trusted?.files).toBe(199);
    expect(third.summary.bytesRead).toBeLessThan(third.summary.bytes / 20);
    // the time and size that it has now are those of the report, which found it damaged
    expect((await scan('fourth', `--since ${json('third')}`)).status).toBe(1);
    flip('000050.sst', 30);
    expect((await scan('fifth', `--since ${json('third')}`)).status).toBe(0);
  });

  it('a report of less depth vouches for nothing', async () => {
    await scan('shallow', '--depth structure');
    expect((await scan('full', `--since ${json('shallow')}`)).summary.trusted).toBeUndefined();
  });
});

describe('--budget', () => {
  it('reads changed files first, then those checked longest ago, and trusts the rest', async () => {
    const before: Report = JSON.parse(readFileSync(json('first'), 'utf8'));
    const [oldest] = before.targets[0].files.filter(({ path }) => path === '000123.sst');
    for (const file of before.targets[0].files) file.checkedAt = '2026-05-01T00:00:00.000Z';
    oldest.checkedAt = '2026-01-01T00:00:00.000Z';
    writeFileSync(json('aged'), JSON.stringify(before));
    utimesSync(join(db, '000060.sst'), new Date(), new Date(Date.now() + 5000));
    // no time at all: one thread begins one file at most
    const report = await scan('budget', `--since ${json('aged')} --budget 1ms --jobs 1`);
    expect(report.status === 0 || report.status === 3).toBe(true);
    const all = await scan('budget', `--since ${json('aged')} --budget 10m --jobs 1`);
    expect([all.status, all.summary.trusted]).toEqual([0, undefined]);
    expect(report.summary.trusted?.files ?? 0).toBeGreaterThan(150);
  });

  it('what was never checked and not reached is not checked: exit status 3', async () => {
    const report = await scan('none', '--budget 1ms --jobs 1');
    expect(report.status).toBe(3);
    expect(report.targets[0].unchecked[0].reason).toBe('the time budget ended before it came to this file');
  });
});

describe('--sample', () => {
  it('reads about the share that was asked for, and says what it left out', async () => {
    const report = await scan('sample', '--sample 10%');
    const { summary, status } = report;
    expect(status).toBe(0);
    expect(summary.skipped!.bytes / summary.bytes).toBeGreaterThan(0.85);
    expect(summary.skipped!.files).toBe(withStatus(report, 'skipped').length);
    expect((await kvdoctor(`scan ${db} --sample 10%`)).out).toContain('Left out of the sample');
  });
});

describe('--max-read', () => {
  it('takes its time', async () => {
    const { summary } = await scan('whole');
    const pace = Math.ceil(summary.bytesRead / 2);
    const slow = await scan('slow', `--max-read ${pace}B/s --jobs 1`);
    // files are small, and each may begin at once
    expect(slow.summary.milliseconds).toBeGreaterThan(1000);
  });
});

it.each([
  ['--budget soon', 'It takes a time such as 90s, 10m or 1h30m.'],
  ['--sample 200%', 'It takes a share such as 5% or 0.05.'],
  ['--max-read fast', 'It takes a rate such as 200MB/s or 64MiB/s.'],
])('scan %s', async (options, hint) => {
  const { status, err } = await kvdoctor(`scan ${db} ${options}`);
  expect(status).toBe(2);
  expect(err).toContain(hint);
});
