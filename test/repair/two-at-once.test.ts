import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RepairHooks, repairTarget } from '../../src/repair/run.js';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';
import { inRepository } from '../support/repository.js';

/* Two repairs of one directory, at the same moment or one inside the other. */

const missingTable = ['remove 000016.sst', 'remove LOCK'];

/** Exit status of a command line in a process of its own. */
function status(...words: string[]): Promise<number | null> {
  const child = spawn(process.execPath, [inRepository('bin/kvdoctor.js'), ...words, '--no-progress'], {
    stdio: 'ignore',
  });
  return new Promise((resolve) => child.on('close', resolve));
}

const beside = (dir: string) => readdirSync(path.dirname(dir)).filter((name) => name !== path.basename(dir));

describe('two repairs at once', () => {
  it('in place: one changes the directory, and nothing of the other is left', async () => {
    for (let round = 0; round < 2; round++) {
      await withDatabase('basic-7.8', missingTable, async (dir) => {
        const repair = ['repair', '--strategy', 'tables', '--in-place', '--yes', dir];
        const ended = await Promise.all([status(...repair), status(...repair)]);
        // the other finds the directory in use, its plan outdated, or nothing to repair any more
        expect(ended).toContain(0);
        for (const each of ended) expect([0, 4, 5]).toContain(each);
        expect(readdirSync(dir).filter((name) => name.includes('kvdoctor') || name === 'LOCK')).toEqual([]);
        const journals = beside(dir);
        expect(journals).toHaveLength(1);
        const journal = JSON.parse(
          readFileSync(path.join(path.dirname(dir), journals[0], 'journal.json'), 'utf8'),
        );
        expect(journal.phase).toBe('done');
        expect(await status('scan', dir)).toBe(0);
      });
    }
  });

  it('to one copy: it is whole, and the other is refused', async () => {
    for (let round = 0; round < 2; round++) {
      await withDatabase('basic-7.8', missingTable, async (dir) => {
        const before = readFileSet(dir);
        const repair = ['repair', '--strategy', 'tables', '--yes', dir];
        const ended = await Promise.all([status(...repair), status(...repair)]);
        expect(ended.sort()).toEqual([0, 2]);
        expect(beside(dir)).toEqual(['db.repaired']);
        expect(await status('scan', `${dir}.repaired`)).toBe(0);
        expect(readFileSet(dir)).toEqual(before);
      });
    }
  });
});

describe('a directory that changes while a plan is made of it', () => {
  const way = { strategy: 'tables' } as const;
  const repair = (dir: string, hooks: RepairHooks) =>
    repairTarget(
      dir,
      { way, destination: { kind: 'in-place' }, jobs: 1, stopped: true, tool: 'test' },
      hooks,
    );
  const replaced = (dir: string) => {
    const file = path.join(dir, 'CURRENT');
    const bytes = readFileSync(file);
    rmSync(file);
    writeFileSync(file, bytes);
  };

  it('refuses, whatever the hashes are by then', () =>
    withDatabase('basic-7.8', ['remove 000016.sst'], async (dir) => {
      const before = readFileSet(dir);
      const onStage: RepairHooks['onStage'] = (stage) => {
        if (stage === 'planning') replaced(dir);
      };
      const report = await repair(dir, { settle: async () => true, confirm: async () => true, onStage });
      expect(report.repair).toMatchObject({
        state: 'refused',
        reason: 'CURRENT has changed while the plan was made',
      });
      expect(readFileSet(dir)).toEqual(before);
      expect(beside(dir)).toEqual([]);
    }));
});
