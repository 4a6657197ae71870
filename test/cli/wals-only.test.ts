import { describe, expect, it } from 'vitest';
import { withDatabase } from '../support/database.js';
import { kvdoctor } from './host.js';

/** Everything of fixtures/wal-large-7.8 but its WALs. */
const others = ['000011.sst', '000013.sst', 'CURRENT', 'IDENTITY', 'LOCK', 'MANIFEST-000005'];
const options = ['OPTIONS-000007', 'OPTIONS-000009'];
const walsOnly = [...others, ...options].map((file) => `remove ${file}`);

describe('a directory that holds WALs only', () => {
  it('is no damaged database', () =>
    withDatabase('wal-large-7.8', walsOnly, async (dir) => {
      const { status, out } = await kvdoctor(`scan ${dir}`);
      expect(status).toBe(0);
      expect(out).toContain('note directory/wals-only');
      expect(out).toContain(`kvdoctor scan --wal-dir ${dir} DB`);
      expect(out).not.toContain('CURRENT');
    }));

  it('has each WAL checked, and damage leads to the database, not to a repair', () =>
    withDatabase('wal-large-7.8', [...walsOnly, 'flip 000012.log 0x60.3'], async (dir) => {
      const { status, out } = await kvdoctor(`scan ${dir}`);
      expect(status).toBe(1);
      expect(out).toContain('error wal/');
      expect(out).toContain(`next  kvdoctor scan --wal-dir ${dir} DB`);
      expect(out).not.toContain('kvdoctor repair');
    }));

  it.each([
    'simulate',
    'repair --strategy heal --dry-run',
    'repair --mode point-in-time --dry-run',
    'export',
  ])('is refused by %s in one sentence that names the option', (command) =>
    withDatabase('wal-large-7.8', walsOnly, async (dir) => {
      const { status, out, err } = await kvdoctor(`${command} --no-progress ${dir}`);
      expect(status).toBe(3);
      const text = `${out}${err}`.replace(/\s+/g, ' ');
      expect(text).toContain('these are WALs without their database');
      expect(text).toContain(`--wal-dir ${dir}`);
    }),
  );

  it('that has LOCK, too, is a database that lost the rest', () =>
    withDatabase(
      'wal-large-7.8',
      walsOnly.filter((patch) => patch !== 'remove LOCK'),
      async (dir) => {
        const { status, out } = await kvdoctor(`scan ${dir}`);
        expect(status).toBe(1);
        expect(out).toContain('error directory/current-missing');
      },
    ));
});
