import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Disk, realDisk } from '../../src/repair/disk.js';
import { Refusal } from '../../src/repair/refusal.js';
import { type RepairHooks, type RepairOptions, repairTarget } from '../../src/repair/run.js';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import type { RecoveryReport, TargetReport } from '../../src/report/report.js';
import { withDatabase } from '../support/database.js';
import { engineAvailable, runEngine, spawnEngine } from '../support/engine.js';
import { fixtureNames, readFileSet } from '../support/files.js';

const python = spawnSync('python3', ['--version']).status === 0;
const engine = engineAvailable('rocksdb-9.7');
const yes: RepairHooks = { settle: async () => true, confirm: async () => true };

const pointInTime = { mode: 'point-in-time' } as const;
const salvage = { strategy: 'salvage' } as const;

function repair(dir: string, options: Partial<RepairOptions> = {}, hooks = yes): Promise<TargetReport> {
  return repairTarget(
    dir,
    { way: pointInTime, destination: { kind: 'in-place' }, jobs: 1, stopped: true, tool: 'test', ...options },
    hooks,
  );
}

/** Rejections of a promise, told by kind. */
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no refusal',
    (error) =>
      error instanceof Refusal ? { kind: error.kind, message: error.message } : Promise.reject(error),
  );

const beside = (dir: string) => readdirSync(path.dirname(dir)).filter((name) => name !== path.basename(dir));

const damage = ['flip 000019.log 0x60.3'];

