import { existsSync, linkSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { kvdoctor } from './host.js';

describe('an output', () => {
  it('never lands in what is read, by path or by link', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const outside = path.dirname(dir);
      symlinkSync(dir, path.join(outside, 'way'));
      symlinkSync(path.join(dir, 'CURRENT'), path.join(outside, 'report.json'));
      const before = readFileSet(dir);
      for (const command of [
        `scan ${dir} --format json=${dir}/CURRENT`,
        `scan ${dir} --format json=${dir}/new.json`,
        `scan ${dir} --format json=${outside}/way/new.json`,
        `scan ${dir} --format json=${outside}/report.json`,
        `scan ${dir}/000017.log --format json=${dir}/000017.log`,
        `scan ${dir}/000017.log --format json=${dir}/new.json`,
        `simulate ${dir} --format json=${dir}/CURRENT`,
        `repair --mode point-in-time --dry-run ${dir} --format json=${dir}/CURRENT`,
        `export ${dir} --output ${dir}/new.ndjson`,
        `export ${dir} --output ${outside}/way/new`,
      ]) {
        const { status, err } = await kvdoctor(command);
        expect([command, status]).toEqual([command, 2]);
        expect(err).toMatch(/where nothing is written/);
      }
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it('never lands in any database, whatever is read', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const report = path.join(path.dirname(dir), 'report.json');
      await kvdoctor(`scan ${dir} --format json=${report}`);
      const other = inRepository('fixtures/kvrocks-mixed/db');
      symlinkSync(path.join(dir, 'CURRENT'), path.join(path.dirname(dir), 'way'));
      const before = readFileSet(dir);
      for (const command of [
        `render ${report} --format html=${dir}/CURRENT`,
        `render ${report} --format html=${path.dirname(dir)}/way`,
        `merge ${report} --format json=${dir}/MANIFEST-000005`,
        `scan ${other} --format json=${dir}/000017.log`,
        `export ${other} --output ${dir}/all.ndjson`,
      ]) {
        const { status, err } = await kvdoctor(command);
        expect([command, status]).toEqual([command, 2]);
        expect(err).toMatch(/where nothing is written/);
      }
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it('replaces its name and not the file that has a second one', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const report = path.join(path.dirname(dir), 'report.json');
      const current = readFileSync(path.join(dir, 'CURRENT'));
      linkSync(path.join(dir, 'CURRENT'), report);
      expect((await kvdoctor(`scan ${dir} --format json=${report} -q`)).status).toBe(0);
      expect(readFileSync(path.join(dir, 'CURRENT'))).toEqual(current);
      expect(JSON.parse(readFileSync(report, 'utf8')).verdict).toBe('clean');
      expect(existsSync(report)).toBe(true);
    });
  });
});
