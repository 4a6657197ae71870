import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';
import { tarOf } from '../support/tar.js';
import { zipOf } from '../support/zip.js';
import { fakeHost, kvdoctor } from './host.js';

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

  it('says that it is unpacked where it is compressed, and nothing with --quiet', async () => {
    await packed(async (_, [, tar]) => {
      fs.writeFileSync(`${tar}.gz`, gzipSync(fs.readFileSync(tar)));
      expect((await kvdoctor(`simulate ${tar}.gz`)).err).toContain('is unpacked into');
      expect((await kvdoctor(`simulate --quiet ${tar}.gz`)).err).toBe('');
    });
  });

  it('says where a compressed tar archive is damaged, which it unpacks', async () => {
    await packed(async (_, [, tar]) => {
      fs.writeFileSync(`${tar}.gz`, gzipSync(fs.readFileSync(tar)).subarray(0, 900));
      const { err, status } = await kvdoctor(`find --key k ${tar}.gz`);
      expect(status).toBe(3);
      expect(err).toContain('cannot be kept: unexpected end of file');
    });
  });
});

it.each([
  ['db.tar', (tar: Buffer) => tar],
  ['db.tar.gz', (tar: Buffer) => gzipSync(tar)],
])('of a damaged database in %s every printed line leads on', async (name, packedAs) => {
  await withTemporaryDirectory(async (parent) => {
    const files = await applyPatches(fixture('basic-7.8'), ['flip 000014.sst 0x40.3']);
    const archive = path.join(parent, name);
    fs.writeFileSync(archive, packedAs(await tarOf(files, 'data/db/')));
    const { out } = await kvdoctor(`scan ${archive}`);
    const [, unpack] = /^ {6}(mkdir .*)$/m.exec(out)!;
    execFileSync('sh', ['-c', unpack]);
    const [, next] = /^next {2}kvdoctor (.*)$/m.exec(out)!;
    expect(next).toContain(`${archive}.unpacked/data/db`);
    const planned = await kvdoctor(next);
    expect([planned.status, planned.out]).toEqual([0, expect.stringContaining('What is lost\n  nothing')]);
  });
});

describe('an archive on standard input', () => {
  const flatly = (text: string) => text.replace(/\s+/g, ' ').replace(/Read .*? in .*? s\./, '');

  it.each(['scan', 'simulate --digest', 'find --prefix --key k', 'export'])(
    'is read by %s as the file is, compressed or not',
    async (command) => {
      await packed(async (_, archives) => {
        for (const archive of archives) {
          const bytes = fs.readFileSync(archive);
          const file = await kvdoctor(`${command} ${archive}`);
          for (const input of archive.endsWith('.tar') ? [bytes, gzipSync(bytes)] : [bytes]) {
            const piped = await kvdoctor(`${command} -`, fakeHost({ input }));
            expect(flatly(piped.out)).toBe(flatly(file.out.replaceAll(archive, '-')));
            expect(piped.status).toBe(file.status);
          }
        }
      });
    },
  );

  it('leaves no file behind, whatever becomes of it', async () => {
    const left = () => fs.readdirSync(os.tmpdir()).filter((name) => /^kvdoctor-\w{6}$/.test(name));
    const before = left();
    const whole = await tarOf(fixture('leveldb'), 'db/');
    for (const input of [whole, gzipSync(whole), gzipSync(whole).subarray(0, 900), Buffer.from('text')]) {
      for (const command of ['scan', 'simulate', 'find --key k', 'export'])
        await kvdoctor(`${command} -`, fakeHost({ input }));
    }
    expect(left()).toEqual(before);
  });

  it('is damaged: what it says of it is the same, and the next command needs no pipe', async () => {
    const files = await applyPatches(fixture('basic-7.8'), ['flip 000014.sst 0x40.3']);
    const { out, status } = await kvdoctor('scan -', fakeHost({ input: await tarOf(files, 'db/') }));
    expect(status).toBe(1);
    expect(out).toContain('sst/');
    expect(out).toContain('Unpack it first: a repair works on a directory.');
    expect(out).toMatch(/^next {2}kvdoctor explain /m);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 3, 'standard input is no archive'],
    ['text', Buffer.from('Fatal: wrong password\n'), 3, 'standard input is no archive'],
    ['a cut archive', gzipSync(Buffer.alloc(100_000)).subarray(0, 60), 1, 'archive/cut-short'],
  ])('of %s ends with one clear sentence', async (_, input, expected, sentence) => {
    const { out, err, status } = await kvdoctor('scan -', fakeHost({ input }));
    expect(out + err).toContain(sentence);
    expect(status).toBe(expected);
  });

  it('is not waited for on a terminal, and read once', async () => {
    const typed = await kvdoctor('scan -', fakeHost({ terminal: true }));
    expect([typed.status, typed.err]).toEqual([2, expect.stringContaining('standard input is a terminal')]);
    const twice = await kvdoctor('scan - -', fakeHost({ input: Buffer.from('x') }));
    expect([twice.status, twice.err]).toEqual([2, expect.stringContaining('give - once')]);
    const compared = await kvdoctor('compare - -', fakeHost({ input: Buffer.from('x') }));
    expect(compared.status).toBe(2);
    const cut = await kvdoctor('scan --shard 1/2 -', fakeHost({ input: Buffer.from('x') }));
    expect([cut.status, cut.err]).toEqual([2, expect.stringContaining('--shard cuts nothing of it')]);
  });
});
