import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realDisk } from '../../src/repair/disk.js';
import { applyToCopy } from '../../src/repair/output.js';
import type { RepairPlan } from '../../src/repair/plan.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { kvdoctor } from '../support/cli.js';
import { type EngineScript, engineAvailable, runEngine } from '../support/engine.js';
import { canFail, type Fault, faultAt, shim } from '../support/faults.js';
import { type FileSet, fixture, readFileSet } from '../support/files.js';
import { canBeKilled, expectWholeOrBarred, forAll, repairAgain, Trials } from '../support/killed-repair.js';
import { askOracle, type OracleMode, oracleMissing } from '../support/oracle.js';
import { applyPatches } from '../support/patch.js';
import { inRepository } from '../support/repository.js';

/*
 * Every strategy, in place, to a copy and undone, in a process that dies at a system call that changes something, or meets an error
 * there (no space, no permission, a medium that fails, a write of half). What is left, an engine must refuse, or see as it was or
 * as it shall be; what was not finished is then finished, or undone, and byte for byte what it shall be, or was.
 *
 * KVDOCTOR_FAULTS=N: N kills and N errors for each strategy, half of them in place (`npm run faults`: 40). Default: a few. KVDOCTOR_SEED: other places.
 */

const FAULTS = Number(process.env.KVDOCTOR_FAULTS ?? 4);
const SEED = Number(process.env.KVDOCTOR_SEED ?? 1);

interface Case {
  name: string;
  args: readonly string[];
  /** A shipped database and its damage, or an archive of fixtures/states. */
  files: string;
  patches?: readonly string[];
  /** Which engine is asked: LevelDB, or RocksDB in this mode. Absent: it has no way to open it. */
  engine?: OracleMode | 'leveldb';
}

const hurtLog = ['flip 000019.log 0x90.5', 'flip 000019.log 0xa0.4'];

function levelDb(way: string, args: readonly string[], patches: readonly string[]): Case {
  return { name: `LevelDB, ${way}`, args, files: 'leveldb', patches, engine: 'leveldb' };
}

const CASES: readonly Case[] = [
  {
    name: 'point-in-time',
    args: ['--mode', 'point-in-time'],
    files: 'basic-7.8',
    patches: hurtLog,
    engine: 'absolute',
  },
  {
    name: 'skip-any-corrupted',
    args: ['--mode', 'skip-any-corrupted', '--accept-hole'],
    files: 'basic-7.8',
    patches: ['flip 000017.log 0x90.5', 'flip 000017.log 0xa0.4'],
    engine: 'absolute',
  },
  {
    name: 'tolerate-corrupted-tail',
    args: ['--mode', 'tolerate-corrupted-tail'],
    files: 'basic-7.8',
    patches: ['truncate 000019.log 4000'],
    engine: 'absolute',
  },
  {
    name: 'heal',
    args: ['--strategy', 'heal'],
    files: 'basic-7.8',
    patches: ['flip 000019.log 0x90.5'],
    engine: 'absolute',
  },
  {
    name: 'salvage',
    args: ['--strategy', 'salvage'],
    files: 'basic-7.8',
    patches: hurtLog,
    engine: 'absolute',
  },
  {
    name: 'tables',
    args: ['--strategy', 'tables'],
    files: 'basic-7.8',
    patches: ['flip 000015.sst 0x20.1', 'flip 000015.sst 0x30.2'],
    engine: 'pit',
  },
  {
    name: 'tables and blob files',
    args: ['--strategy', 'auto'],
    files: 'blob-7.8',
    patches: ['zero 000010.blob 100 300'],
    engine: 'pit',
  },
  {
    name: 'metadata',
    args: ['--strategy', 'metadata'],
    files: 'basic-7.8',
    patches: ['remove MANIFEST-000005'],
    engine: 'pit',
  },
  {
    name: 'auto',
    args: ['--strategy', 'auto'],
    files: 'basic-7.8',
    patches: [...hurtLog, 'flip 000015.sst 0x20.1', 'flip 000015.sst 0x30.2', 'create CURRENT "MANIFEST-"'],
    engine: 'pit',
  },
  { name: 'state 2', args: ['--strategy', 'auto', '--state', '2'], files: 'states/opener-3', engine: 'pit' },
  {
    name: 'from a copy',
    args: ['--from', inRepository('fixtures', 'basic-7.8')],
    files: 'basic-7.8',
    patches: [
      'zero 000018.sst 0 400',
      'remove 000014.sst',
      'zero 000017.log 0x60 64',
      'truncate MANIFEST-000005 300',
      'remove CURRENT',
    ],
    engine: 'pit',
  },
  {
    name: 'from a copy, and what it does not have',
    args: ['--from', inRepository('fixtures', 'basic-7.8'), '--strategy', 'auto'],
    files: 'basic-7.8',
    patches: ['zero 000018.sst 0 400', 'append 000019.log 00ff11ee22dd33cc'],
    engine: 'pit',
  },
  {
    name: 'from a copy of Pebble',
    args: ['--from', inRepository('fixtures', 'pebble-stores/rangekeys')],
    files: 'pebble-stores/rangekeys',
    patches: [
      'remove marker.manifest.000001.MANIFEST-000001',
      'move marker.format-version.000015.016 marker.format-version.000015.099',
      'zero 000005.sst 0x40 60',
      'remove 000006.log',
    ],
  },
  { name: 'application', args: ['--strategy', 'application'], files: 'kvrocks-mixed/db' },
  {
    name: 'raft log, point-in-time',
    args: ['--mode', 'point-in-time'],
    files: 'raft-engine/plain',
    patches: ['zero 0000000000000003.raftlog 500 60'],
  },
  {
    name: 'raft log, heal',
    args: ['--strategy', 'heal'],
    files: 'raft-engine/plain',
    patches: ['flip 0000000000000002.raftlog 900.3', 'flip 0000000000000004.raftlog 200.1'],
  },
  {
    name: 'raft log, auto',
    args: ['--strategy', 'auto'],
    files: 'raft-engine/recycled',
    patches: ['flip 0000000000000020.raftlog 400.3', 'zero 0000000000000022.raftlog 300 60'],
  },
  levelDb('a default open', ['--mode', 'default'], ['flip 000004.log 0xa8.1']),
  levelDb('heal', ['--strategy', 'heal'], ['flip 000004.log 0xa8.1', 'flip 000005.ldb 0x40.2']),
  levelDb('salvage', ['--strategy', 'salvage'], ['zero 000004.log 0xa0 40']),
  levelDb('tables', ['--strategy', 'tables'], ['zero 000005.ldb 0x2f0 24']),
  levelDb('metadata', ['--strategy', 'metadata'], ['remove CURRENT', 'remove MANIFEST-000002']),
  levelDb(
    'from a copy',
    ['--from', inRepository('fixtures', 'leveldb')],
    ['remove CURRENT', 'zero 000005.ldb 0x2f0 24', 'append MANIFEST-000002 00ff11ee22dd33cc'],
  ),
  levelDb('auto', ['--strategy', 'auto'], ['zero 000005.ldb 0x2f0 24', 'zero 000004.log 0xa0 40']),
];