describe('a repair from end to end', () => {
  it('leaves what it promised, says what was before, and can be undone', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const before = readFileSet(dir);
      const promised = (await simulateTarget(dir, { digest: true })).recovery?.[1] as RecoveryReport;
      const report = await repair(dir);
      expect(report.repair).toMatchObject({ state: 'repaired', before: { errors: 1 } });
      expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(report.recovery?.every(({ opens, harmless }) => opens && harmless)).toBe(true);
      const after = await simulateTarget(dir, { digest: true });
      for (const mode of after.recovery ?? []) {
        expect(mode.lastSequence).toBe(promised.lastSequence);
        expect(mode.columnFamilies).toEqual(promised.columnFamilies);
      }
      const journal = report.repair?.journal as string;
      expect(await undoRepair(journal, { stopped: true })).toMatchObject({ outcome: 'undone', files: 1 });
      expect(readFileSet(dir)).toEqual(before);
      expect(await undoRepair(journal, { stopped: true })).toMatchObject({ outcome: 'was-undone' });
    });
  });

  it('done twice changes nothing the second time', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      await repair(dir);
      const once = readFileSet(dir);
      const names = beside(dir);
      expect((await repair(dir)).repair).toEqual({ state: 'nothing-to-do' });
      expect(readFileSet(dir)).toEqual(once);
      expect(beside(dir)).toEqual(names);
    });
  });

  const healthy = fixtureNames().filter((name) => !/kvrocks-race|leveldb|pebble|backup-7/.test(name));
  it.each(healthy)('changes no byte of the healthy %s', async (name) => {
    await withDatabase(name, [], async (dir) => {
      const before = readFileSet(dir);
      for (const way of [pointInTime, { mode: 'skip-any-corrupted' } as const, salvage]) {
        expect((await repair(dir, { way, depth: 'structure' })).repair?.state).toBe('nothing-to-do');
      }
      expect(readFileSet(dir)).toEqual(before);
      expect(beside(dir)).toEqual([]);
    });
  });

  it('of a dry run is only the plan', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const before = readFileSet(dir);
      const { repair: outcome, plan } = await repair(dir, { destination: { kind: 'dry-run' } });
      expect(outcome).toEqual({ state: 'planned' });
      expect(plan?.steps).toMatchObject([{ action: 'write', file: '000019.log', newSize: 0 }]);
      expect(plan?.loss.length).toBeGreaterThan(0);
      expect(readFileSet(dir)).toEqual(before);
      expect(beside(dir)).toEqual([]);
    });
  });

  it('of a copy leaves the original, and makes the copy that it announced', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const before = readFileSet(dir);
      const report = await repair(dir, { destination: { kind: 'copy' } });
      expect(report.repair).toMatchObject({ state: 'repaired', output: `${dir}.repaired` });
      expect(report.path).toBe(`${dir}.repaired`);
      expect(readFileSet(dir)).toEqual(before);
      expect(await refusal(repair(dir, { destination: { kind: 'copy' } }))).toMatchObject({ kind: 'usage' });
    });
  });

  it('says when nothing of the logs would be left, and when the options accept a hole', async () => {
    const dry = { destination: { kind: 'dry-run' } } as const;
    await withDatabase('kvrocks-race-8', [], async (parent) => {
      const { plan } = await repair(path.join(parent, 'db'), dry);
      expect(plan?.remarks).toEqual([expect.stringMatching(/nothing of the WALs is left/)]);
    });
    await withDatabase('basic-6.17', ['flip 000013.log 0x300.1'], async (dir) => {
      const { plan } = await repair(dir, dry);
      expect(plan?.remarks.join()).not.toMatch(/paranoid/);
    });
    // two logs, the first damaged in its middle, under paranoid_checks=false
    const rotate = ['copy 000013.log 000014.log', 'truncate 000013.log 1369', 'cut 000014.log 0 1369'];
    await withDatabase('basic-6.17', [...rotate, 'flip 000013.log 0x200.1'], async (dir) => {
      const { plan } = await repair(dir, dry);
      expect(plan?.remarks).toEqual([expect.stringMatching(/a hole is accepted.*paranoid_checks=false/)]);
    });
  });

  it('does nothing when the answer is no', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const before = readFileSet(dir);
      const destination = { kind: 'in-place', journal: '/some/where else' } as const;
      const { repair: outcome, plan } = await repair(dir, { destination }, { confirm: async () => false });
      expect(outcome?.state).toBe('declined');
      // what is typed next does what was declined
      expect(plan?.options).toEqual(['--in-place', "--journal '/some/where else'"]);
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it('keeps times and modes of what it does not change, and the mode of what it does', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const { stat, chmod } = await import('node:fs/promises');
      await chmod(path.join(dir, '000019.log'), 0o640);
      const untouched = await stat(path.join(dir, '000017.log'));
      await repair(dir);
      expect((await stat(path.join(dir, '000019.log'))).mode & 0o777).toBe(0o640);
      expect((await stat(path.join(dir, '000017.log'))).mtimeMs).toBe(untouched.mtimeMs);
    });
  });
});

