import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliOptions, type CliRun, kvdoctor as kvdoctorProcess } from '../support/cli.js';
import { CliServer } from '../support/cli-server.js';
import { withDatabase } from '../support/database.js';
import { badSector, canFail, unknowable, unopenable } from '../support/faults.js';
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

let server: CliServer;
beforeAll(async () => {
  if (canFail) server = await CliServer.start();
});
afterAll(() => server?.close());

/** All commands in one process, whose faults change: to start one takes longer than most commands. */
const kvdoctor = (args: readonly string[], options: CliOptions = {}) => server.run(args, options.env);

function journalOf(dir: string): string {
  const beside = path.dirname(dir);
  return path.join(beside, fs.readdirSync(beside).find((name) => name.includes('.kvdoctor-undo'))!);
}

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
          const faulty = { env: badSector(path.join(dir, file), from, to) };
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
          soundly(await run('undo', '--stopped', journalOf(dir)), [0]);
          expect(readFileSet(dir)).toEqual(before);
        });
      });
    },
  );

  it('of LOG costs nothing and is named where it is copied', async () => {
    await withDatabase('basic-7.8', ['flip 000019.log 0x60.3'], async (dir) => {
      const log = path.join(dir, 'LOG');
      fs.writeFileSync(log, 'a line\n'.repeat(1000));
      const faulty = {
        env: { NODE_OPTIONS: '--trace-warnings --expose-gc', ...badSector(log, 512, 1024) },
      };
      const copied = await kvdoctorProcess(['repair', '--mode', 'point-in-time', '--yes', dir], faulty);
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
    'it may not be opened': (dir: string) => unopenable(path.join(dir, 'OPTIONS-000011'), 13),
  };

  it.each(Object.entries(faults))('%s', { timeout: 120_000 }, async (_, fault) => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const faulty = { env: fault(dir) };
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

const FILES = ['000019.log', '000015.sst', 'MANIFEST-000005', 'CURRENT'];

describe.skipIf(!canFail)('a file that the medium does not let anybody open', () => {
  it.each(FILES)(
    '%s is gone around and named, and an undo puts all back',
    {
      timeout: 120_000,
    },
    async (file) => {
      await withDatabase('basic-7.8', [], async (dir) => {
        const before = readFileSet(dir);
        const faulty = { env: unopenable(path.join(dir, file), 5) };
        const run = (...args: string[]) => kvdoctor(args, faulty);
        const scanned = await run('scan', dir);
        soundly(scanned, [1]);
        expect(scanned.stdout).toContain(`io/unreadable-range   ${file}`);
        const simulated = await run('simulate', dir);
        soundly(simulated, [1]);
        expect(simulated.stdout).not.toMatch(/loses nothing/i);
        soundly(await run('find', '--key', 'key', '--prefix', dir), [3]);
        const exported = path.join(path.dirname(dir), 'all.ndjson');
        const lenient = await run('export', '--lenient', '--output', exported, dir);
        soundly(lenient, [1]);
        expect(lenient.stderr).toContain(file);
        expect(fs.readFileSync(exported, 'utf8').split('\n').length).toBeGreaterThan(100);
        expect(readFileSet(dir)).toEqual(before);
        const repaired = await run('repair', '--strategy', 'auto', '--in-place', '--yes', '--stopped', dir);
        soundly(repaired, [0]);
        expect(repaired.stdout).toContain(file);
        soundly(await kvdoctor(['scan', dir]), [0]);
        soundly(await kvdoctor(['undo', '--stopped', journalOf(dir)]), [0]);
        expect(readFileSet(dir)).toEqual(before);
      });
    },
  );

  it.each(FILES)(
    '%s: where this user may not open it, nothing is planned around it',
    {
      timeout: 120_000,
    },
    async (file) => {
      await withDatabase('basic-7.8', [], async (dir) => {
        const before = readFileSet(dir);
        const faulty = { env: unopenable(path.join(dir, file), 13) };
        for (const command of [
          ['scan'],
          ['simulate'],
          ['export'],
          ['export', '--lenient'],
          ['repair', '--strategy', 'auto', '--dry-run'],
        ]) {
          const ended = await kvdoctor([...command, dir], faulty);
          // the engine does not open it either, as this user
          soundly(ended, command[0] === 'scan' || command.includes('auto') ? [3] : [1, 3]);
          expect(ended.stdout + ended.stderr).toContain(file);
          expect(ended.stdout).not.toMatch(/loses nothing that was acknowledged\.$/m);
        }
        expect(readFileSet(dir)).toEqual(before);
      });
    },
  );
});

describe.skipIf(!canFail)('a name of which nothing else can be had', () => {
  const faults = {
    'an inode that cannot be read': (_: string, name: string) => unknowable(`/${name}`, 5),
    'a link to what is not mounted': (dir: string, name: string) => {
      fs.rmSync(path.join(dir, name));
      fs.symlinkSync(path.join('/not-mounted', name), path.join(dir, name));
      return {};
    },
  };
  const names = ['000017.log', '000019.log', '000015.sst'];
  const cases = Object.entries(faults).flatMap(([what, fault]) =>
    names.map((name) => ({ what, name, fault })),
  );
  it.each(cases)(
    '$name, $what: is not gone, and nothing is said to be whole',
    {
      timeout: 120_000,
    },
    async ({ name, fault }) => {
      await withDatabase('basic-7.8', [], async (dir) => {
        const faulty = { env: fault(dir, name) };
        const names = fs.readdirSync(dir);
        const isWal = name.endsWith('.log');
        const scanned = await kvdoctor(['scan', dir], faulty);
        soundly(scanned, [isWal ? 3 : 1]);
        expect(scanned.stdout).toContain(name);
        expect(scanned.stdout).not.toMatch(/is gone/);
        for (const command of [
          ['simulate'],
          ['export'],
          ['export', '--lenient', '--output', `${dir}.ndjson`],
          ['find', '--key', 'item:', '--prefix'],
        ]) {
          const ended = await kvdoctor([...command, dir], faulty);
          soundly(ended, isWal ? [3] : [1, 3]);
          expect(ended.stdout + ended.stderr).toContain(name);
          expect(ended.stdout).not.toMatch(/is gone|Opens: .* loses nothing/);
        }
        for (const to of [['--dry-run'], ['--in-place', '--yes'], ['--yes']]) {
          const repaired = await kvdoctor(['repair', '--strategy', 'auto', ...to, dir], faulty);
          soundly(repaired, [3]);
          expect(repaired.stderr).toMatch(new RegExp(`${name} is in the directory, but it is a`));
        }
        expect(fs.readdirSync(dir)).toEqual(names);
      });
    },
  );
});

describe.skipIf(!canFail)('an undo after a bad sector', () => {
  const repaired = async (dir: string) => {
    const faulty = { env: badSector(path.join(dir, '000019.log'), 4608, 4989) };
    const run = ['repair', '--strategy', 'salvage', '--in-place', '--yes', '--stopped', dir];
    soundly(await kvdoctor(run, faulty), [0]);
    return journalOf(dir);
  };

  it('puts the file back that can be read again', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const before = readFileSet(dir);
      const journal = await repaired(dir);
      soundly(await kvdoctor(['undo', '--stopped', journal]), [0]);
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  const home = fs.statSync(os.tmpdir()).dev;
  const away = ['/dev/shm', '/tmp', '/var/tmp'].find(
    (place) => fs.existsSync(place) && fs.statSync(place).dev !== home,
  );
  if (away === undefined) console.log('skipped: there is no second device for a journal');
  it.skipIf(away === undefined)('needs the journal on the device of the file', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const journals = fs.mkdtempSync(path.join(away!, 'kvdoctor-journals-'));
      const before = readFileSet(dir);
      const faulty = { env: badSector(path.join(dir, '000019.log'), 4608, 4989) };
      const run = ['repair', '--strategy', 'salvage', '--in-place', '--yes', '--stopped'];
      const ended = await kvdoctor([...run, '--journal', journals, dir], faulty);
      soundly(ended, [5]);
      expect(ended.stdout.replaceAll(/\s+/g, ' ')).toContain(
        'Put the journal on the device of the directory',
      );
      expect(readFileSet(dir)).toEqual(before);
      expect(fs.readdirSync(journals)).toEqual([]);
      fs.rmdirSync(journals);
    });
  });

  it('refuses where another byte of it has changed', async () => {
    await withDatabase('basic-7.8', [], async (dir) => {
      const journal = await repaired(dir);
      const after = readFileSet(dir);
      const kept = fs
        .readdirSync(journal)
        .find((name) => fs.statSync(path.join(journal, name)).size === 4989)!;
      const original = fs.openSync(path.join(journal, kept), 'r+');
      fs.writeSync(original, Buffer.from('!'), 0, 1, 4000);
      fs.closeSync(original);
      const undone = await kvdoctor(['undo', '--stopped', journal]);
      soundly(undone, [5]);
      expect(undone.stderr).toContain('is not what the file was');
      expect(readFileSet(dir)).toEqual(after);
    });
  });
});
