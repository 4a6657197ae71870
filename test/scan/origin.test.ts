import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/finding/finding.js';
import type { Listing, ListingEntry } from '../../src/io/listing.js';
import type { TargetReport } from '../../src/report/report.js';
import { listedOrigin } from '../../src/scan/origin.js';
import { scanOrigin } from '../../src/scan/pipeline.js';
import { scanTarget } from '../../src/scan/scan.js';
import { type FileSet, fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';

/** What a bucket would be: files that are listed with their sizes and opened by what the listing says of them. */
function listed(files: FileSet): Listing {
  const entries = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    target: 'bucket',
    files: new Map(
      entries.map(([path, content]): [string, ListingEntry] => {
        const bytes = new Uint8Array(content);
        return [path, { path, size: bytes.length, mtimeMs: 0, source: { kind: 'memory', bytes } }];
      }),
    ),
    directories: [],
    unlistable: [],
  };
}

/** Everything but where the files lie and what can be typed there. */
function comparable({ path: _, files, findings, recovery, ...rest }: TargetReport) {
  return {
    ...rest,
    recovery,
    findings: findings.map(({ next, ...found }) => found),
    files: files.map(({ modified, ...file }) => file),
  };
}

const damaged: [string, string[]][] = [
  ['basic-7.8', ['flip 000019.log 0x7c.5', 'flip 000014.sst 0x20.1']],
  ['blob-7.8', ['remove CURRENT']],
  ['kvrocks-backup', ['truncate 000016.sst 0x200']],
  ['backup-7.8', ['flip shared_checksum/000009_sOKL8MGLIXOY37LL9025O_3090.sst 0x100.3', 'remove meta/1']],
];

describe('files that are a listing and sources', () => {
  it.each(damaged)('%s with damage %j are scanned as a directory is', async (base, patches) => {
    const files = await applyPatches(fixture(base), patches);
    const options = { recovery: true, jobs: 2 };
    const told: Finding[] = [];
    const report = await scanOrigin(listedOrigin(listed(files)), options, {
      onFinding: (found) => told.push(found),
    });
    const unpacked = await withTemporaryDirectory((dir) => {
      writeFileSet(files, dir);
      return scanTarget(dir, options);
    });
    expect(comparable(report)).toEqual(comparable(unpacked));
    expect(report.findings.length).toBeGreaterThan(0);
    expect([...told, ...report.findings].some(({ next }) => next !== undefined)).toBe(false);
  });

  it('are not read again where an earlier report has them', async () => {
    const origin = listedOrigin(listed(fixture('basic-7.8')));
    const before = await scanOrigin(origin, {}, {});
    const since = { files: before.files, depth: 'full' as const, checkedAt: '2027-01-01T00:00:00.000Z' };
    const { files } = await scanOrigin(origin, { since }, {});
    const tables = files.filter(({ kind }) => kind === 'table');
    expect(tables.length).toBeGreaterThan(0);
    expect(tables.every(({ status }) => status === 'trusted')).toBe(true);
  });
});

describe('one file', () => {
  it('tells its findings as a directory does', async () => {
    const files = await applyPatches(fixture('basic-7.8'), ['flip 000019.log 0x7c.5']);
    await withTemporaryDirectory(async (dir) => {
      writeFileSet(files, dir);
      const told: Finding[] = [];
      const report = await scanTarget(`${dir}/000019.log`, {}, { onFinding: (found) => told.push(found) });
      expect(told).toEqual(report.findings);
      expect(told).toHaveLength(1);
    });
  });
});
