import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { applyInPlace, planJson } from '../../src/repair/apply.js';
import { BARRIER_MARK } from '../../src/repair/barrier.js';
import { settleLeftovers } from '../../src/repair/carry-out.js';
import { realDisk } from '../../src/repair/disk.js';
import { removeStubs } from '../../src/repair/leftovers.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { undo } from '../../src/repair/undo.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { faultyDisk } from './faulty-disk.js';
import { type FileSet, readFileSet, writeFileSet } from './files.js';
import { inRepository } from './repository.js';

/** A repair of a database, ready to be carried out. */
export interface Prepared {
  dir: string;
  plan: string;
  journal: string;
}

/** Whether there is a built kvdoctor to kill. */
export const canBeKilled = existsSync(inRepository('dist/repair/run.js'));
if (!canBeKilled) console.log('skipped: npm run build has not been run');

/** Runs the child with a point at which it dies; the number of its points when it lives to the end. */
export function child(...words: [...string[], number]): Promise<number | 'killed'> {
  return new Promise((done, failed) => {
    const program = inRepository('test/support/repair-child.mjs');
    execFile(process.execPath, [program, ...words.map(String)], (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') done('killed');
      else if (error) failed(new Error(stderr));
      else done(Number(stdout));
    });
  });
}

/** Every how many points a process is killed, in place of a repair in this process that is left where it is. */
const EVERY = Number(process.env.KVDOCTOR_KILL_EVERY ?? 16);

/**
 * A repair or an undo that dies at a point: a process for one point in `EVERY`, for the others one in this process that never
 * goes on, which leaves the same files. `KVDOCTOR_KILL_EVERY=1`: always a process.
 */
async function killed(
  what: 'apply' | 'undo',
  { dir, plan, journal }: Prepared,
  repair: RepairPlan,
  point: number,
): Promise<void> {
  if (point % EVERY === 0) {
    const words = what === 'apply' ? [what, plan, journal] : [what, journal];
    expect(await child(...(words as [string, string]), point)).toBe('killed');
    return;
  }
  await new Promise<void>((died, failed) => {
    const disk = faultyDisk(realDisk, point, () => {
      died();
      return new Promise<never>(() => {});
    });
    const checkOwner = async () => {};
    const run =
      what === 'undo'
        ? undo(disk, journal, checkOwner)
        : applyInPlace(
            { ...repair, target: dir },
            { disk, journal, checkOwner, tool: 'test', now: new Date(0) },
          );
    run.then(() => failed(new Error(`it lived past point ${point}`)), failed);
  });
}

/** Runs `each` for every number below `count`, three at a time. */
export async function forAll(count: number, each: (point: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let point = next++; point < count; point = next++) await each(point);
  };
  await Promise.all([work(), work(), work()]);
}

/** Databases in directories of their own below `root`, on which one repair is tried again and again. */
export class Trials {
  private serial = 0;

  constructor(private readonly root: string) {}

  databaseWith(files: FileSet): string {
    const dir = path.join(this.root, String(this.serial++), 'db');
    writeFileSet(files, dir);
    return dir;
  }

  /** The database in a directory of its own, and the plan for it in a file. */
  prepared(files: FileSet, repair: RepairPlan): Prepared {
    const dir = this.databaseWith(files);
    const [plan, journal] = [`${dir}.plan`, `${dir}.kvdoctor-undo-test`];
    writeFileSync(plan, planJson({ ...repair, target: dir }));
    return { dir, plan, journal };
  }
}

/** What the command does after a kill, without its scans: ends what was begun, and does it all where nothing was. */
export async function repairAgain({ dir, journal }: Prepared, repair: RepairPlan): Promise<void> {
  const run = { directory: dir, disk: realDisk, now: new Date(0), tool: 'test', stopped: true, given: [] };
  await settleLeftovers({ kind: 'in-place' }, run, async () => true);
  await removeStubs(dir, realDisk);
  if (existsSync(journal)) return;
  await applyInPlace({ ...repair, target: dir }, { ...run, journal, checkOwner: async () => {} });
}

/** One of `whole` (true: no), or a CURRENT that engines refuse (true). Files under names that no engine knows do not count. */
export function expectWholeOrBarred(dir: string, whole: readonly FileSet[]): boolean {
  const now = new Map([...readFileSet(dir)].filter(([name]) => !name.includes('.kvdoctor-')));
  const current = Buffer.from(now.get('CURRENT') ?? []).toString();
  if (current.startsWith(BARRIER_MARK)) return true;
  expect(whole).toContainEqual(now);
  return false;
}

/** One repair of one database, and its undo, whose steps are known. */
export interface Killable {
  trials: Trials;
  before: FileSet;
  after: FileSet;
  repair: RepairPlan;
  repairPoints: number;
  undoPoints: number;
  prepared(): Prepared;
}

/**
 * Sets up and takes down, for the `describe` that calls it, a repair that is to be killed. `plan` gives the files and the plan for them.
 * Without python3 and perl: what holds a lock is not what is tried.
 */
export function killable(
  plan: (trials: Trials) => Promise<{ before: FileSet; repair: RepairPlan }>,
): Killable {
  const { PATH } = process.env;
  let root = '';
  const made = { prepared: () => made.trials.prepared(made.before, made.repair) } as Killable;
  beforeAll(async () => {
    process.env.PATH = '/nonexistent';
    root = mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-kill-'));
    made.trials = new Trials(root);
    Object.assign(made, await plan(made.trials));
    const { dir, plan: file, journal } = made.prepared();
    made.repairPoints = Number(await child('apply', file, journal, -1));
    made.after = readFileSet(dir);
    made.undoPoints = Number(await child('undo', journal, -1));
    expect(readFileSet(dir)).toEqual(made.before);
  });
  afterAll(() => {
    process.env.PATH = PATH;
    rmSync(root, { recursive: true, force: true });
  });
  return made;
}

interface Kills {
  what: 'apply' | 'undo';
  /** Default: every point. */
  points?: readonly number[];
  /** Always in a process that SIGKILL ends. */
  inProcess?: true;
  /** Ends the repair that was killed. Default: what the command does, without its scans. */
  again?(database: Prepared, point: number): Promise<void>;
}

/**
 * Kills a repair or its undo at points: what is left is whole or refused by engines, and the next repair, an undo after every other, or the
 * next undo ends it with the new bytes or the old ones. Gives at how many points engines were kept out.
 */
export async function killAndEnd(made: Killable, { what, points, inProcess, again }: Kills): Promise<number> {
  const { before, after, repair } = made;
  let barred = 0;
  const all = points ?? [...Array(what === 'undo' ? made.undoPoints : made.repairPoints).keys()];
  await forAll(all.length, async (i) => {
    const point = all[i];
    const database = made.prepared();
    const { dir, plan, journal } = database;
    if (what === 'undo') await repairAgain(database, repair);
    const words: [string, ...string[]] = what === 'apply' ? [what, plan, journal] : [what, journal];
    if (inProcess) expect(await child(...words, point)).toBe('killed');
    else await killed(what, database, repair, point);
    if (expectWholeOrBarred(dir, [before, after])) barred++;
    const isBegun = existsSync(path.join(journal, 'journal.json'));
    if (what === 'undo' || (i % 2 === 1 && isBegun)) {
      await undoRepair(journal, { stopped: true });
      expect(readFileSet(dir)).toEqual(before);
    } else {
      await (again ?? (() => repairAgain(database, repair)))(database, point);
      expect(readFileSet(dir)).toEqual(after);
    }
    rmSync(path.dirname(dir), { recursive: true });
  });
  return barred;
}
