import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CliRun, kvdoctor } from '../support/cli.js';
import { withDatabase } from '../support/database.js';
import { badSector, canFail, unopenable } from '../support/faults.js';
import { readFileSet } from '../support/files.js';

/*
 * Every kind of file on a medium that does not give one sector of it back, under every command: none says that nothing is lost, a
 * lenient export and a repair go around it and name it, nothing changes that was not to change, and no handle stays open.
 */

interface Case {
  fixture: string;
  file: string;
  from: number;
  to: number;
  /** Strategies that repair it; `auto` is not among them where tables are ahead of the damage, as of any there. */
  ways: readonly [string, ...string[]];
  /** Reads of visible entries do not come to it. */
  unseen?: true;
}

const CASES: readonly Case[] = [
  { fixture: 'basic-7.8', file: '000017.log', from: 1024, to: 1536, ways: ['salvage'] },
  { fixture: 'basic-7.8', file: '000019.log', from: 0, to: 4096, ways: ['auto', 'salvage'] },
  { fixture: 'basic-7.8', file: '000019.log', from: 4608, to: 4989, ways: ['auto', 'salvage'] },
  { fixture: 'basic-7.8', file: '000015.sst', from: 512, to: 1024, ways: ['auto', 'tables'] },
  { fixture: 'basic-7.8', file: '000015.sst', from: 5632, to: 5975, ways: ['auto', 'tables'] },
  { fixture: 'basic-7.8', file: 'MANIFEST-000005', from: 512, to: 840, ways: ['auto', 'metadata'] },
  { fixture: 'basic-7.8', file: 'CURRENT', from: 0, to: 16, ways: ['auto', 'metadata'] },
  { fixture: 'blob-7.8', file: '000010.blob', from: 1024, to: 1536, ways: ['auto', 'tables'], unseen: true },
];

/** A message of Node's that says that a file handle was left to the collector. */
const LEAK = /garbage collection|internal error|^\s+at .*:\d+:\d+\)?$/m;
const env = { NODE_OPTIONS: '--trace-warnings --expose-gc' };

function soundly({ status, signal, stderr }: CliRun, statuses: readonly number[]): void {
  expect(signal).toBe(null);
  expect(stderr).not.toMatch(LEAK);
  expect(statuses).toContain(status);
}

describe.skipIf(!canFail)('a sector that cannot be read', () => {
  describe.each(CASES)(
    '$file of $fixture, bytes $from to $to',
    ({ fixture, file, from, to, ways, unseen }) => {
      const trial = (each: (dir: string, run: (...args: string[]) => Promise<CliRun>) => Promise<void>) =>
        withDatabase(fixture, [], async (dir) => {
          const faulty = { env: { ...env, ...badSector(path.join(dir, file), from, to) } };
          await each(dir, (...args) => kvdoctor(args, faulty));
        });

      it('is never nothing to those who read', { timeout: 120_000 }, async () => {
        await trial(async (dir, run) => {
          const before = readFileSet(dir);
          const exported = path.join(path.dirname(dir), 'all.ndjson');
          const scanned = await run('scan', dir);
          soundly(scanned, [1]);
          expect(scanned.stdout).toMatch(/io\/unreadable-range/);
          const simulated = await run('simulate', dir);
          soundly(simulated, [1]);
          expect(simulated.stdout).not.toMatch(/loses nothing/i);
          soundly(await run('export', dir, '--output', exported), unseen ? [0] : [1]);
          const found = await run('find', '--key', '', '--prefix', dir);
          soundly(found, [3]);
          soundly(await run('inspect', path.join(dir, file)), [1, 3]);
          fs.cpSync(dir, `${dir}2`, { recursive: true });
          soundly(await run('compare', dir, `${dir}2`), unseen ? [0] : [1, 3]);
          const log = path.join(path.dirname(dir), 'server.log');
          fs.writeFileSync(
            log,
            `IO error: While pread offset ${from} len 512: ${file}: Input/output error\n`,
          );
          soundly(await run('triage', '--dir', dir, log), [1, 3]);
          expect(readFileSet(dir)).toEqual(before);
        });
      });

      it('is gone around by a lenient export, and named', async () => {
        await trial(async (dir, run) => {
          const exported = path.join(path.dirname(dir), 'all.ndjson');
          const whole = await kvdoctor(['export', dir]);
          const lenient = await run('export', '--lenient', dir, '--output', exported);
          soundly(lenient, [1]);
          expect(lenient.stderr).toContain(file);
          const lines = (text: string) => text.split('\n').filter(Boolean).length;
          expect(lines(fs.readFileSync(exported, 'utf8'))).toBeGreaterThan(lines(whole.stdout) / 2);
        });
      });

      it('is planned around, or refused and named', { timeout: 120_000 }, async () => {
        await trial(async (dir, run) => {
          for (const strategy of new Set(['heal', 'auto', ...ways])) {
            const planned = await run('repair', '--strategy', strategy, '--dry-run', dir);
            soundly(planned, ways.includes(strategy) ? [0] : [5]);
            expect(planned.stdout).toContain(file);
          }
          const mode = await run('repair', '--mode', 'point-in-time', '--dry-run', dir);
          soundly(mode, file.endsWith('.log') && ways.includes('auto') ? [0] : [5]);
        });
      });

      it('is repaired in place and on a copy, and an undo puts all back', { timeout: 120_000 }, async () => {
        await trial(async (dir, run) => {
          const before = readFileSet(dir);
          const copied = await run('repair', '--strategy', ways[0], '--yes', '--output', `${dir}.new`, dir);
          soundly(copied, [0]);
          expect(readFileSet(dir)).toEqual(before);
          soundly(await kvdoctor(['scan', `${dir}.new`]), [0]);
          const repaired = await run(
            'repair',
            '--strategy',
            ways[0],
            '--yes',
            '--in-place',
            '--stopped',
            dir,
          );
          soundly(repaired, [0]);
          soundly(await run('scan', dir), [0]);
          const [journal] = fs
            .readdirSync(path.dirname(dir))
            .filter((name) => name.includes('.kvdoctor-undo'));
          soundly(await run('undo', '--stopped', path.join(path.dirname(dir), journal)), [0]);
          expect(readFileSet(dir)).toEqual(before);
        });
      });
    },
  );

  it('of LOG costs nothing and is named where it is copied', async () => {
    await withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      const log = path.join(dir, 'LOG');
      fs.writeFileSync(log, 'a line\n'.repeat(1000));
      const faulty = { env: { ...env, ...badSector(log, 512, 1024) } };
      const copied = await kvdoctor(['repair', '--mode', 'point-in-time', '--yes', dir], faulty);
      soundly(copied, [0]);
      expect(copied.stdout).toMatch(/LOG: the disk does not give back 512 bytes/);
      expect(fs.readFileSync(`${dir}.repaired/LOG`, 'utf8')).toMatch(/^(a line\n){70}/);
    });
  });

  it('is asked for a bounded number of times', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const file = path.join(dir, '000016.sst');
      const count = path.join(path.dirname(dir), 'count');
      fs.truncateSync(file, 256 << 20);
      const faulty = { env: badSector(file, 0, 256 << 20, count) };
      soundly(await kvdoctor(['scan', dir], faulty), [1]);
      // 65,536 pages
      expect(fs.statSync(count).size).toBeLessThan(10_000);
    });
  });
});

