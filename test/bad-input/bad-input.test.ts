import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Report } from '../../src/report/report.js';
import { type CliOptions, kvdoctor } from '../support/cli.js';
import { withDatabase } from '../support/database.js';
import { badSector, canFail } from '../support/faults.js';
import { withTemporaryDirectory } from '../support/files.js';
import { inRepository } from '../support/repository.js';

/*
 * What people and machines really hand to a command: wrong directories, files without permission, files that change under
 * the reader, disks with bad sectors. Each gives a message that says what is wrong, and its exit status.
 */

interface Scanned {
  status: number | null;
  report: Report;
  stderr: string;
}

async function scan(dir: string, options: CliOptions = {}, ...more: string[]): Promise<Scanned> {
  const { status, stdout, stderr } = await kvdoctor(['scan', dir, '--format', 'json', ...more], options);
  expect(stderr).not.toMatch(/^\s+at |internal error/m);
  return { status, report: JSON.parse(stdout), stderr };
}

const complaints = ({ report }: Scanned) =>
  report.targets.flatMap((target) => target.findings).filter((finding) => finding.severity !== 'note');

describe('what is not a database', () => {
  test('a name that is not there', async () => {
    const { status, stdout, stderr } = await kvdoctor(['scan', '/nowhere/db']);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('/nowhere/db: no such file or directory');
  });

  test.each([
    ['an empty directory', {}, 'the directory is empty: there is no database here'],
    [
      'a directory of something else',
      { 'README.txt': 'hello', 'data.csv': '1,2,3\n' },
      'this is not a database',
    ],
  ])('%s', async (_, files: Record<string, string>, reason) => {
    await withTemporaryDirectory(async (dir) => {
      for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(dir, name), text);
      const { status, report } = await scan(dir);
      expect(status).toBe(3);
      expect(report.verdict).toBe('incomplete');
      const [{ unchecked, findings }] = report.targets;
      expect(findings).toEqual([]);
      expect(unchecked).toMatchObject([{ file: '.', reason: expect.stringContaining(reason) }]);
    });
  });

  test('a file that is not one of the engine', async () => {
    const { status, report } = await scan(inRepository('package.json'));
    expect(status).toBe(3);
    expect(report.targets[0].findings).toEqual([]);
    expect(report.targets[0].unchecked).toHaveLength(1);
  });
});

describe('names and links', () => {
  test('blanks in the path', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const moved = path.join(path.dirname(dir), 'my data base');
      fs.renameSync(dir, moved);
      expect((await scan(moved)).status).toBe(0);
    });
  });

  test('a name that is not UTF-8', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      fs.writeFileSync(
        Buffer.concat([Buffer.from(`${dir}/caf`), Buffer.from([0xe9]), Buffer.from('.sst')]),
        'x',
      );
      const scanned = await scan(dir);
      expect({ status: scanned.status, findings: complaints(scanned) }).toEqual({ status: 0, findings: [] });
      const odd = scanned.report.targets[0].files.find((file) => file.pathBase64 !== undefined);
      expect(Buffer.from(odd!.pathBase64!, 'base64')).toEqual(Buffer.from('636166e92e737374', 'hex'));
    });
  });

  test('symbolic links to the directory and to its files', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const link = path.join(path.dirname(dir), 'link');
      fs.symlinkSync(dir, link);
      const elsewhere = path.join(path.dirname(dir), 'elsewhere.sst');
      fs.renameSync(path.join(dir, '000016.sst'), elsewhere);
      fs.symlinkSync(elsewhere, path.join(dir, '000016.sst'));
      expect((await scan(link)).status).toBe(0);
    });
  });

  test('a link to itself, a link to nothing, a directory and a pipe where files should be', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      fs.symlinkSync('000030.sst', path.join(dir, '000030.sst'));
      fs.symlinkSync('/nowhere', path.join(dir, '000031.log'));
      fs.mkdirSync(path.join(dir, '000032.sst'));
      execFileSync('mkfifo', [path.join(dir, '000033.log')]);
      const scanned = await scan(dir);
      expect({ status: scanned.status, findings: complaints(scanned) }).toEqual({ status: 3, findings: [] });
      const unchecked = scanned.report.targets[0].unchecked.map(({ file }) => file);
      expect(unchecked.sort()).toEqual(['000031.log', '000033.log']);
    });
  });
});

