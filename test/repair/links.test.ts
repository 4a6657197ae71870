import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Disk, realDisk } from '../../src/repair/disk.js';
import { type RepairHooks, type RepairOptions, repairTarget } from '../../src/repair/run.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';

/* What is no plain file in the directory, where outputs may go, and what appears while a plan is looked at. */

const damage = ['flip 000019.log 0x60.3'];
const yes: RepairHooks = { settle: async () => true, confirm: async () => true };

function repair(dir: string, destination: RepairOptions['destination'], hooks = yes, disk = realDisk) {
  const options = {
    way: { mode: 'point-in-time' },
    depth: 'structure',
    jobs: 1,
    stopped: true,
    tool: 'test',
  } as const;
  return repairTarget(dir, { ...options, destination, disk }, hooks);
}

/** The damaged WAL lies on another disk, and a link is in its place. */
function moveWal(dir: string): string {
  const fast = path.join(path.dirname(dir), 'fast');
  mkdirSync(fast);
  renameSync(path.join(dir, '000019.log'), path.join(fast, '000019.log'));
  symlinkSync('../fast/000019.log', path.join(dir, '000019.log'));
  chmodSync(path.join(fast, '000019.log'), 0o640);
  return path.join(fast, '000019.log');
}

describe('a WAL that is a link', () => {
  it('stays one in a repair in place, and in its undo', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const real = moveWal(dir);
      const before = readFileSync(real);
      const { repair: done } = await repair(dir, { kind: 'in-place' });
      expect(done?.state).toBe('repaired');
      expect(lstatSync(path.join(dir, '000019.log')).isSymbolicLink()).toBe(true);
      expect(readFileSync(real).length).toBeLessThan(before.length);
      expect(statSync(real).mode & 0o777).toBe(0o640);
      expect(readFileSync(path.join(done!.journal!, '0'))).toEqual(before);
      await undoRepair(done!.journal!, { stopped: true });
      expect(readlinkSync(path.join(dir, '000019.log'))).toBe('../fast/000019.log');
      expect(readFileSync(real)).toEqual(before);
      expect(statSync(real).mode & 0o777).toBe(0o640);
    });
  });

  it('into another database, or to another name, is not written through', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const real = moveWal(dir);
      writeFileSync(path.join(path.dirname(real), 'CURRENT'), 'MANIFEST-000005\n');
      const before = readFileSync(real);
      const { repair: refused } = await repair(dir, { kind: 'in-place' }).catch((error) => ({
        repair: { state: error.kind, reason: error.message },
      }));
      expect(refused).toMatchObject({
        state: 'refused',
        reason: expect.stringMatching(/leads out of the directory/),
      });
      expect(readFileSync(real)).toEqual(before);
    });
  });

  it('is a file in a copy', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      moveWal(dir);
      const output = `${dir}.copy`;
      await repair(dir, { kind: 'copy', output });
      expect(lstatSync(path.join(output, '000019.log')).isFile()).toBe(true);
    });
  });
});

describe('a copy', () => {
  it('leaves out and names what is no file, and keeps modes of directories', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const parent = path.dirname(dir);
      execFileSync('mkfifo', [path.join(parent, 'pipe'), path.join(dir, 'inside')]);
      const links: Record<string, string> = {
        evil: '../pipe',
        zero: '/dev/zero',
        dangling: 'nowhere',
        loop: 'loop',
        up: '..',
        notes: '../secret',
      };
      writeFileSync(path.join(parent, 'secret'), 'secret');
      for (const [name, to] of Object.entries(links)) symlinkSync(to, path.join(dir, name));
      mkdirSync(path.join(dir, 'sub'), { mode: 0o750 });
      chmodSync(dir, 0o710);
      const output = `${dir}.copy`;
      const report = await repair(dir, { kind: 'copy', output });
      expect(report.repair?.state).toBe('repaired');
      for (const name of [...Object.keys(links), 'inside']) {
        expect(existsSync(path.join(output, name))).toBe(false);
        expect(report.plan?.remarks.join('\n')).toMatch(new RegExp(`^${name} is not copied: `, 'm'));
      }
      expect(statSync(output).mode & 0o777).toBe(0o710);
      expect(statSync(path.join(output, 'sub')).mode & 0o777).toBe(0o750);
    });
  });

  it('is never made inside its original, nor is a journal', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const link = `${dir}.link`;
      symlinkSync(dir, link);
      mkdirSync(path.join(dir, 'sub'));
      const before = readFileSet(dir);
      for (const inside of [path.join(dir, 'new'), path.join(link, 'new'), path.join(dir, 'sub', 'new'), dir])
        await expect(repair(dir, { kind: 'copy', output: inside })).rejects.toMatchObject({ kind: 'usage' });
      for (const inside of [path.join(dir, 'j'), path.join(link, 'j'), dir])
        await expect(repair(dir, { kind: 'in-place', journal: inside })).rejects.toMatchObject({
          kind: 'usage',
        });
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it('leaves alone what has the name that a copy under way might have', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const own = `${dir}.repaired.kvdoctor-partial`;
      mkdirSync(own);
      writeFileSync(path.join(own, 'precious'), 'x');
      await repair(dir, { kind: 'copy' });
      expect(readFileSync(path.join(own, 'precious'), 'utf8')).toBe('x');
    });
  });

  it('made by two at once is whole, and the other one is refused', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const output = `${dir}.copy`;
      const both = await Promise.allSettled([0, 1].map(() => repair(dir, { kind: 'copy', output })));
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { kind: 'usage' } });
      const names = [...readFileSet(dir).keys()].filter((name) => name !== 'LOCK');
      expect([...readFileSet(output).keys()]).toEqual(expect.arrayContaining(names));
    });
  });
});