describe('a repair refuses', () => {
  it('where no consistent point exists, and says what there is instead', async () => {
    await withDatabase('wal-large-7.8', ['flip 000004.log 0x4e20.3'], async (dir) => {
      const before = readFileSet(dir);
      const { repair: outcome } = await repair(dir);
      expect(outcome).toMatchObject({
        state: 'refused',
        reason: expect.stringMatching(/no consistent point/),
      });
      expect(outcome?.next).toMatch(/--accept-hole.*--strategy salvage/);
      expect(readFileSet(dir)).toEqual(before);
      const over = await repair(dir, { way: { ...pointInTime, acceptHole: true } });
      expect(over.repair?.state).toBe('repaired');
      expect(over.plan?.remarks.join()).toMatch(/a hole is accepted/);
    });
  });

  it('what is not about logs', async () => {
    await withDatabase('basic-7.8', ['remove CURRENT'], async (dir) => {
      expect((await repair(dir)).repair).toMatchObject({
        state: 'refused',
        command: expect.stringMatching(/--strategy auto --dry-run/),
      });
    });
  });

  it('a plan whose files change while it is looked at', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const confirm = async () => {
        writeFileSync(path.join(dir, '000019.log'), 'other');
        return true;
      };
      const { repair: outcome } = await repair(dir, {}, { confirm });
      expect(outcome).toMatchObject({
        state: 'refused',
        reason: expect.stringMatching(/000019\.log has changed/),
      });
    });
  });

  it.skipIf(!engine)('a database that a process has open, and names the process', async () => {
    await withDatabase('basic-9.7', [], async (dir) => {
      const options = { columns: { default: {}, users: {} } };
      const steps = [{ op: 'announce' as const }, { op: 'sleep' as const, milliseconds: 60_000 }];
      const server = spawnEngine('rocksdb-9.7', dir, { options, steps });
      const ended = new Promise((done) => server.on('close', done));
      try {
        await new Promise((done) => server.stdout.once('data', done));
        const said = await refusal(repair(dir));
        expect(said).toMatchObject({
          kind: 'in-use',
          message: expect.stringContaining(`process ${server.pid}`),
        });
        expect(await refusal(repair(dir, { destination: { kind: 'copy' } }))).toMatchObject({
          kind: 'in-use',
        });
      } finally {
        server.kill('SIGKILL');
        await ended;
      }
    });
  });

  it('to go on without a lock unless it is told that the server is stopped', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      const { PATH } = process.env;
      process.env.PATH = '/nonexistent';
      try {
        expect(await refusal(repair(dir, { stopped: false }))).toMatchObject({
          kind: 'usage',
          message: expect.stringMatching(/neither python3 nor perl/),
        });
        expect((await repair(dir)).repair?.state).toBe('repaired');
      } finally {
        process.env.PATH = PATH;
      }
    });
  });
});

describe('while it writes', () => {
  it.skipIf(!python || !engine)('no engine gets in', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      let attempt = '';
      const disk: Disk = {
        ...realDisk,
        async rename(from, to) {
          if (to.endsWith('000019.log')) {
            const options = { columns: { default: {}, users: {}, orders: {} } };
            const { error } = await runEngine('rocksdb-9.7', dir, { options, steps: [] });
            attempt = error ?? 'it opened';
          }
          await realDisk.rename(from, to);
        },
      };
      expect((await repair(dir, { disk, stopped: false })).repair?.state).toBe('repaired');
      expect(attempt).toMatch(/lock/i);
    });
  });
});

describe('a directory without LOCK', () => {
  const without = [...damage, 'remove LOCK'];

  it('has none afterwards, also when a repair was killed between', async () => {
    await withDatabase('basic-7.8', without, async (dir) => {
      let made = '';
      const dying: Disk = {
        ...realDisk,
        async rename(from, to) {
          if (to.endsWith('000019.log')) made = readdirSync(dir).join();
          await realDisk.rename(from, to);
        },
      };
      const { repair: outcome } = await repair(dir, { disk: dying });
      expect(outcome?.state).toBe('repaired');
      if (python) expect(made).toContain('LOCK');
      expect(readdirSync(dir)).not.toContain('LOCK');
      // as a killed process leaves it
      writeFileSync(path.join(dir, 'LOCK'), 'kvdoctor: made to keep the engine out while a repair writes\n');
      await undoRepair(outcome?.journal as string, { stopped: true });
      expect(readdirSync(dir).includes('LOCK')).toBe(!python);
    });
  });
});

describe('a repair that was killed', () => {
  /** Dies before the first file of the target changes, or after the last. */
  const dying = (when: 'before' | 'after'): Disk => ({
    ...realDisk,
    async rename(from, to) {
      if (to.endsWith('000019.log') && when === 'before') throw new Error('killed');
      await realDisk.rename(from, to);
      if (to.endsWith('000019.log')) throw new Error('killed');
    },
  });

  it.each(['before', 'after'] as const)(
    '%s the first change is finished by the next, which says so',
    async (when) => {
      await withDatabase('basic-7.8', damage, async (dir) => {
        await expect(repair(dir, { disk: dying(when) })).rejects.toThrow('killed');
        const [journal] = beside(dir);
        const copy = await refusal(repair(dir, { destination: { kind: 'copy' } }));
        expect(copy).toMatchObject({
          kind: 'refused',
          message: expect.stringMatching(/begun and not ended/),
        });
        const { repair: outcome } = await repair(dir);
        expect(outcome).toMatchObject({ state: 'nothing-to-do', resumed: { outcome: 'finished' } });
        expect(beside(dir)).toEqual([journal]);
      });
    },
  );

  it('before it had a journal leaves nothing for good', async () => {
    await withDatabase('basic-7.8', damage, async (dir) => {
      // who is killed takes nothing away either
      const killed = () => Promise.reject(new Error('killed'));
      const disk: Disk = { ...realDisk, create: killed, remove: killed, removeDirectory: killed };
      await expect(repair(dir, { disk })).rejects.toThrow('killed');
      expect(beside(dir)).toHaveLength(1);
      await repair(dir, { now: new Date(0) });
      expect(beside(dir)).toEqual(['db.kvdoctor-undo-19700101T000000.000Z']);
    });
  });
});

