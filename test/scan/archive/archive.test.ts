import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BeyondLimit } from '../../../src/bytes/beyond-limit.js';
import { listArchive } from '../../../src/engine/archive-root.js';
import type { Finding } from '../../../src/finding/finding.js';
import type { TargetReport } from '../../../src/report/report.js';
import type { ScanHooks } from '../../../src/scan/options.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { type FileSet, fixture, withTemporaryDirectory, writeFileSet } from '../../support/files.js';
import { packings } from '../../support/packings.js';
import { applyPatches } from '../../support/patch.js';
import { tarOf } from '../../support/tar.js';
import { zipOf } from '../../support/zip.js';

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
function comparable({ path: _, archive, bytesRead, files, findings, ...rest }: TargetReport) {
  return {
    ...rest,
    findings: findings.map(({ next, ...found }) => found),
    files: files.map(({ modified, ...file }) => file),
  };
}

const damaged: [string, string[]][] = [
  ['basic-7.8', []],
  ['basic-7.8', ['flip 000019.log 0x7c.5']],
  ['blob-7.8', ['remove CURRENT']],
  ['kvrocks-backup', ['truncate 000016.sst 0x200']],
  ['kvrocks-race-9/db', []],
  ['formats-7.8', ['truncate 000017.sst 0x200']],
  ['backup-7.8', []],
  ['leveldb', []],
  ['leveldb', ['flip 000005.ldb 0x40.2']],
  ['backup-7.8', ['flip shared_checksum/000009_sOKL8MGLIXOY37LL9025O_3090.sst 0x100.3', 'remove meta/1']],
];

describe.each(packings)('%s', (name, packed) => {
  it.each(damaged)('%s with damage %j gives what its directory gives', async (base, patches) => {
    const files = await applyPatches(fixture(base), patches);
    const report = await scanBytes(name, await packed(files, 'data/db/'));
    expect(comparable(report)).toEqual(comparable(await scanUnpacked(files)));
  });

  it('tells what it finds as it passes by', async () => {
    const patches = ['flip 000019.log 0x7c.5'];
    const archive = await packed(await applyPatches(fixture('basic-7.8'), patches));
    const told: Finding[] = [];
    const report = await scanBytes(name, archive, { onFinding: (found) => told.push(found) });
    const wal = report.findings.filter(({ file }) => file === '000019.log');
    expect(told.map(({ rule, severity }) => [rule, severity])).toEqual(
      wal.map(({ rule, severity }) => [rule, severity]),
    );
    expect(told.some(({ next }) => next !== undefined)).toBe(false);
  });

  it('is said to be cut short, and its first files are checked', async () => {
    const files = await applyPatches(fixture('basic-7.8'), ['flip 000019.log 0x7c.5']);
    const bytes = await packed(files);
    const { findings } = await scanBytes(name, bytes.subarray(0, bytes.length - 2000));
    expect(findings[0]).toMatchObject({ rule: 'archive/cut-short', severity: 'error', file: name });
    // all of a small archive is in one zstd block, and a zip archive says at its end what it holds
    if (/\.tar(?:\.gz)?$/.test(name)) expect(findings[1]).toMatchObject({ rule: 'wal/checksum-mismatch' });
  });

  it('does not take other files for a database', async () => {
    const files: FileSet = new Map([['notes.txt', Buffer.from('nothing')]]);
    const { findings, unchecked } = await scanBytes(name, await packed(files));
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

  it('of files packed each by itself names those that do not come out whole, and checks them and all others', async () => {
    const files = fixture('leveldb');
    const bytes = zipOf(files, 'db/');
    // in the table's deflate stream
    bytes.fill(0xff, bytes.indexOf('000005.ldb') + 400, bytes.indexOf('000005.ldb') + 464);
    const { findings, files: seen } = await scanBytes('world.mcworld', bytes);
    expect(findings[0]).toMatchObject({ rule: 'archive/damaged', file: 'world.mcworld' });
    expect(findings[0].message).toContain('db/000005.ldb');
    expect(new Set(findings.slice(1).map(({ file }) => file))).toEqual(new Set(['000005.ldb']));
    expect(seen.filter(({ status }) => status === 'clean').map(({ path: at }) => at)).toEqual([
      '000004.log',
      'CURRENT',
      'MANIFEST-000002',
    ]);
  });

  it('never throws, whatever happens to a byte of a zip archive', async () => {
    const bytes = zipOf(fixture('leveldb'), 'db/');
    const directory = bytes.indexOf('PK\x01\x02');
    await withTemporaryDirectory(async (dir) => {
      const file = path.join(dir, 'world.mcworld');
      for (const at of [
        ...Array(30).keys(),
        ...Array.from({ length: bytes.length - directory }, (_, i) => directory + i),
      ]) {
        const changed = Buffer.from(bytes);
        changed[at] ^= 0x81;
        fs.writeFileSync(file, changed);
        const listed = await listArchive(file).catch((error) => error);
        expect(
          listed instanceof BeyondLimit || listed === undefined || listed.listing.files instanceof Map,
          `${at}`,
        ).toBe(true);
      }
    });
  }, 60_000);
});