it('refuses when a WAL appears between plan and consent', async () => {
  await withDatabase('basic-7.8', damage, async (dir) => {
    for (const destination of [{ kind: 'in-place' }, { kind: 'copy' }] as const) {
      const confirm = async () => {
        writeFileSync(path.join(dir, '000099.log'), 'new');
        return true;
      };
      const { repair: outcome } = await repair(dir, destination, { ...yes, confirm });
      expect(outcome).toMatchObject({
        state: 'refused',
        reason: expect.stringMatching(/000099\.log has appeared/),
      });
      execFileSync('rm', [path.join(dir, '000099.log')]);
    }
  });
});

describe('names of any bytes', () => {
  it('come along in a copy', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const odd = Buffer.from([0x78, 0xff]);
      const below = Buffer.concat([Buffer.from(`${dir}/`), odd]);
      mkdirSync(below);
      writeFileSync(Buffer.concat([below, Buffer.from('/'), odd]), 'kept');
      const { repair: done } = await repair(dir, { kind: 'copy' });
      expect(done?.state).toBe('repaired');
      const copy = Buffer.concat([Buffer.from(`${dir}.repaired/`), odd, Buffer.from('/'), odd]);
      expect(readFileSync(copy, 'utf8')).toBe('kept');
    });
  });
});

describe('a file of the same name elsewhere that no engine knows', () => {
  it('is not taken into a copy', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      writeFileSync(path.join(path.dirname(dir), 'shadow'), 'secret');
      symlinkSync('../shadow', path.join(dir, 'shadow'));
      const { repair: done, plan } = await repair(dir, { kind: 'copy' });
      expect(done?.state).toBe('repaired');
      expect(plan?.remarks.join()).toMatch(/shadow is not copied: it is a link to .*, outside the directory/);
      expect(existsSync(path.join(`${dir}.repaired`, 'shadow'))).toBe(false);
    });
  });
});

describe('a directory with a name that a new file is given first', () => {
  it.each(['CURRENT.kvdoctor-barrier', '000019.log.kvdoctor-new'])(
    '%s refuses before anything is changed',
    async (name) => {
      await withDatabase('basic-7.8', damage, async (dir) => {
        const before = readFileSet(dir);
        mkdirSync(path.join(dir, name));
        const { repair: done } = await repair(dir, { kind: 'in-place' });
        expect(done).toMatchObject({ state: 'refused', next: 'move it away' });
        expect(done?.reason).toContain(`${name} is a directory`);
        expect(readFileSet(dir)).toEqual(before);
        expect(readdirSync(path.dirname(dir))).toEqual(['db']);
      });
    },
  );
});

describe('--journal', () => {
  it.each([
    ['a file', (place: string) => writeFileSync(place, ''), 'is no directory'],
    ['a link to nowhere', (place: string) => symlinkSync('/nowhere/at/all', place), 'is not there'],
  ])('that is %s is refused', async (_, make, said) => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const journal = path.join(path.dirname(dir), 'journal');
      make(journal);
      await expect(repair(dir, { kind: 'in-place', journal })).rejects.toThrow(said);
    });
  });
});

describe('a file that may not be replaced', () => {
  it('ends with the way on and the way back, and both work', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const before = readFileSet(dir);
      // as of an immutable file: a rename over it fails
      const immutable: Disk = {
        ...realDisk,
        rename: async (from, to) => {
          if (!to.endsWith('000019.log')) return realDisk.rename(from, to);
          throw Object.assign(new Error(`EPERM: operation not permitted, rename '${to}'`), { code: 'EPERM' });
        },
      };
      const failed = await repair(dir, { kind: 'in-place' }, yes, immutable).catch((error) => error);
      expect(failed).toMatchObject({ kind: 'unfinished' });
      const journal = path.join(
        path.dirname(dir),
        readdirSync(path.dirname(dir)).find((name) => name !== 'db')!,
      );
      expect(failed.message).toMatch(/000019\.log.*not all files are changed/);
      expect(failed.command).toBe(`kvdoctor undo ${journal}`);
      expect((await repair(dir, { kind: 'in-place' })).repair).toMatchObject({
        resumed: { outcome: 'finished' },
      });
      await undoRepair(journal, { stopped: true });
      expect(readFileSet(dir)).toEqual(before);
    });
  });
});
