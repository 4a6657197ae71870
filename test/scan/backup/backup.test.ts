import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/finding/finding.js';
import type { ScanOptions } from '../../../src/scan/options.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { withDatabase } from '../../support/database.js';

const table = 'shared_checksum/000009_sOKL8MGLIXOY37LL9025O_3090.sst';

function scan(patches: string[], options: ScanOptions = {}) {
  return withDatabase('backup-7.8', patches, (dir) => scanTarget(dir, options));
}

async function verdicts(patches: string[], options: ScanOptions = {}) {
  const { backups } = await scan(patches, options);
  return backups?.map(({ id, verdict }) => `${id} ${verdict}`);
}

describe('a BackupEngine directory', () => {
  it('is clean when nothing is wrong with it', async () => {
    const report = await scan([]);
    expect(report).toMatchObject({ kind: 'backup', findings: [], unchecked: [] });
    expect(report.backups).toEqual([
      { id: 1, timestamp: 1795303286, sequence: '30', verdict: 'clean', files: 4, size: 10222 },
      { id: 2, timestamp: 1795303286, sequence: '60', verdict: 'clean', files: 5, size: 12592 },
    ]);
  });

  it('reads a file that two backups share once', async () => {
    const { bytesRead, files } = await scan([]);
    const shared = files.find(({ path }) => path === table)?.size ?? 0;
    const wal = files.find(({ path }) => path.endsWith('.log'))?.size ?? 0;
    expect(bytesRead).toBeLessThan(2 * shared + wal);
  });

  it('reports damage of a shared file once, with the ids of all backups that list it', async () => {
    const report = await scan([`flip ${table} 0x100.3`]);
    expect(report.findings).toHaveLength(1);
    expect(report.findings[0]).toMatchObject({ rule: 'sst/block-checksum', file: table });
    expect(report.findings[0].evidence.backups).toEqual([1, 2]);
    expect(report.findings[0].evidence.backupChecksum).toMatch(/^does not match/);
    expect(report.backups?.map(({ verdict }) => verdict)).toEqual(['damaged', 'damaged']);
  });

  it.each([
    ['a file of the second', ['remove private/2/CURRENT'], ['1 clean', '2 damaged']],
    ['a bit in the OPTIONS of the first', ['flip private/1/OPTIONS-000007 0x40.0'], ['1 damaged', '2 clean']],
    [
      'a bit in the MANIFEST of the first',
      ['flip private/1/MANIFEST-000005 0x40.0'],
      ['1 damaged', '2 clean'],
    ],
    ['a bit in the WAL of the second', ['flip private/2/000008.log 0x40.0'], ['1 clean', '2 damaged']],
    ['the meta file of the second', ['remove meta/2'], ['1 clean', '2 unfinished']],
    ['half of the meta file of the first', ['truncate meta/1 100'], ['1 damaged', '2 clean']],
  ])('blames only the backup that lost %s', async (_, patches, expected) => {
    expect(await verdicts(patches)).toEqual(expected);
  });

  it('looks into files that only a MANIFEST names when the meta file is damaged', async () => {
    const { findings } = await scan(['truncate meta/1 100', 'truncate meta/2 100', `flip ${table} 0x100.3`]);
    expect(findings.map(({ rule, evidence }) => `${rule} ${evidence.backups}`).sort()).toEqual([
      'backup/meta-truncated 1',
      'backup/meta-truncated 2',
      'sst/block-checksum 1,2',
    ]);
  });

  it('tells of damage as soon as the file has been read', async () => {
    const told: Finding[] = [];
    const patches = [`flip ${table} 0x100.3`];
    const report = await withDatabase('backup-7.8', patches, (dir) =>
      scanTarget(dir, {}, { onFinding: (found) => told.push(found) }),
    );
    const key = ({ rule, severity, evidence }: Finding) => [rule, severity, evidence.backups];
    expect(told.map(key)).toEqual(report.findings.filter(({ file }) => file === table).map(key));
    expect(told).toHaveLength(1);
  });

  it('checks one backup when told to', async () => {
    expect(await verdicts(['remove private/2/CURRENT'], { backups: [1] })).toEqual(['1 clean']);
    const { unchecked } = await scan([], { backups: [7] });
    expect(unchecked).toEqual([{ file: 'meta/7', reason: 'there is no backup 7; there are 1, 2' }]);
  });

  it('that holds no backup is not called clean', async () => {
    const own = ['meta/1', 'meta/2', 'private/2/000008.log'];
    const each = ['CURRENT', 'MANIFEST-000005', 'OPTIONS-000007'].flatMap((name) => [
      `private/1/${name}`,
      `private/2/${name}`,
    ]);
    const patches = [...own, ...each].map((file) => `remove ${file}`);
    const { unchecked } = await scan([...patches, 'create shared/note ""']);
    expect(unchecked).toEqual([
      { file: '.', reason: 'the directory holds no backup: no meta file and no private directory' },
    ]);
  });

  it('does not read shared files again that an earlier report vouches for', async () => {
    await withDatabase('backup-7.8', [], async (dir) => {
      const before = await scanTarget(dir);
      const since = { files: before.files, depth: 'full' as const, checkedAt: '2026-11-22T00:00:00.000Z' };
      const again = await scanTarget(dir, { since });
      expect(again.findings).toEqual([]);
      expect(again.files.find(({ path }) => path === table)).toMatchObject({
        status: 'trusted',
        checkedAt: since.checkedAt,
      });
      expect(again.bytesRead).toBeLessThan(before.bytesRead);
    });
  });
});