describe.skipIf(!engine)('RocksDB itself', () => {
  const kvrocks = ['default', 'metadata', 'zset_score', 'pubsub', 'propagate', 'stream', 'search'];

  /** Entries of each column family as RocksDB 9.7 sees them. */
  async function entries(dir: string, names: readonly string[]): Promise<Record<string, number> | string> {
    const columns = Object.fromEntries(names.map((name) => [name, {}]));
    const steps = names.map((column) => ({ op: 'iterate' as const, column }));
    const { opened, error, results } = await runEngine('rocksdb-9.7', dir, { options: { columns }, steps });
    if (!opened) return error ?? '';
    return Object.fromEntries(names.map((name, i) => [name, (results[i] as unknown[]).length]));
  }

  it.each(['8', '9', '10', '12'])(
    'opens the repaired kvrocks-race-%s and sees what was promised',
    async (number) => {
      for (const way of [pointInTime, salvage]) {
        await withDatabase(`kvrocks-race-${number}`, [], async (parent) => {
          const dir = path.join(parent, 'db');
          expect((await repair(dir, { way })).repair?.state).toBe('repaired');
          const { recovery = [] } = await simulateTarget(dir, { digest: true });
          expect(recovery.map(({ opens }) => opens)).toEqual([true, true, true, true]);
          const promised = recovery[0].columnFamilies?.map(({ name, entries }) => [name, entries]);
          expect(await entries(dir, kvrocks)).toEqual(Object.fromEntries(promised ?? []));
        });
      }
    },
  );

  // written by this engine, without merge operators, which the binding does not have
  const log = '000010.log';
  it.each([
    `flip ${log} 0x60.3`,
    `flip ${log} 0x700.1`,
    `flip ${log} end-40.7`,
    `zero ${log} 0x400 512`,
    `truncate ${log} 0x500`,
    `append ${log} 00000000000000112233`,
  ])('opens what is left after: %s', async (patch) => {
    await withDatabase('basic-9.7', [patch], async (dir) => {
      await repair(dir);
      const { recovery = [] } = await simulateTarget(dir, { digest: true });
      const families = recovery[0].columnFamilies ?? [];
      const promised = Object.fromEntries(families.map(({ name, entries }) => [name, entries]));
      expect(await entries(dir, Object.keys(promised))).toEqual(promised);
    });
  });

  it.skipIf(!engineAvailable('rocksdb-6.17'))('6.17 opens a repaired copy', async () => {
    await withDatabase('basic-6.17', ['flip 000013.log 0x200.1'], async (dir) => {
      const { repair: outcome } = await repair(dir, { destination: { kind: 'copy' } });
      expect(outcome?.state).toBe('repaired');
      const { recovery = [] } = await simulateTarget(`${dir}.repaired`, { digest: true });
      const steps = [{ op: 'iterate' as const }];
      const { opened, results } = await runEngine('rocksdb-6.17', `${dir}.repaired`, { steps });
      expect(opened).toBe(true);
      expect((results[0] as unknown[]).length).toBe(recovery[1].columnFamilies?.[0].entries);
    });
  });
});
