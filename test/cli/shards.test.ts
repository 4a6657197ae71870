import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { expectValid } from '../report/schema.js';
import { withDatabase } from '../support/database.js';
import { writeManyTables } from '../support/many-tables.js';
import { kvdoctor } from './host.js';

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const read = (name: string): Report => JSON.parse(readFileSync(join(folder, name), 'utf8'));

/** What the shards of the last scan in shards report of its first target. */
const shardsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => read(`${i + 1}-of-${count}.json`).targets[0]);

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] ^= 4;
  writeFileSync(path, bytes);
}

/** What two scans of the same files have in common. */
function timeless({ summary, ...report }: Report): object {
  const { startedAt: _, milliseconds: _ms, ...rest } = summary;
  return { ...report, summary: rest };
}

async function scanShards(target: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => join(folder, `${i + 1}-of-${count}.json`));
  for (const [i, name] of names.entries())
    await kvdoctor(`scan ${target} --shard ${i + 1}/${count} --format json=${name} -q`);
  return names;
}

/** Scans a target whole and in shards, and expects the merge to say the same. */
async function expectSame(target: string, count: number): Promise<Report> {
  const names = await scanShards(target, count);
  const whole = await kvdoctor(`scan ${target} --format json=${folder}/whole.json -q`);
  const merged = await kvdoctor(`merge ${names.reverse().join(' ')} --format json=${folder}/merged.json -q`);
  expect(timeless(read('merged.json'))).toEqual(timeless(read('whole.json')));
  expect(merged.status).toBe(whole.status);
  return read('whole.json');
}

describe('2,000 tables in four shards', () => {
  const db = join(folder, 'many');
  beforeAll(() => writeManyTables(db, 2000, 60));

  it('split bytes within 10 %, and merge into what one scan says', async () => {
    const whole = await expectSame(db, 4);
    expect([whole.verdict, whole.targets[0].files.filter(({ status }) => status === 'clean').length]).toEqual(
      ['clean', 2003],
    );
    const bytes = [1, 2, 3, 4].map((i) => read(`${i}-of-4.json`).targets[0].shard!.bytes);
    expect(Math.max(...bytes) / Math.min(...bytes)).toBeLessThan(1.1);
    for (const i of [1, 2, 3, 4]) expectValid(read(`${i}-of-4.json`));
  });

  it('the same with damage, which the shard that has it reports as well', async () => {
    const path = join(db, '000700.sst');
    const bytes = readFileSync(path);
    const damaged = Buffer.from(bytes);
    damaged[100] ^= 4;
    writeFileSync(path, damaged);
    rmSync(join(db, '000900.sst'));
    const whole = await expectSame(db, 4);
    expect(whole.targets[0].findings.map(({ rule, file }) => `${rule} ${file}`).sort()).toEqual([
      'directory/missing-table 000900.sst',
      'directory/options-missing OPTIONS',
      'sst/block-checksum 000700.sst',
    ]);
    const reporting = [1, 2, 3, 4].filter((i) =>
      read(`${i}-of-4.json`).targets[0].findings.some(({ file }) => file === '000700.sst'),
    );
    expect(reporting).toHaveLength(1);
  });
});

