import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../src/report/report.js';
import { kvdoctor } from './cli/host.js';
import { withDatabase } from './support/database.js';
import { readFileSet } from './support/files.js';
import { inRepository } from './support/repository.js';

// what `npm run executables` builds; it needs a network the first time, so this is asked for by KVDOCTOR_EXECUTABLES=1

const asked = process.env.KVDOCTOR_EXECUTABLES === '1';
if (!asked)
  console.log('skipped: KVDOCTOR_EXECUTABLES=1 tests the executables that npm run executables has built');
const built = inRepository('build/executables');
const runs = asked && process.platform === 'linux' && process.arch === 'x64';
const program = join(built, 'kvdoctor-linux-x64');

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-executables-'));
afterAll(() => rmSync(folder, { recursive: true }));

function head(name: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const file = openSync(join(built, name), 'r');
  readSync(file, bytes, 0, length, 0);
  closeSync(file);
  return bytes;
}

describe.skipIf(!asked)('the executables', () => {
  it.each([
    ['kvdoctor-linux-x64', 62],
    ['kvdoctor-linux-arm64', 183],
  ])('%s is ELF for its processor', (name, machine) => {
    const bytes = head(name, 64);
    expect(bytes.subarray(0, 5)).toEqual(Buffer.from('\x7fELF\x02', 'latin1'));
    expect(bytes.readUInt16LE(18)).toBe(machine);
  });

  it.each([
    ['kvdoctor-macos-x64', 0x01000007],
    ['kvdoctor-macos-arm64', 0x0100000c],
  ])('%s is Mach-O for its processor', (name, cpu) => {
    const bytes = head(name, 32);
    expect(bytes.readUInt32LE(0)).toBe(0xfeedfacf);
    expect(bytes.readUInt32LE(4)).toBe(cpu);
  });

  it('kvdoctor-windows-x64.exe is PE for its processor', () => {
    const bytes = head('kvdoctor-windows-x64.exe', 4096);
    const header = bytes.readUInt32LE(0x3c);
    expect(bytes.toString('latin1', header, header + 4)).toBe('PE\0\0');
    expect(bytes.readUInt16LE(header + 4)).toBe(0x8664);
  });

  it('hold the program, and have the checksums that are said', () => {
    const sums = readFileSync(join(built, 'SHA256SUMS'), 'utf8').trim().split('\n');
    expect(sums.map((line) => line.split('  ')[1]).sort()).toEqual(
      readdirSync(built).filter((name) => name.startsWith('kvdoctor-')),
    );
    for (const [sum, name] of sums.map((line) => line.split('  '))) {
      const bytes = readFileSync(join(built, name));
      expect(createHash('sha256').update(bytes).digest('hex'), name).toBe(sum);
      // a rule is text of ours, not the engine's
      expect(bytes.includes('batch/unknown-tag'), name).toBe(true);
    }
  });
});

/** Runs it with nothing of the repository in reach. */
function run(...args: string[]) {
  const env = { PATH: process.env.PATH, HOME: folder };
  return spawnSync(program, args, { cwd: folder, env, encoding: 'utf8' });
}

const timeless = ({ summary, run: _, ...report }: Report) => ({
  ...report,
  summary: { ...summary, startedAt: '', milliseconds: 0 },
});

async function expectSame(directory: string): Promise<void> {
  const { stdout, stderr, status } = run('scan', directory, '--format', 'json');
  const here = await kvdoctor(`scan ${directory} --format json`);
  expect(stderr).toBe('');
  expect(timeless(JSON.parse(stdout))).toEqual(timeless(JSON.parse(here.out)));
  expect(status).toBe(here.status);
}

/** Directories below one of the fixtures, and itself where it holds a database. */
const databases = readdirSync(inRepository('fixtures'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /(^|\/)CURRENT$/.test(name))
  .map(dirname)
  .sort();

describe.skipIf(!runs)('the executable for Linux on x64', () => {
  beforeAll(() => expect(databases.length).toBeGreaterThan(30));

  it('says its version', () => {
    const { version } = JSON.parse(readFileSync(inRepository('package.json'), 'utf8'));
    expect(run('--version').stdout).toBe(`${version}\n`);
  });

  it.each(databases)('says of %s what the package says', (fixture) =>
    expectSame(inRepository('fixtures', fixture)),
  );

  it('uses worker threads', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      for (const name of ['000901.log', '000902.log', '000903.log']) {
        writeFileSync(join(dir, name), '');
        truncateSync(join(dir, name), 30 << 20);
      }
      await expectSame(dir);
    });
  });

  it.each(['--mode point-in-time', '--strategy auto', '--strategy salvage'])(
    'repairs by %s into the same files',
    async (way) => {
      const from = inRepository('fixtures/kvrocks-race-12/db');
      const [there, here] = [mkdtempSync(join(folder, 'there-')), mkdtempSync(join(folder, 'here-'))];
      const its = run('repair', from, ...way.split(' '), '--yes', '--output', join(there, 'copy'));
      const ours = await kvdoctor(`repair ${from} ${way} --yes --output ${join(here, 'copy')}`);
      expect(its.status).toBe(ours.status);
      expect(readFileSet(join(there, 'copy'))).toEqual(readFileSet(join(here, 'copy')));
    },
  );

  it('is configured by nothing that lies where it is run', () => {
    writeFileSync(join(folder, '.env'), 'KVDOCTOR_FORMAT=json\n');
    writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./no-such-file.js"]\n');
    const { stdout, status } = run('scan', inRepository('fixtures/basic-7.8'));
    expect(status).toBe(0);
    expect(stdout).toContain('Clean');
  });

  const root = process.getuid?.() === 0;
  if (!root) console.log('skipped: only root can run an executable in another root directory');
  describe.skipIf(!root)(
    'in a root directory that has the C library and nothing else, not even /proc',
    () => {
      const host = join(folder, 'host');
      const there = (...args: string[]) =>
        spawnSync('chroot', [host, '/kvdoctor', ...args], {
          encoding: 'utf8',
          env: { PATH: process.env.PATH },
        });

      beforeAll(() => {
        const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/lib\S+/g)!;
        for (const library of libraries) {
          expect(library).toMatch(/\/(ld-linux-x86-64|libc|libm|libdl|libpthread|librt)\.so\.\d$/);
          cpSync(library, join(host, library), { dereference: true });
        }
        cpSync(program, join(host, 'kvdoctor'));
        for (const fixture of ['kvrocks-race-12/db', 'basic-7.8'])
          cpSync(inRepository('fixtures', fixture), join(host, 'fixtures', fixture), { recursive: true });
      });

      it('scans', () => {
        const { stdout, status } = there('scan', 'fixtures/kvrocks-race-12/db');
        expect(stdout).toContain('error wal/checksum-mismatch');
        expect(status).toBe(1);
      });

      it('scans in threads', () => {
        for (const name of ['000901.log', '000902.log', '000903.log']) {
          writeFileSync(join(host, 'fixtures/basic-7.8', name), '');
          truncateSync(join(host, 'fixtures/basic-7.8', name), 30 << 20);
        }
        const { stdout, stderr, status } = there('scan', 'fixtures/basic-7.8', '--jobs', '2');
        expect([stderr, status]).toEqual(['', 0]);
        expect(stdout).toMatch(/^Clean: no damage that costs data in 16 files, 90\.1 MiB/m);
      });
    },
  );
});
