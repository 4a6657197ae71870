import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { type RepairOptions, repairTarget } from '../../src/repair/run.js';
import { planWalRepair } from '../../src/repair/strategies/wal-mode.js';
import { engineAvailable, runEngine } from '../support/engine.js';
import { type FileSet, fixture, readFileSet } from '../support/files.js';
import {
  canBeKilled,
  child,
  forAll,
  killAndEnd,
  killable,
  type Prepared,
  repairAgain,
} from '../support/killed-repair.js';
import { rotated } from '../support/rotate.js';

/*
 * A repair and an undo that end before, within and after every operation on the disk, one in 16 of them in a process that
 * SIGKILL ends (`KVDOCTOR_KILL_EVERY=1`: all). Whatever is left, an engine must refuse it or see the old or the new state, and the next repair or undo must end
 * with the old bytes or the new ones.
 */

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

const options: RepairOptions = {
  way: { mode: 'point-in-time' },
  destination: { kind: 'in-place' },
  depth: 'structure',
  jobs: 1,
  stopped: true,
  tool: 'test',
};
const yes = { settle: async () => true, confirm: async () => true };

describe.skipIf(!canBeKilled)('a process killed at every step', () => {
  const made = killable(async (trials) => {
    const before = await damaged();
    const database = await readDatabase(trials.databaseWith(before));
    return { before, repair: await planWalRepair(database, { mode: 'point-in-time' }) };
  });

  it('takes more than 200 steps, and removes eight logs and cuts one', () => {
    const { before, after, repairPoints, undoPoints } = made;
    expect(repairPoints + undoPoints).toBeGreaterThan(200);
    const changed = [...before].filter(([name, bytes]) => bytes.length !== after.get(name)?.length);
    expect(changed.map(([name]) => [name, after.get(name)?.length])).toEqual([
      ['000022.log', expect.any(Number)],
      ...[23, 24, 25, 26, 27, 28, 29, 30].map((number) => [`0000${number}.log`, undefined]),
    ]);
  });

  it('leaves a repair that the next one, or an undo, ends', { timeout: 300_000 }, async () => {
    const again = async (database: Prepared, point: number) => {
      if (point % 10 === 0) await repairTarget(database.dir, options, yes);
      else await repairAgain(database, made.repair);
    };
    expect(await killAndEnd(made, { what: 'apply', again })).toBeGreaterThan(10);
  });

  it('leaves an undo that the next one ends', { timeout: 300_000 }, async () => {
    expect(await killAndEnd(made, { what: 'undo' })).toBeGreaterThan(10);
  });

  it.skipIf(!engineAvailable('rocksdb-9.7'))('shows an engine a whole state, or a refusal', async () => {
    const { before, after, trials } = made;
    const users = async (files: FileSet) => {
      const report = await runEngine('rocksdb-9.7', trials.databaseWith(files), {
        options: { columns: { default: {}, users: {}, orders: {} } },
        steps: [{ op: 'iterate', column: 'users' }],
      });
      return report.opened ? (report.results[0] as unknown[]).length : report.error;
    };
    const whole = [await users(before), await users(after)];
    const seen = new Set<unknown>();
    await forAll(8, async (i) => {
      const { dir, plan, journal } = made.prepared();
      await child('apply', plan, journal, Math.floor(((i + 4) * made.repairPoints) / 12));
      seen.add(await users(readFileSet(dir)));
    });
    const refusals = [...seen].filter((state) => !whole.includes(state as string));
    expect(refusals).toEqual([expect.stringMatching(/CURRENT file does not end with newline/)]);
  });
});