describe.skipIf(!canFail)('OPTIONS that cannot be read', () => {
  const COMMANDS = [
    ['scan'],
    ['simulate'],
    ['export'],
    ['export', '--lenient'],
    ['find', '--key', 'key', '--prefix'],
    ['repair', '--strategy', 'auto', '--dry-run'],
    ['repair', '--mode', 'point-in-time', '--dry-run'],
  ];
  const faults = {
    'nothing can be read': (dir: string) => badSector(path.join(dir, 'OPTIONS-000011'), 0, 1 << 20),
    'it may not be opened': () => unopenable('/OPTIONS-000011', 13),
  };

  it.each(Object.entries(faults))('%s', { timeout: 120_000 }, async (_, fault) => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const faulty = { env: { ...env, ...fault(dir) } };
      for (const command of COMMANDS) {
        const ended = await kvdoctor([...command, dir], faulty);
        soundly(ended, [3]);
        expect(ended.stdout + ended.stderr).toContain('OPTIONS-000011');
      }
      soundly(await kvdoctor(['inspect', path.join(dir, 'OPTIONS-000011')], faulty), [3]);
      soundly(await kvdoctor(['compare', dir, dir], faulty), [3]);
    });
  });
});

describe.skipIf(!canFail)('a file that cannot be opened', () => {
  it.each([
    ['000019.log', 5],
    ['000015.sst', 13],
    ['MANIFEST-000005', 13],
    ['CURRENT', 5],
  ])('%s, error %i, is named, and nothing is said to be whole', { timeout: 120_000 }, async (file, errno) => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const before = readFileSet(dir);
      const faulty = { env: { ...env, ...unopenable(`/${file}`, errno) } };
      const simulated = await kvdoctor(['simulate', dir], faulty);
      soundly(simulated, [1, 3]);
      expect(simulated.stdout).not.toMatch(/loses nothing/i);
      soundly(await kvdoctor(['find', '--key', 'key', '--prefix', dir], faulty), [3]);
      for (const command of [
        ['scan'],
        ['export'],
        ['export', '--lenient'],
        ['repair', '--strategy', 'auto', '--dry-run'],
      ]) {
        const ended = await kvdoctor([...command, dir], faulty);
        soundly(ended, [1, 3, 5]);
        expect(ended.stdout + ended.stderr).toContain(file);
      }
      expect(readFileSet(dir)).toEqual(before);
    });
  });
});
