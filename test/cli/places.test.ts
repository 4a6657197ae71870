import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectValid } from '../report/schema.js';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';
import { withWalDir } from '../support/places.js';
import { kvdoctor } from './host.js';

/*
 * A directory that the database names and that is not here: what lies in it is not known, so no command says that all is well.
 */

const flat = (text: string) => text.replace(/\s+/g, ' ');

/** Every command about a database, with what it needs; DB stands for the directory. */
const commands: [name: string, line: string, options: string][] = [
  ['scan', 'scan DB', '--wal-dir WAL'],
  ['scan of a part', 'scan --shard 1/1 --format json DB', '--wal-dir WAL'],
  ['simulate', 'simulate DB', '--wal-dir WAL'],
  ['export', 'export DB', '--wal-dir WAL'],
  ['lenient export', 'export --lenient DB', '--wal-dir WAL'],
  ['find', 'find --key order:0001 DB', '--wal-dir WAL'],
  ['compare', 'compare DB DB', '--wal-dir-a WAL --wal-dir-b WAL'],
  ['repair', 'repair --mode point-in-time --in-place --yes DB', '--wal-dir WAL'],
  ['repair to a copy', 'repair --strategy auto --yes DB', '--wal-dir WAL'],
  ['a dry run', 'repair --strategy auto --dry-run DB', '--wal-dir WAL'],
];

describe('a wal_dir that is not here', () => {
  it.each(commands)('%s ends with status 3 and names the option; with it all is there', (_, line, options) =>
    withWalDir([], async ({ parent, db, wal }) => {
      const moved = path.join(parent, 'db.wal');
      fs.renameSync(wal, moved);
      const before = readFileSet(parent);
      const typed = line.replaceAll('DB', db);
      const { status, out, err } = await kvdoctor(typed);
      expect(status).toBe(3);
      expect(flat(out + err)).toContain(`wal_dir ${wal}`);
      expect(flat(out + err)).toContain(`--wal-dir ${moved}`);
      expect(readFileSet(parent)).toEqual(before);
      const found = await kvdoctor(`${typed} ${options.replaceAll('WAL', moved)}`);
      expect(found.status).toBe(0);
    }),
  );

  it('is not looked over when an empty directory stands in its place, or none may be listed', () =>
    withWalDir([], async ({ db, wal }) => {
      for (const name of fs.readdirSync(wal)) fs.rmSync(path.join(wal, name));
      const { status, out } = await kvdoctor(`scan ${db}`);
      expect(status).toBe(3);
      expect(out).toContain('it holds no WALs');
      fs.rmdirSync(wal);
      fs.writeFileSync(wal, '');
      expect(await kvdoctor(`scan ${db}`)).toMatchObject({ status: 3 });
    }));

  it('is a warning in every format, and says nothing of WALs that are gone', () =>
    withWalDir([], async ({ db, wal }) => {
      fs.rmSync(wal, { recursive: true });
      const { out } = await kvdoctor(`scan ${db} --format json`);
      const report = JSON.parse(out);
      expectValid(report);
      expect(report.verdict).toBe('incomplete');
      const { findings, unchecked } = report.targets[0];
      expect(findings).toMatchObject([
        {
          rule: 'directory/wal-dir-not-here',
          severity: 'warning',
          evidence: { option: 'wal_dir', named: wal, reason: 'it is not there' },
        },
      ]);
      expect(unchecked).toMatchObject([{ file: 'OPTIONS-000011' }]);
    }));

  it('suggests only logs that connect by sequence', () =>
    withWalDir([], async ({ parent, db, wal }) => {
      const later = path.join(parent, 'later');
      fs.renameSync(wal, later);
      fs.rmSync(path.join(later, '000017.log'));
      // the first batch of 000019.log is 307: nothing has 304 to 306
      const { out } = await kvdoctor(`scan ${db} --format json`);
      const [finding] = JSON.parse(out).targets[0].findings;
      expect(finding.evidence.nearby).toBeUndefined();
      expect(finding.next).toBeUndefined();
    }));

  it('is the database directory itself where the command line says so', () =>
    withWalDir([], async ({ db, wal }) => {
      fs.rmSync(wal, { recursive: true });
      const { out } = await kvdoctor(`scan ${db} --wal-dir ${db} --format json`);
      expect(out).not.toContain('wal-dir-not-here');
    }));

  it.each(['', 'as LOG says, too'])(
    'is no other directory where it is the old name of the database %s',
    (told) =>
      withDatabase('basic-7.8', [], async (db) => {
        const options = path.join(db, 'OPTIONS-000011');
        const text = fs.readFileSync(options, 'utf8');
        fs.writeFileSync(options, text.replace('[DBOptions]', '[DBOptions]\n  wal_dir=/nowhere/app/db'));
        if (told) {
          for (const name of ['000017.log', '000019.log']) fs.rmSync(path.join(db, name));
          fs.writeFileSync(
            path.join(db, 'LOG'),
            'x Recovered from manifest file:/nowhere/app/db/MANIFEST-000005 succeeded\n',
          );
        }
        expect((await kvdoctor(`scan ${db} --format json`)).out).not.toContain('wal-dir-not-here');
      }),
  );

  it('is asked for where the database directory has only WALs that recovery does not read', () =>
    withWalDir([], async ({ db, wal }) => {
      fs.rmSync(wal, { recursive: true });
      fs.writeFileSync(path.join(db, '000003.log'), '');
      expect(await kvdoctor(`scan ${db}`)).toMatchObject({ status: 3 });
    }));

  it('does not make a checkpoint incomplete: its WALs came with it', () =>
    withWalDir([], async ({ db, wal }) => {
      fs.rmSync(wal, { recursive: true });
      for (const name of ['LOCK', 'LOG', 'IDENTITY']) fs.rmSync(path.join(db, name));
      expect((await kvdoctor(`scan ${db} --format json`)).out).not.toContain('wal-dir-not-here');
    }));
});

