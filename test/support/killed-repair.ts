import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { applyInPlace, planJson } from '../../src/repair/apply.js';
import { BARRIER_MARK } from '../../src/repair/barrier.js';
import { settleLeftovers } from '../../src/repair/carry-out.js';
import { realDisk } from '../../src/repair/disk.js';
import { removeStubs } from '../../src/repair/leftovers.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { undo } from '../../src/repair/undo.js';
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
export async function killed(
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
