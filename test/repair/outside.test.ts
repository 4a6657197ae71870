import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { kvdoctor } from '../cli/host.js';
import { expectValid } from '../report/schema.js';
import { readFileSet } from '../support/files.js';
import { withWalDir } from '../support/places.js';

/*
 * A repair writes to its target, and elsewhere only where the command line says so: OPTIONS and LOG of a copy still name the
 * directories of the original.
 */

const damage = ['flip 000019.log 0x60.3'];
const inPlace = '--mode point-in-time --in-place --yes --no-progress';

/** A process that holds the lock on a database as an engine does, or has a file of a directory open for writing. */
async function holding<T>(code: string, file: string, body: () => Promise<T>): Promise<T> {
  const child = spawn('python3', ['-c', code, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  try {
    return await body();
  } finally {
    child.stdin.end();
    await new Promise((resolve) => child.on('close', resolve));
  }
}

const LOCKED = `import fcntl,sys
f=open(sys.argv[1],"r+")
fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB)
print("held",flush=True)
sys.stdin.read()`;
const OPEN = `import sys
f=open(sys.argv[1],"r+")
print("open",flush=True)
sys.stdin.read()`;

describe('a repair of a database with a wal_dir', () => {
  it('leaves a directory alone that only OPTIONS names, and says which option allows it', () =>
    withWalDir(damage, async ({ db, wal, walFiles }) => {
      const before = walFiles();
      const { status, out } = await kvdoctor(`repair ${db} ${inPlace}`);
      expect(status).toBe(5);
      expect(out.replace(/\s+/g, ' ')).toContain(`which only OPTIONS-000011 names`);
      expect(out.replace(/\s+/g, ' ')).toContain(`--wal-dir ${wal}`);
      expect(walFiles()).toEqual(before);
    }));

  it('shows in the plan, before all else, where it would write besides, and how to say so', () =>
    withWalDir(damage, async ({ db, wal, walFiles }) => {
      const before = walFiles();
      const { status, out } = await kvdoctor(`repair ${db} --mode point-in-time --dry-run`);
      expect(status).toBe(0);
      expect(out).toMatch(/Plan: point-in-time.*\n {2}writes outside {2}\S+\/wal\n/);
      expect(out.indexOf('writes outside')).toBeLessThan(out.indexOf('change  '));
      expect(out.replace(/\s+/g, ' ')).toContain(`repair --mode point-in-time --in-place --wal-dir ${wal}`);
      const json = await kvdoctor(`repair ${db} --mode point-in-time --dry-run --format json`);
      const report = JSON.parse(json.out);
      expectValid(report);
      expect(report.targets[0].plan.outside).toEqual([
        { directory: wal, option: '--wal-dir', given: false, owners: [] },
      ]);
      expect(walFiles()).toEqual(before);
    }));

  it('writes there when it is told to, by a relative name too, and goes back', () =>
    withWalDir(damage, async ({ db, wal, walFiles }) => {
      const before = walFiles();
      const relative = path.relative(process.cwd(), wal);
      const { status, out } = await kvdoctor(`repair ${db} --wal-dir ${relative} ${inPlace}`);
      expect(status).toBe(0);
      expect(walFiles()).not.toEqual(before);
      const command = /^ +kvdoctor (undo .*)$/m.exec(out)?.[1] ?? '';
      expect(await kvdoctor(command.replace(/\s+/g, ' '))).toMatchObject({ status: 0 });
      expect(walFiles()).toEqual(before);
    }));

  it('never cuts the WALs of the original for a copy, running or not, told to or not', () =>
    withWalDir(damage, async ({ parent, db, wal, walFiles }) => {
      const copy = path.join(parent, 'copy');
      fs.cpSync(db, copy, { recursive: true });
      const before = [walFiles(), readFileSet(db), readFileSet(copy)];
      for (const option of ['', `--wal-dir ${wal}`]) {
        const { status, out } = await kvdoctor(`repair ${copy} ${option} ${inPlace}`);
        expect(status).toBe(5);
        expect(out.replace(/\s+/g, ' ')).toContain(`is a copy of that`);
        const running = await holding(LOCKED, path.join(db, 'LOCK'), () =>
          kvdoctor(`repair ${copy} ${option} ${inPlace}`),
        );
        expect(running.status).toBe(5);
      }
      expect([walFiles(), readFileSet(db), readFileSet(copy)]).toEqual(before);
    }));

  it('repairs the original beside a copy that names the same directory, and holds the lock of both', () =>
    withWalDir(damage, async ({ parent, db, wal, walFiles }) => {
      const copy = path.join(parent, 'copy');
      fs.cpSync(db, copy, { recursive: true });
      const before = walFiles();
      const busy = await holding(LOCKED, path.join(copy, 'LOCK'), () =>
        kvdoctor(`repair ${db} --wal-dir ${wal} ${inPlace}`),
      );
      expect(busy).toMatchObject({ status: 4, err: expect.stringContaining(`${copy} is in use`) });
      expect(walFiles()).toEqual(before);
      const { status, out } = await kvdoctor(`repair ${db} --wal-dir ${wal} ${inPlace}`);
      expect(out.replace(/\s+/g, ' ')).toContain(`${copy} uses it, too: its lock is held meanwhile`);
      expect(status).toBe(0);
      expect(walFiles()).not.toEqual(before);
      expect(fs.statSync(path.join(copy, 'LOCK')).size).toBe(0);
    }));

  it.skipIf(process.platform !== 'linux')(
    'does not write where a process has files open for writing, whoever it is',
    () =>
      withWalDir(damage, async ({ db, wal, walFiles }) => {
        const before = walFiles();
        const { status, err } = await holding(OPEN, path.join(wal, '000019.log'), () =>
          kvdoctor(`repair ${db} --wal-dir ${wal} ${inPlace}`),
        );
        expect(status).toBe(4);
        expect(err).toContain(`files of ${wal} are open for writing in process`);
        expect(walFiles()).toEqual(before);
      }),
  );

  it('does not let LOG name a directory of tables that is written to', () =>
    withWalDir([], async ({ parent, db }) => {
      const other = path.join(parent, 'other');
      fs.mkdirSync(other);
      fs.renameSync(path.join(db, '000016.sst'), path.join(other, '000016.sst'));
      const table = path.join(other, '000016.sst');
      const bytes = fs.readFileSync(table);
      bytes[40] ^= 1;
      bytes[41] ^= 3;
      fs.writeFileSync(table, bytes);
      fs.appendFileSync(
        path.join(db, 'LOG'),
        `x SST files in ${other} dir, Total Num: 1, files: 000016.sst\n`,
      );
      const { status } = await kvdoctor(`repair ${db} --strategy tables --in-place --yes --no-progress`);
      // what is left of it goes where the MANIFEST leads the engine to: into the database itself
      expect(status).toBe(0);
      expect(fs.readFileSync(table)).toEqual(bytes);
      expect(fs.readdirSync(other)).toEqual(['000016.sst']);
    }));
});
