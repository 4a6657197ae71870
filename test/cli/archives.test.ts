import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';
import { tarOf } from '../support/tar.js';
import { zipOf } from '../support/zip.js';
import { kvdoctor } from './host.js';

/** The same database as a directory, in a zip archive and in a tar archive. */
function packed(body: (dir: string, archives: string[]) => Promise<void>): Promise<void> {
  return withTemporaryDirectory(async (parent) => {
    const files = fixture('leveldb');
    const dir = path.join(parent, 'db');
    fs.mkdirSync(dir);
    writeFileSet(files, dir);
    fs.writeFileSync(path.join(parent, 'world.mcworld'), zipOf(files, 'db/'));
    fs.writeFileSync(path.join(parent, 'world.tar'), await tarOf(files, 'world/db/'));
    await body(dir, [path.join(parent, 'world.mcworld'), path.join(parent, 'world.tar')]);
  });
}

/** Lines are broken by the length of the path. */
const flat = (text: string, target: string) => text.replaceAll(target, 'DB').replace(/\s+/g, ' ');

describe('a database in an archive whose files can be read by themselves', () => {
  it.each(['simulate --digest', 'find --prefix --key k', 'export'])(
    'is read by %s as its directory is',
    async (command) => {
      await packed(async (dir, archives) => {
        const { out, status } = await kvdoctor(`${command} ${dir}`);
        expect(status).toBe(0);
        for (const archive of archives) {
          const seen = await kvdoctor(`${command} ${archive}`);
          expect(flat(seen.out, archive)).toBe(flat(out, dir));
          expect(seen.status).toBe(0);
        }
      });
    },
  );

  it.each([
    ['basic-7.8', 'flip 000017.log 300.2'],
    ['basic-7.8', 'flip 000014.sst 0x40.3'],
    ['basic-7.8', 'remove 000014.sst'],
    ['basic-7.8', 'remove 000017.log'],
    ['basic-7.8', 'remove MANIFEST-000005'],
    ['basic-7.8', 'flip MANIFEST-000005 300.2'],
    ['leveldb', 'flip MANIFEST-000002 60.2'],
  ])('of %s is read when it is damaged: %s', async (base, patch) => {
    await withTemporaryDirectory(async (parent) => {
      const zip = path.join(parent, 'db.zip');
      fs.writeFileSync(zip, zipOf(await applyPatches(fixture(base), [patch]), 'db/'));
      for (const command of ['scan', 'simulate', 'find --prefix --key k', 'export --lenient']) {
        const { out, err, status } = await kvdoctor(`${command} ${zip}`);
        expect([0, 1, 3], `${command}: ${err}`).toContain(status);
        if (command === 'simulate' && status === 1) expect(out).toContain('Unpack it first');
      }
    });
  });

  it('is equal to its directory', async () => {
    await packed(async (dir, [zip]) => {
      const { out, status } = await kvdoctor(`compare ${dir} ${zip}`);
      expect(out).toContain('No difference.');
      expect(status).toBe(0);
    });
  });

  it('is not repaired, and no state of it is put together', async () => {
    await packed(async (_, [zip]) => {
      const before = fs.readFileSync(zip);
      for (const command of [
        'repair --strategy auto --in-place --yes',
        'repair --strategy auto --dry-run',
        'simulate --state 1',
        'export --state 1',
      ]) {
        const { err, status } = await kvdoctor(`${command} ${zip}`);
        expect(status, command).toBe(2);
        expect(err.replace(/\s+/g, ' '), command).toContain('Unpack it first.');
      }
      expect(fs.readFileSync(zip)).toEqual(before);
    });
  });

  it('is not looked for in a compressed tar archive', async () => {
    await packed(async (_, [, tar]) => {
      const { gzipSync } = await import('node:zlib');
      fs.writeFileSync(`${tar}.gz`, gzipSync(fs.readFileSync(tar)));
      const { err, status } = await kvdoctor(`find --key k ${tar}.gz`);
      expect(status).toBe(3);
      expect(err.replace(/\s+/g, ' ')).toContain('unpack it first');
    });
  });
});
