import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecoveryMode } from '../../src/recovery/mode.js';
import { realDisk } from '../../src/repair/disk.js';
import { holdLock } from '../../src/repair/hold-lock.js';
import type { RepairMethod } from '../../src/repair/method.js';
import { repairTarget } from '../../src/repair/run.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { withDatabase } from '../support/database.js';
import { engineAvailable, runEngine } from '../support/engine.js';
import { readFileSet } from '../support/files.js';
import { hasProgram } from '../support/tools.js';
import { visible } from '../support/visible.js';

const auto: RepairMethod = { strategy: 'auto' };
const mode = (name: RecoveryMode): RepairMethod => ({ mode: name });

const repaired = (dir: string, way: RepairMethod) =>
  repairTarget(
    dir,
    { way, destination: { kind: 'in-place' }, stopped: true, jobs: 1, tool: 'test' },
    { confirm: async () => true },
  );

/** Keys that LevelDB itself shows of a directory. */
async function entriesIn(dir: string): Promise<number | string> {
  if (!engineAvailable('leveldb')) return (await visible(dir)).size;
  const { opened, error, results } = await runEngine('leveldb', dir, {
    options: { createIfMissing: false },
    steps: [{ op: 'iterate' }],
  });
  return opened ? (results[0] as unknown[]).length : `refused: ${error}`;
}

// ten records of one put in the WAL, 80 bytes each, and fifty keys in the table
describe('repair of a LevelDB directory', () => {
  it.each<[string, RepairMethod, string[], number]>([
    ['keeps what a default open keeps', mode('default'), ['flip 000004.log 0xa8.1'], 52],
    ['puts a flipped bit of a WAL back', auto, ['flip 000004.log 0xa8.1'], 60],
    ['cuts a torn tail', mode('default'), ['truncate 000004.log 790'], 59],
    ['keeps whole records after damage', auto, ['zero 000004.log 0xa0 40'], 59],
    ['names the MANIFEST', auto, ['remove CURRENT'], 60],
    ['makes MANIFEST and CURRENT anew', auto, ['remove CURRENT', 'remove MANIFEST-000002'], 60],
    ['makes a MANIFEST anew that has lost its first edits', auto, ['zero MANIFEST-000002 0x8 20'], 60],
    ['makes the index of a table anew', auto, ['zero 000005.ldb 0x2f0 24'], 60],
    ['goes on without a table that is gone', auto, ['remove 000005.ldb'], 10],
  ])('%s', async (_, way, patches, entries) => {
    await withDatabase('leveldb', patches, async (dir) => {
      const { repair, findings, plan } = await repaired(dir, way);
      expect(repair?.reason).toBeUndefined();
      expect(repair?.state).toBe('repaired');
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(JSON.stringify(plan)).not.toMatch(/column famil|RocksDB|range tombstone/);
      expect(await entriesIn(dir)).toBe(entries);
    });
  });

  it('takes the sequences that edits do not say from the tables, where the first edit is lost', async () => {
    const whole = await withDatabase('leveldb', [], visible);
    await withDatabase('leveldb', ['zero MANIFEST-000002 13 20', 'remove CURRENT'], async (dir) => {
      const { repair, recovery } = await repaired(dir, auto);
      expect(repair?.state).toBe('repaired');
      expect(recovery?.map(({ lastSequence }) => lastSequence)).toEqual(['60', '60']);
      expect(await visible(dir)).toEqual(whole);
      expect(await entriesIn(dir)).toBe(60);
    });
  });

  it('changes nothing about a healthy one', async () => {
    await withDatabase('leveldb', [], async (dir) => {
      const before = readFileSet(dir);
      for (const way of [auto, mode('default'), mode('paranoid'), { strategy: 'metadata' } as const])
        expect((await repaired(dir, way)).repair?.state).toBe('nothing-to-do');
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it.each(['000004.log 0xa8.1', '000005.ldb 0x40.2', 'MANIFEST-000002 0x3e.4'])(
    'puts a flipped bit back: %s',
    async (flip) => {
      const whole = await withDatabase('leveldb', [], async (dir) => readFileSet(dir));
      await withDatabase('leveldb', [`flip ${flip}`], async (dir) => {
        expect((await repaired(dir, { strategy: 'heal' })).repair?.state).toBe('repaired');
        expect(readFileSet(dir)).toEqual(whole);
      });
    },
  );

  // the third record's value: the letters stand in each of them, its number in none
  const garbled = { letters: 'write 000004.log 0xd2 1f035b2916', number: 'write 000004.log 0xc5 1f035b2916' };

  it('puts a few bytes right that others of the log have, and says that nothing but the checksum proves it', async () => {
    const whole = await withDatabase('leveldb', [], async (dir) => readFileSet(dir));
    await withDatabase('leveldb', [garbled.letters], async (dir) => {
      const { plan, repair } = await repaired(dir, auto);
      expect(repair?.state).toBe('repaired');
      expect(plan?.unproven).toMatchObject([{ facts: { kept: 1, offset: 0xa0 } }]);
      expect(readFileSet(dir)).toEqual(whole);
    });
  });

  it('keeps nothing of a record whose damage shows no place, unless it is told to', async () => {
    await withDatabase('leveldb', [garbled.number], async (dir) => {
      const { plan } = await repaired(dir, auto);
      expect(plan?.unproven).toBeUndefined();
      expect(plan?.loss).toMatchObject([{ facts: { kept: 0, operations: 1, offset: 0xa0 } }]);
      expect(plan?.loss[0].detail).toContain('--strategy salvage keeps');
    });
    await withDatabase('leveldb', [garbled.number], async (dir) => {
      const { plan } = await repaired(dir, { strategy: 'salvage' });
      expect(plan?.unproven).toMatchObject([{ facts: { kept: 1, offset: 0xa0 } }]);
    });
  });

  it('can be taken back', async () => {
    await withDatabase('leveldb', ['zero 000005.ldb 0x2f0 24', 'zero 000004.log 0xa0 40'], async (dir) => {
      const before = readFileSet(dir);
      const { repair } = await repaired(dir, auto);
      await undoRepair(repair!.journal!);
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  it.skipIf(!hasProgram('python3'))('is kept from LevelDB and goleveldb while files change', async () => {
    const ask = (call: string, lock: string) =>
      spawnSync('python3', ['-c', `import fcntl,sys\nfcntl.${call}(open(sys.argv[1],"r+"),6)`, lock]).status;
    await withDatabase('leveldb', [], async (dir) => {
      const held = await holdLock(dir, realDisk);
      const lock = join(dir, 'LOCK');
      expect([ask('lockf', lock), ask('flock', lock)]).toEqual([1, 1]);
      await held!.release();
      writeFileSync(lock, '');
      expect([ask('lockf', lock), ask('flock', lock)]).toEqual([0, 0]);
    });
  });

  it('refuses the mode of another engine', async () => {
    await withDatabase('leveldb', ['flip 000004.log 0xa8.1'], async (dir) => {
      await expect(repaired(dir, mode('point-in-time'))).rejects.toThrow(
        'LevelDB has no recovery mode point-in-time',
      );
    });
  });
});