describe('merge', () => {
  it.each([
    ['kvrocks-race-10/db', 2],
    ['blob-7.8', 3],
    ['transactions-7.8', 5],
    ['basic-7.8', 30],
    ['wal-compressed-7.8', 2],
  ])('of %s in %d shards says what one scan says', async (fixture, count) => {
    await expectSame(`fixtures/${fixture}`, count);
  });

  it.each([
    ['backup-7.8', []],
    ['backup-7.8', ['--backup', '2']],
  ])('of the backups of %s %j says what one scan says', async (fixture, more) => {
    const whole = await expectSame(`fixtures/${fixture} ${more.join(' ')}`, 3);
    expect(whole.targets[0].backups?.length).toBeGreaterThan(0);
  });

  it('of damaged backups, each file of which one shard reads', async () => {
    await withDatabase('backup-7.8', [], async (dir) => {
      const [shared] = readdirSync(join(dir, 'shared_checksum'));
      flip(join(dir, 'shared_checksum', shared), 60);
      rmSync(join(dir, 'private/2/000008.log'));
      flip(join(dir, 'meta/1'), 10);
      const whole = await expectSame(dir, 3);
      expect(whole.verdict).toBe('damaged');
      const read = shardsOf(3).map((shard) => shard.files.map(({ path }) => path));
      expect(new Set(read.flat()).size).toBe(read.flat().length);
      const reporting = shardsOf(3).filter(({ findings }) =>
        findings.some(({ file }) => file.endsWith(shared)),
      );
      expect(reporting).toHaveLength(1);
    });
  });

  it('of backups says which shard is missing', async () => {
    const names = await scanShards('fixtures/backup-7.8', 3);
    const { status, out } = await kvdoctor(`merge ${names[0]} ${names[2]}`);
    expect(status).toBe(3);
    expect(out).toContain('the report of shard 2/3 is missing');
    expect(out).toContain('it is in none of the reports that were merged');
  });

  it('decides what needs several files, which no shard can know: a missing WAL', async () => {
    await withDatabase('wal-large-7.8', [], async (dir) => {
      const whole = await expectSame(dir, 2);
      const [, middle] = whole.targets[0].files.filter(({ kind }) => kind === 'wal').map(({ path }) => path);
      rmSync(join(dir, middle));
      const report = await expectSame(dir, 2);
      expect(report.targets[0].findings.length).toBeGreaterThan(0);
    });
  });

  it('says which shard is missing, and is then incomplete', async () => {
    const names = await scanShards('fixtures/basic-7.8', 3);
    const { status, out } = await kvdoctor(`merge ${names[0]} ${names[2]}`);
    expect(status).toBe(3);
    expect(out).toContain('the report of shard 2/3 is missing');
  });

  it('says when the directory changed between the shards', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const [first] = await scanShards(dir, 2);
      const kept = readFileSync(first);
      writeFileSync(join(dir, '000077.sst'), 'new');
      const names = await scanShards(dir, 2);
      writeFileSync(first, kept);
      const { status, out } = await kvdoctor(`merge ${names.join(' ')}`);
      expect(status).toBe(3);
      expect(out).toContain('files changed while the shards were read');
    });
  });

  it.each([
    ['the same shard twice', (names: string[]) => [names[0], names[0]], /shard 1\/2 of .* is there twice/],
    [
      'other counts',
      (names: string[], other: string[]) => [names[0], other[1]],
      /was cut into 2 and into 3 shards/,
    ],
  ])('refuses %s', async (_, choose, message) => {
    const names = await scanShards('fixtures/basic-7.8', 2);
    const other = await scanShards('fixtures/basic-7.8', 3);
    const { status, err } = await kvdoctor(`merge ${choose(names, other).join(' ')}`);
    expect(status).toBe(2);
    expect(err).toMatch(message);
  });

  it('refuses a shard whose facts are damaged', async () => {
    const [name] = await scanShards('fixtures/basic-7.8', 1);
    const report = read('1-of-1.json');
    report.targets[0].shard!.metadata = '[[1,2]';
    writeFileSync(name, JSON.stringify(report));
    const { status, err } = await kvdoctor(`merge ${name}`);
    expect(status).toBe(2);
    expect(err).toContain('does not hold what this version puts into');
  });

  it('puts reports of several targets side by side, files from the shard that has them', async () => {
    const targets = 'fixtures/basic-7.8 fixtures/backup-7.8 fixtures/kvrocks-race-10/db/000010.log';
    const names = await scanShards(targets, 3);
    await kvdoctor(`scan ${targets} --format json=${folder}/whole.json -q`);
    await kvdoctor(`merge ${names.join(' ')} --format json=${folder}/merged.json -q`);
    expect(timeless(read('merged.json'))).toEqual(timeless(read('whole.json')));
  });

  it('a shard takes no redaction, and a wrong one is explained', async () => {
    expect((await kvdoctor('scan --shard 1/2 --redact keys fixtures/basic-7.8')).err).toContain(
      'cannot be redacted',
    );
    expect((await kvdoctor('scan --shard 3/2 fixtures/basic-7.8')).err).toContain(
      '--shard 3/2 is not a shard',
    );
    expect((await kvdoctor('scan --shard env fixtures/basic-7.8')).err).toContain(
      'none of KVDOCTOR_SHARD_INDEX',
    );
  });
});
