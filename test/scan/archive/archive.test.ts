import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { compressZstd, loadZstd } from '../../../src/codec/zstd.js';
import type { Finding } from '../../../src/finding/finding.js';
import type { TargetReport } from '../../../src/report/report.js';
import type { ScanHooks } from '../../../src/scan/options.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { type FileSet, fixture, withTemporaryDirectory, writeFileSet } from '../../support/files.js';
import { applyPatches } from '../../support/patch.js';
import { tarOf } from '../../support/tar.js';

async function scanBytes(name: string, bytes: Uint8Array, hooks: ScanHooks = {}): Promise<TargetReport> {
  return withTemporaryDirectory(async (dir) => {
    const file = path.join(dir, name);
    fs.writeFileSync(file, bytes);
    return scanTarget(file, {}, hooks);
  });
}

function scanUnpacked(files: FileSet): Promise<TargetReport> {
  return withTemporaryDirectory((dir) => {
    writeFileSet(files, dir);
    return scanTarget(dir);
  });
}

/** Everything but where it lies, when it was changed, and commands for directories. */
function comparable({ path: _, bytesRead, files, findings, ...rest }: TargetReport) {
  return {
    ...rest,
    findings: findings.map(({ next, ...found }) => found),
    files: files.map(({ modified, ...file }) => file),
  };
}

const kinds: [string, (tar: Buffer) => Uint8Array][] = [
  ['db.tar', (tar) => tar],
  ['db.tar.gz', (tar) => gzipSync(tar, { level: 1 })],
  ['db.tar.zst', (tar) => compressZstd(tar)],
];

const damaged: [string, string[]][] = [
  ['basic-7.8', []],
  ['basic-7.8', ['flip 000019.log 0x7c.5']],
  ['blob-7.8', ['remove CURRENT']],
  ['kvrocks-backup', ['truncate 000016.sst 0x200']],
  ['kvrocks-race-9/db', []],
  ['formats-7.8', ['truncate 000017.sst 0x200']],
  ['backup-7.8', []],
  ['backup-7.8', ['flip shared_checksum/000009_sOKL8MGLIXOY37LL9025O_3090.sst 0x100.3', 'remove meta/1']],
];

describe.each(kinds)('%s', (name, compress) => {
  beforeAll(() => loadZstd());

  it.each(damaged)('%s with damage %j gives what its directory gives', async (base, patches) => {
    const files = await applyPatches(fixture(base), patches);
    const report = await scanBytes(name, compress(await tarOf(files, 'data/db/')));
    expect(comparable(report)).toEqual(comparable(await scanUnpacked(files)));
  });

  it('tells what it finds as it passes by', async () => {
    const patches = ['flip 000019.log 0x7c.5'];
    const tar = compress(await tarOf(await applyPatches(fixture('basic-7.8'), patches)));
    const told: Finding[] = [];
    const report = await scanBytes(name, tar, { onFinding: (found) => told.push(found) });
    const wal = report.findings.filter(({ file }) => file === '000019.log');
    expect(told.map(({ rule, severity }) => [rule, severity])).toEqual(
      wal.map(({ rule, severity }) => [rule, severity]),
    );
    expect(told.some(({ next }) => next !== undefined)).toBe(false);
  });

  it('is said to be cut short, and its first files are checked', async () => {
    const files = await applyPatches(fixture('basic-7.8'), ['flip 000019.log 0x7c.5']);
    const tar = await tarOf(files);
    const bytes = compress(tar);
    const { findings } = await scanBytes(name, bytes.subarray(0, bytes.length - 2000));
    expect(findings[0]).toMatchObject({ rule: 'archive/cut-short', severity: 'error', file: name });
    // all of a small archive is in one zstd block
    if (name !== 'db.tar.zst') expect(findings[1]).toMatchObject({ rule: 'wal/checksum-mismatch' });
  });

  it('does not take other files for a database', async () => {
    const files: FileSet = new Map([['notes.txt', Buffer.from('nothing')]]);
    const { findings, unchecked } = await scanBytes(name, compress(await tarOf(files)));
    expect(findings).toEqual([]);
    expect(unchecked.map(({ reason }) => reason)).toEqual([
      'the archive holds no database and no backup directory',
    ]);
  });
});

describe('an archive', () => {
  it('that is damaged says so', async () => {
    const bytes = gzipSync(await tarOf(fixture('basic-7.8')));
    bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 64);
    const { findings } = await scanBytes('db.tgz', bytes);
    expect(findings.map(({ rule }) => rule)).toContain('archive/damaged');
  });

  it('with several databases names them', async () => {
    const one = fixture('basic-7.8');
    const two = new Map(
      [...one].flatMap(
        ([name, bytes]) =>
          [
            [`a/${name}`, bytes],
            [`b/${name}`, bytes],
          ] as const,
      ),
    );
    const { unchecked } = await scanBytes('two.tar', await tarOf(two, ''));
    expect(unchecked[0].reason).toBe('the archive holds several databases, a, b: pack each by itself');
  });
});
