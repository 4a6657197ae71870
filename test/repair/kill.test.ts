import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { applyInPlace, planText } from '../../src/repair/apply.js';
import { BARRIER_MARK } from '../../src/repair/barrier.js';
import { settleLeftovers } from '../../src/repair/carry-out.js';
import { realDisk } from '../../src/repair/disk.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { type RepairOptions, repairTarget } from '../../src/repair/run.js';
import { planWalRepair } from '../../src/repair/strategies/wal-mode.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { engineAvailable, runEngine } from '../support/engine.js';
import { type FileSet, fixture, readFileSet, writeFileSet } from '../support/files.js';
import { inRepository } from '../support/repository.js';
import { rotated } from '../support/rotate.js';

/*
 * A repair and an undo, each in a process of its own that SIGKILL ends before, within and after every operation on the
 * disk. Whatever is left, an engine must refuse it or see the old or the new state, and the next repair or undo must end
 * with the old bytes or the new ones.
 */

const built = existsSync(inRepository('dist/repair/run.js'));
if (!built) console.log('skipped: npm run build has not been run');

const root = mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-kill-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Ten live logs, the second damaged in its middle: a repair removes eight files and cuts one. */
async function damaged(): Promise<FileSet> {
  const files = fixture('basic-7.8');
  const whole = files.get('000019.log')!;
  files.delete('000019.log');
  for (const [i, log] of (await rotated(whole, 10)).entries()) {
    if (i === 1) log[Math.floor(log.length / 2)] ^= 4;
    files.set(`0000${21 + i}.log`, log);
  }
  return files;
}

/** Runs the child with a point at which it dies; the number of its points when it lives to the end. */
function child(...words: [...string[], number]): Promise<number | 'killed'> {
  return new Promise((done, failed) => {
    const program = inRepository('test/support/repair-child.mjs');
    execFile(process.execPath, [program, ...words.map(String)], (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') done('killed');
      else if (error) failed(new Error(stderr));
      else done(Number(stdout));
    });
  });
}

/** Runs `each` for every number below `count`, three at a time. */
async function forAll(count: number, each: (point: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let point = next++; point < count; point = next++) await each(point);
  };
  await Promise.all([work(), work(), work()]);
}

let serial = 0;
function databaseWith(files: FileSet): string {
  const dir = path.join(root, String(serial++), 'db');
  writeFileSet(files, dir);
  return dir;
}

/** A repair of a database, ready to be carried out. */
interface Prepared {
  dir: string;
  plan: string;
  journal: string;
}

/** The damaged database in a directory of its own, and the plan for it in a file. */
function prepared(): Prepared {
  const dir = databaseWith(before);
  const [plan, journal] = [`${dir}.plan`, `${dir}.kvdoctor-undo-test`];
  writeFileSync(plan, planText({ ...repair, target: dir }));
  return { dir, plan, journal };
}

const options: RepairOptions = {
  way: { mode: 'point-in-time' },
  destination: { kind: 'in-place' },
  depth: 'structure',
  jobs: 1,
  stopped: true,
  tool: 'test',
};
const yes = { confirm: async () => true };

let before: FileSet;
let after: FileSet;
let repair: RepairPlan;

/** What the command does after a kill, without its scans: ends what was begun, and does it all where nothing was. */
async function repairAgain({ dir, journal }: Prepared): Promise<void> {
  const run = { directory: dir, disk: realDisk, now: new Date(0), tool: 'test', stopped: true };
  await settleLeftovers({ kind: 'in-place' }, run);
  if (existsSync(journal)) return;
  await applyInPlace({ ...repair, target: dir }, { ...run, journal, checkOwner: async () => {} });
}

/** Old, new, or a CURRENT that engines refuse. Files under names that no engine knows do not count. */
function expectWholeOrBarred(dir: string): boolean {
  const now = new Map([...readFileSet(dir)].filter(([name]) => !name.includes('.kvdoctor-')));
  const current = Buffer.from(now.get('CURRENT') ?? []).toString();
  if (current.startsWith(BARRIER_MARK)) return true;
  expect([before, after]).toContainEqual(now);
  return false;
}

describe.skipIf(!built)('a process killed at every step', () => {
  let repairPoints = 0;
  let undoPoints = 0;
  const { PATH } = process.env;

  beforeAll(async () => {
    // without python3 and perl: what holds a lock is not what is tried here
    process.env.PATH = '/nonexistent';
    before = await damaged();
    repair = await planWalRepair(await readDatabase(databaseWith(before)), { mode: 'point-in-time' });
    const { dir, plan, journal } = prepared();
    repairPoints = Number(await child('apply', plan, journal, -1));
    after = readFileSet(dir);
    undoPoints = Number(await child('undo', journal, -1));
  });
  afterAll(() => {
    process.env.PATH = PATH;
  });

  it('takes more than 200 steps, and removes eight logs and cuts one', () => {
    expect(repairPoints + undoPoints).toBeGreaterThan(200);
    const changed = [...before].filter(([name, bytes]) => bytes.length !== after.get(name)?.length);
    expect(changed.map(([name]) => [name, after.get(name)?.length])).toEqual([
      ['000022.log', expect.any(Number)],
      ...[23, 24, 25, 26, 27, 28, 29, 30].map((number) => [`0000${number}.log`, undefined]),
    ]);
  });

  it('leaves a repair that the next one, or an undo, ends', { timeout: 300_000 }, async () => {
    let barred = 0;
    await forAll(repairPoints, async (point) => {
      const database = prepared();
      const { dir, plan, journal } = database;
      expect(await child('apply', plan, journal, point)).toBe('killed');
      if (expectWholeOrBarred(dir)) barred++;
      const begun = existsSync(path.join(journal, 'journal.json'));
      if (point % 2 === 1 && begun) {
        await undoRepair(journal, { stopped: true });
        expect(readFileSet(dir)).toEqual(before);
        return;
      }
      if (point % 10 === 0) await repairTarget(dir, options, yes);
      else await repairAgain(database);
      expect(readFileSet(dir)).toEqual(after);
    });
    expect(barred).toBeGreaterThan(10);
  });

  it('leaves an undo that the next one ends', { timeout: 300_000 }, async () => {
    let barred = 0;
    await forAll(undoPoints, async (point) => {
      const database = prepared();
      const { dir, journal } = database;
      await repairAgain(database);
      expect(await child('undo', journal, point)).toBe('killed');
      if (expectWholeOrBarred(dir)) barred++;
      await undoRepair(journal, { stopped: true });
      expect(readFileSet(dir)).toEqual(before);
    });
    expect(barred).toBeGreaterThan(10);
  });

  it.skipIf(!engineAvailable('rocksdb-9.7'))('shows an engine a whole state, or a refusal', async () => {
    const users = async (files: FileSet) => {
      const report = await runEngine('rocksdb-9.7', databaseWith(files), {
        options: { columns: { default: {}, users: {}, orders: {} } },
        steps: [{ op: 'iterate', column: 'users' }],
      });
      return report.opened ? (report.results[0] as unknown[]).length : report.error;
    };
    const whole = [await users(before), await users(after)];
    const seen = new Set<unknown>();
    await forAll(8, async (i) => {
      const { dir, plan, journal } = prepared();
      await child('apply', plan, journal, Math.floor(((i + 4) * repairPoints) / 12));
      seen.add(await users(readFileSet(dir)));
    });
    const refusals = [...seen].filter((state) => !whole.includes(state as string));
    expect(refusals).toEqual([expect.stringMatching(/CURRENT file does not end with newline/)]);
  });
});