/** A linear congruential generator: the same places every time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-faults-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
const trials = new Trials(root);

async function filesOf({ files, patches = [] }: Case): Promise<FileSet> {
  if (!files.startsWith('states/')) return applyPatches(fixture(files), patches);
  const parent = fs.mkdtempSync(path.join(root, 'state-'));
  execFileSync('tar', ['-xzf', inRepository('fixtures', `${files}.tar.gz`), '-C', parent]);
  return readFileSet(path.join(parent, fs.readdirSync(parent)[0]));
}

/** Runs repair-child.mjs with a fault. */
function childWith(env: Record<string, string>, ...words: string[]): { killed: boolean; error?: string } {
  const program = inRepository('test/support/repair-child.mjs');
  const { signal, status, stderr } = spawnSync(process.execPath, [program, ...words, '-1'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (signal !== null && signal !== 'SIGKILL') throw new Error(`it ended with ${signal}`);
  return { killed: signal === 'SIGKILL', ...(status !== 0 && signal === null && { error: stderr }) };
}

const unlocked = (files: FileSet) => new Map([...files].filter(([name]) => name !== 'LOCK'));
const modesOf = (dir: string) =>
  fs
    .readdirSync(dir)
    .filter((name) => name !== 'LOCK')
    .map((name) => [name, fs.statSync(path.join(dir, name)).mode]);

const noOracle = oracleMissing();
if (noOracle !== undefined) console.log(`RocksDB is not asked: ${noOracle}`);
const noLevelDb = !engineAvailable('leveldb');
if (noLevelDb) console.log('LevelDB is not asked: classic-level is not installed');

const canAsk = (engine: Case['engine']) =>
  engine === 'leveldb' ? !noLevelDb : engine !== undefined && noOracle === undefined;

/** What the engine makes of a directory, which it does not get to change. */
async function engineSees(dir: string, engine: OracleMode | 'leveldb'): Promise<string> {
  const copy = `${dir}.asked`;
  fs.cpSync(dir, copy, { recursive: true });
  // an iterator that meets damage names the file with its path
  const seen = (engine === 'leveldb' ? await levelDbSees(copy) : rocksDbSees(copy, engine))?.replaceAll(
    copy,
    '',
  );
  fs.rmSync(copy, { recursive: true });
  return seen ?? 'refused';
}

function rocksDbSees(copy: string, mode: OracleMode): string | undefined {
  const { open, lastSeq, cfs } = askOracle(copy, mode);
  return open === 'OK' ? JSON.stringify({ lastSeq, cfs }) : undefined;
}

async function levelDbSees(copy: string): Promise<string | undefined> {
  const script: EngineScript = { options: { createIfMissing: false }, steps: [{ op: 'iterate' }] };
  const { opened, error, results } = await runEngine('leveldb', copy, script);
  return opened ? JSON.stringify({ error, results }) : undefined;
}

/** Where a fault strikes: all renames, links and removals first, then anywhere. */
function faultsFor(
  log: readonly string[],
  kinds: readonly Fault['what'][],
  count: number,
  seed: number,
): Fault[] {
  const next = numbers(seed);
  const moves = log.flatMap((line, i) => (/^\d+ (rename|unlink|link) /.test(line) ? [i + 1] : []));
  const chosen = [1, log.length, ...moves.slice(-3), ...moves];
  return Array.from({ length: count }, (_, i) => {
    // every second place is a chosen one, the last moves first
    const at = i % 2 === 0 && i / 2 < chosen.length ? chosen[i / 2] : 1 + next(log.length);
    return { at, what: kinds[next(kinds.length)] };
  });
}

const KILLS: readonly Fault['what'][] = ['before', 'half', 'after'];
const ERRORS: readonly Fault['what'][] = ['5', '28', '13', 'sticky:28', 'sticky:5', 'short'];

describe.skipIf(!canFail || !canBeKilled).each(CASES)('$name', (each) => {
  let before: FileSet;
  let after: FileSet;
  let plan: RepairPlan;
  let seen: string[] = [];
  const { PATH } = process.env;
  const seed = SEED * 1000 + CASES.indexOf(each);
  const { engine } = each;
  const prepared = () => trials.prepared(before, plan);

  /** What changes something while `act` runs undisturbed. */
  const logOf = (below: string, ...words: string[]) => {
    const log = path.join(root, `log-${CASES.indexOf(each)}-${words[0]}`);
    childWith(faultAt(below, undefined, log), ...words);
    return fs.readFileSync(log, 'utf8').trim().split('\n');
  };

  beforeAll(async () => {
    shim();
    before = await filesOf(each);
    const first = trials.databaseWith(before);
    if (engine !== undefined && canAsk(engine)) seen = [await engineSees(first, engine)];
    const { stdout, stderr } = await kvdoctor([
      'repair',
      ...each.args,
      '--in-place',
      '--yes',
      '--stopped',
      first,
    ]);
    const journal = fs.readdirSync(path.dirname(first)).find((name) => name.includes('.kvdoctor-undo'));
    if (journal === undefined) throw new Error(`nothing was repaired: ${stdout}${stderr}`);
    const text = fs.readFileSync(path.join(path.dirname(first), journal, 'plan.json'), 'utf8');
    plan = JSON.parse(text, (name, value) =>
      name === 'bytes' && typeof value === 'string' ? Buffer.from(value, 'base64') : value,
    );
    after = unlocked(readFileSet(first));
    before = unlocked(before);
    if (seen.length > 0) seen.push(await engineSees(first, engine!));
    // without python3 and perl: what holds a lock is not what is tried here
    process.env.PATH = '/nonexistent';
  }, 60_000);
  afterAll(() => {
    process.env.PATH = PATH;
  });

  /** Neither old nor new, for the bytes or for the engine, is a failure. */
  const expectSafe = async (dir: string) => {
    const barred = expectWholeOrBarred(dir, [before, after]);
    if (seen.length === 0) return;
    expect(barred ? ['refused'] : seen).toContain(await engineSees(dir, engine!));
  };

  const tally = (kills: number, errors: number, what: string) =>
    console.log(`${each.name}, ${what}: ${kills} kills, ${errors} errors, 0 wrong`);

  async function strike(
    count: number,
    log: readonly string[],
    trial: (fault: Fault, n: number) => Promise<boolean>,
  ) {
    let [kills, errors] = [0, 0];
    const faults = [...faultsFor(log, KILLS, count, seed), ...faultsFor(log, ERRORS, count, seed + 500)];
    await forAll(faults.length, async (n) => {
      const killed = await trial(faults[n], n).catch((error) => {
        error.message = `${faults[n].what} at ${log[faults[n].at - 1]}: ${error.message}`;
        throw error;
      });
      if (killed) kills++;
      else errors++;
    });
    return { kills, errors };
  }

  it('in place', { timeout: 1_200_000 }, async () => {
    const pattern = prepared();
    const { kills, errors } = await strike(
      Math.ceil(FAULTS / 2),
      logOf(path.dirname(pattern.dir), 'apply', pattern.plan, pattern.journal),
      async (fault, n) => {
        const database = prepared();
        const { dir, journal } = database;
        const modes = modesOf(dir);
        const below = path.dirname(dir);
        const { killed, error } = childWith(faultAt(below, fault), 'apply', database.plan, journal);
        if (!killed && error === undefined) expect(readFileSet(dir)).toEqual(after);
        await expectSafe(dir);
        const begun = fs.existsSync(path.join(journal, 'journal.json'));
        if (n % 3 === 0 && begun) {
          // once more on the way on, or back
          const again: Fault = { at: 1 + (n % 7), what: killed ? 'after' : '5' };
          const words = n % 2 === 0 ? ['undo', journal] : ['resume', journal, dir];
          childWith(faultAt(below, again), ...words);
          await expectSafe(dir);
        }
        if (n % 2 === 0 && fs.existsSync(path.join(journal, 'journal.json'))) {
          await undoRepair(journal, { stopped: true });
          expect(readFileSet(dir)).toEqual(before);
          expect(modesOf(dir)).toEqual(modes);
        } else {
          await repairAgain(database, plan);
          // an undo that was begun is ended as one
          expect(n % 3 === 0 ? [before, after] : [after]).toContainEqual(readFileSet(dir));
        }
        return killed;
      },
    );
    tally(kills, errors, 'in place');
  });

  it('undone', { timeout: 1_200_000 }, async () => {
    const pattern = prepared();
    await repairAgain(pattern, plan);
    const log = logOf(path.dirname(pattern.dir), 'undo', pattern.journal);
    const { kills, errors } = await strike(Math.ceil(FAULTS / 4), log, async (fault) => {
      const database = prepared();
      const { dir, journal } = database;
      await repairAgain(database, plan);
      const { killed, error } = childWith(faultAt(path.dirname(dir), fault), 'undo', journal);
      if (!killed && error === undefined) expect(readFileSet(dir)).toEqual(before);
      await expectSafe(dir);
      await undoRepair(journal, { stopped: true });
      expect(readFileSet(dir)).toEqual(before);
      return killed;
    });
    tally(kills, errors, 'undone');
  });

  it('to a copy', { timeout: 1_200_000 }, async () => {
    const pattern = prepared();
    const log = logOf(path.dirname(pattern.dir), 'copy', pattern.plan, `${pattern.dir}.new`);
    const { kills, errors } = await strike(Math.ceil(FAULTS / 4), log, async (fault) => {
      const { dir, plan: file } = prepared();
      const output = `${dir}.new`;
      const { killed, error } = childWith(faultAt(path.dirname(dir), fault), 'copy', file, output);
      expect(readFileSet(dir)).toEqual(before);
      // what has the final name is whole
      if (fs.existsSync(output)) expect(readFileSet(output)).toEqual(after);
      else {
        expect(killed || error !== undefined).toBe(true);
        await applyToCopy({ ...plan, target: dir }, output, realDisk);
        expect(readFileSet(output)).toEqual(after);
      }
      if (!killed && !fault.what.startsWith('sticky'))
        expect(fs.readdirSync(path.dirname(dir)).filter((name) => name.includes('partial'))).toEqual([]);
      return killed;
    });
    tally(kills, errors, 'to a copy');
  });

  it.skipIf(FAULTS < 40)('as a command', { timeout: 1_200_000 }, async () => {
    const words = (dir: string) => ['repair', ...each.args, '--in-place', '--yes', '--stopped', dir];
    const log = path.join(root, `log-${CASES.indexOf(each)}-command`);
    const pattern = trials.databaseWith(before);
    await kvdoctor(words(pattern), { env: faultAt(path.dirname(pattern), undefined, log) });
    const lines = fs.readFileSync(log, 'utf8').trim().split('\n');
    const { kills, errors } = await strike(Math.ceil(FAULTS / 40), lines, async (fault) => {
      const dir = trials.databaseWith(before);
      const ended = await kvdoctor(words(dir), { env: faultAt(path.dirname(dir), fault) });
      expect(ended.stdout + ended.stderr).not.toMatch(/internal error/);
      await expectSafe(dir);
      const again = await kvdoctor(words(dir));
      expect(again.stdout + again.stderr).not.toMatch(/internal error/);
      expect(unlocked(readFileSet(dir))).toEqual(after);
      return ended.signal === 'SIGKILL';
    });
    tally(kills, errors, 'as a command');
  });
});