describe('sizes', () => {
  test('a live table of no bytes', async () => {
    await withDatabase('basic-7.8', ['truncate 000016.sst 0'], async (dir) => {
      const scanned = await scan(dir);
      expect(scanned.status).toBe(1);
      expect(complaints(scanned).map((finding) => finding.file)).toEqual(['000016.sst']);
    });
  });

  test.each(['000016.sst', '000019.log'])('%s grown to 5 GiB of nothing', async (name) => {
    await withDatabase('basic-7.8', [], async (dir) => {
      fs.truncateSync(path.join(dir, name), 5 * 2 ** 30);
      const scanned = await scan(dir, { env: { NODE_OPTIONS: '--max-old-space-size=256' } });
      if (name.endsWith('.sst')) expect(scanned.status).toBe(1);
      else expect(scanned.status).toBe(0);
    });
  });

  test('100,000 files', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      for (let i = 0; i < 100_000; i++) fs.closeSync(fs.openSync(path.join(dir, `leftover-${i}.tmp`), 'w'));
      const scanned = await scan(dir);
      expect({ status: scanned.status, findings: complaints(scanned) }).toEqual({ status: 0, findings: [] });
    });
  }, 240_000);
});

const root = process.getuid?.() === 0;
if (!root) console.log('permissions are tried as the user who runs the tests');
const NOBODY = 65534;

describe('permissions', () => {
  const stranger: CliOptions = root ? { uid: NOBODY } : {};

  test('a file that may not be read leaves the check incomplete', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      fs.chmodSync(path.dirname(dir), 0o755);
      fs.chmodSync(path.join(dir, '000016.sst'), 0);
      const { status, report } = await scan(dir, stranger);
      expect(status).toBe(3);
      expect(report.verdict).toBe('incomplete');
      expect(report.targets[0].unchecked.map((entry) => entry.file)).toEqual(['000016.sst']);
    });
  });

  test('known damage wins over an incomplete check', async () => {
    await withDatabase('basic-7.8', ['flip 000017.log 0x60.3'], async (dir) => {
      fs.chmodSync(path.dirname(dir), 0o755);
      fs.chmodSync(path.join(dir, '000016.sst'), 0);
      expect((await scan(dir, stranger)).status).toBe(1);
    });
  });

  test('a directory that may not be listed', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      fs.chmodSync(path.dirname(dir), 0o755);
      fs.chmodSync(dir, 0);
      const { status, stdout, stderr } = await kvdoctor(['scan', dir], stranger);
      fs.chmodSync(dir, 0o755);
      expect(status).toBe(3);
      expect(stdout + stderr).toContain('permission denied');
    });
  });
});

describe('a disk that does not give everything back', () => {
  test.skipIf(!canFail).each([
    ['000015.sst', 4096, 4608],
    ['000017.log', 512, 1024],
    ['MANIFEST-000005', 512, 840],
    ['CURRENT', 0, 16],
  ])('%s, bytes %i to %i', async (name, from, to) => {
    await withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      const scanned = await scan(dir, { env: badSector(path.join(dir, name), from, to) });
      expect(scanned.status).toBe(1);
      const unreadable = complaints(scanned).filter((finding) => finding.rule === 'io/unreadable-range');
      expect(unreadable.map((finding) => finding.file)).toContain(name);
      const [{ offset = 0, length = 0 }] = unreadable;
      expect(offset).toBeLessThanOrEqual(from);
      expect(offset + length).toBeGreaterThanOrEqual(to);
      expect(length).toBeLessThan(to - from + 8192);
      // What lies elsewhere is still checked.
      expect(complaints(scanned).map((finding) => finding.file)).toContain('000019.log');
    });
  });
});

describe('a directory that changes while it is read', () => {
  test.each([
    ['cut', (file: string) => fs.truncateSync(file, 1000)],
    ['removed', (file: string) => fs.rmSync(file)],
  ])('a table that is %s meanwhile', async (_, change) => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const file = path.join(dir, '000016.sst');
      const scanned = await scan(dir, { meanwhile: () => setTimeout(() => change(file), 60) });
      // before, during or after: what was seen is said of this table, and of nothing else
      const about = [...complaints(scanned), ...scanned.report.targets[0].unchecked].map((each) => each.file);
      expect(about.filter((each) => each !== '000016.sst')).toEqual([]);
      expect(scanned.status).toBe(about.length === 0 ? 0 : complaints(scanned).length > 0 ? 1 : 3);
    });
  });
});