describe('a db_path that is not here', () => {
  const withPath = <T>(body: (place: { db: string; hdd: string; moved: string }) => Promise<T>) =>
    withDatabase('basic-7.8', [], async (db) => {
      const [hdd, moved] = ['hdd', 'disk-of-the-old-host'].map((name) => path.join(db, '..', name));
      fs.mkdirSync(moved);
      fs.renameSync(path.join(db, '000016.sst'), path.join(moved, '000016.sst'));
      fs.writeFileSync(
        path.join(db, 'LOG'),
        [
          `SST files in ${hdd} dir, Total Num: 1, files: 000016.sst`,
          `Recovered from manifest file:${db}/MANIFEST-000005 succeeded`,
        ]
          .map((line) => `2026/01/01-00:00:00.000000 1 ${line}\n`)
          .join(''),
      );
      return body({ db, hdd, moved });
    });

  it.each(commands.map(([name, line]) => [name, line] as const))(
    '%s ends with status 3 and names what lies nearby; with it all is there',
    (_, line) =>
      withPath(async ({ db, moved }) => {
        const typed = line.replaceAll('DB', db);
        const { status, out, err } = await kvdoctor(typed);
        expect(status).toBe(3);
        expect(flat(out + err)).toContain(`--db-path ${moved}`);
        const option = line.startsWith('compare')
          ? `--db-path-a ${moved} --db-path-b ${moved}`
          : `--db-path ${moved}`;
        expect(await kvdoctor(`${typed} ${option}`)).toMatchObject({ status: 0 });
      }),
  );

  it('leaves a table missing that should lie in the database directory', () =>
    withPath(async ({ db }) => {
      fs.writeFileSync(
        path.join(db, 'LOG'),
        `x SST files in ${db} dir, Total Num: 1\nx Recovered from manifest file:${db}/MANIFEST-000005 succeeded\n`,
      );
      expect(await kvdoctor(`scan ${db}`)).toMatchObject({ status: 1 });
    }));
});
