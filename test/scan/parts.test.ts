import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repairTarget } from '../../src/repair/run.js';
import { scanTarget } from '../../src/scan/scan.js';
import { withDatabase } from '../support/database.js';
import { fixture, withTemporaryDirectory } from '../support/files.js';

/* Directories that are a part of something else. */

const planned = (dir: string) =>
  repairTarget(
    dir,
    { way: { strategy: 'auto' }, destination: { kind: 'dry-run' }, tool: 'test', jobs: 1 },
    { confirm: async () => false },
  );

describe('what one backup of a BackupEngine directory has for itself', () => {
  it('is not checked without the rest, which is named', async () => {
    await withDatabase('backup-7.8', [], async (dir) => {
      const { unchecked, findings } = await scanTarget(join(dir, 'private', '2'));
      expect(findings).toEqual([]);
      expect(unchecked[0].reason).toContain(`its tables lie elsewhere in ${dir}: scan that directory`);
      const { repair, plan } = await planned(join(dir, 'private', '2'));
      expect([repair?.state, plan]).toEqual(['refused', undefined]);
    });
  });

  it('is a checkpoint where it lies alone', async () => {
    await withDatabase('backup-7.8', ['remove meta/2'], async (dir) => {
      const { kind, findings } = await scanTarget(join(dir, 'private', '2'));
      expect(kind).toBe('checkpoint');
      expect(findings.map(({ rule }) => rule)).toContain('directory/missing-table');
    });
  });
});

describe('a directory of tables alone', () => {
  it.each([
    [['000016.sst'], 'this is a table without its database'],
    [['000016.sst', '000018.sst'], 'these are 2 tables without their database'],
  ])('of %s is called that', async (files, text) => {
    await withTemporaryDirectory(async (parent) => {
      const dir = join(parent, 'db');
      mkdirSync(dir);
      const base = fixture('basic-7.8');
      for (const file of files) writeFileSync(join(dir, file), base.get(file)!);
      const { findings } = await scanTarget(dir);
      const [error] = findings.filter(({ severity }) => severity === 'error');
      expect(error.message).toContain(text);
      expect(error.next).toBe(`kvdoctor scan ${join(dir, files[0])}`);
    });
  });
});
