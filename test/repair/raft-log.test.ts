import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Destination } from '../../src/repair/carry-out.js';
import { realDisk } from '../../src/repair/disk.js';
import type { RepairMethod } from '../../src/repair/method.js';
import { repairTarget } from '../../src/repair/run.js';
import { undo } from '../../src/repair/undo.js';
import { withDatabase } from '../support/database.js';
import { fixture } from '../support/files.js';

function repair(dir: string, way: RepairMethod, destination: Destination = { kind: 'copy' }) {
  return repairTarget(dir, { way, destination, tool: 'test' }, { confirm: async () => true });
}

const file = (number: number) => `${String(number).padStart(16, '0')}.raftlog`;
const flipped = [`flip ${file(2)} 900.3`];
const zeroed = [`zero ${file(3)} 500 60`];
const contents = (dir: string) =>
  Object.fromEntries(
    fs.readdirSync(dir).map((name) => [name, fs.readFileSync(path.join(dir, name)).toString('base64')]),
  );

describe('a repair of a raft log', () => {
  it('puts a flipped bit back and changes nothing else', () =>
    withDatabase('raft-engine/plain', flipped, async (dir) => {
      const { repair: done, plan, findings } = await repair(dir, { strategy: 'heal' });
      expect(done?.state).toBe('repaired');
      expect(plan?.loss).toEqual([]);
      expect(findings).toEqual([]);
      const whole = fixture('raft-engine/plain');
      for (const [name, bytes] of Object.entries(contents(`${dir}.repaired`)))
        expect(bytes, name).toBe(Buffer.from(whole.get(name)!).toString('base64'));
    }));

  it('cuts at the last consistent batch, and names the regions and indexes that go', () =>
    withDatabase('raft-engine/plain', zeroed, async (dir) => {
      const { repair: done, plan, recovery = [] } = await repair(dir, { mode: 'point-in-time' });
      expect(done?.state).toBe('repaired');
      expect(recovery.map(({ opens, harmless }) => opens && harmless)).toEqual([true, true, true]);
      expect(plan?.steps.map(({ action, file: name, newSize }) => [action, name, newSize])).toEqual([
        ['remove', file(5), undefined],
        ['remove', file(4), undefined],
        ['write', file(3), 406],
      ]);
      const regions = plan?.loss.filter(({ facts }) => facts.region !== undefined) ?? [];
      expect(regions.map(({ detail }) => detail)).toEqual([
        'region 1 loses entries 24 to 34; has older ones in the place of 1 key value',
        'region 2 loses entries 18 to 35; loses 1 key value; has older ones in the place of 1 key value',
        'region 3 loses entry 5; has older ones in the place of 1 key value',
        'region 4 loses entries 19 to 24; has older ones in the place of 1 key value',
      ]);
    }));

  it('keeps what a recovery mode keeps, and refuses where that does not open', async () => {
    await withDatabase('raft-engine/plain', [`truncate ${file(5)} 290`], async (dir) => {
      const { repair: done, plan } = await repair(dir, { mode: 'tolerate-tail-corruption' });
      expect(done?.state).toBe('repaired');
      expect(plan?.steps.map(({ file: name, newSize }) => [name, newSize])).toEqual([[file(5), 69]]);
      expect(plan?.loss.map(({ detail }) => detail)).toEqual(['221 bytes that are no whole batch']);
    });
    await withDatabase('raft-engine/plain', [`zero ${file(2)} 1010 20`], async (dir) => {
      for (const mode of ['tolerate-tail-corruption', 'tolerate-any-corruption'] as const) {
        const { repair: done } = await repair(dir, { mode });
        expect(done?.state).toBe('refused');
      }
      expect(fs.existsSync(`${dir}.repaired`)).toBe(false);
    });
  });

  it.each(['plain', 'recycled', 'rewritten'])('has nothing to do in %s', (name) =>
    withDatabase(`raft-engine/${name}`, [], async (dir) => {
      for (const way of [
        { mode: 'point-in-time' },
        { mode: 'tolerate-tail-corruption' },
        { strategy: 'heal' },
        { strategy: 'auto' },
      ] as const)
        expect((await repair(dir, way, { kind: 'dry-run' })).repair?.state).toBe('nothing-to-do');
    }),
  );

  it('takes no other way, and none of another engine takes its modes', async () => {
    await withDatabase('raft-engine/plain', zeroed, async (dir) => {
      for (const way of [
        { strategy: 'salvage' },
        { strategy: 'tables' },
        { mode: 'skip-any-corrupted' },
        { mode: 'point-in-time', from: [dir] },
      ] as const)
        await expect(repair(dir, way)).rejects.toMatchObject({ kind: 'usage' });
    });
    await withDatabase('basic-9.7', [], (dir) =>
      expect(repair(dir, { mode: 'tolerate-any-corruption' })).rejects.toMatchObject({ kind: 'usage' }),
    );
  });

  it('in place comes back to the byte, and at no moment has a number missing between files', () =>
    withDatabase('raft-engine/plain', zeroed, async (dir) => {
      const before = contents(dir);
      const seen: string[] = [];
      const watched = {
        ...realDisk,
        async rename(from: string, to: string) {
          await realDisk.rename(from, to);
          if (path.dirname(to) === dir)
            seen.push(
              fs
                .readdirSync(dir)
                .filter((n) => n.endsWith('.raftlog'))
                .join(),
            );
        },
        async remove(name: string) {
          await realDisk.remove(name);
          if (path.dirname(name) === dir)
            seen.push(
              fs
                .readdirSync(dir)
                .filter((n) => n.endsWith('.raftlog'))
                .join(),
            );
        },
      };
      const options = { way: { mode: 'point-in-time' } as const, tool: 'test', disk: watched };
      const hooks = { confirm: async () => true };
      const done = await repairTarget(dir, { ...options, destination: { kind: 'in-place' } }, hooks);
      expect(done.repair?.state).toBe('repaired');
      await undo(watched, done.repair!.journal!, async () => {});
      expect(contents(dir)).toEqual(before);
      const all = [1, 2, 3, 4, 5].map(file).join();
      expect(seen.length).toBeGreaterThan(4);
      for (const names of seen) expect(all.startsWith(names), names).toBe(true);
    }));

  it('that is undone leaves no file in which the engine would append to the journal’s original', () =>
    withDatabase('raft-engine/plain', zeroed, async (dir) => {
      const { repair: done } = await repair(dir, { mode: 'point-in-time' }, { kind: 'in-place' });
      await undo(realDisk, done!.journal!, async () => {});
      const originals = fs.readdirSync(done!.journal!).filter((name) => /^\d+$/.test(name));
      expect(originals.length).toBeGreaterThan(2);
      const before = originals.map((name) => fs.readFileSync(path.join(done!.journal!, name)));
      for (const name of fs.readdirSync(dir))
        fs.appendFileSync(path.join(dir, name), 'what the engine writes');
      expect(originals.map((name) => fs.readFileSync(path.join(done!.journal!, name)))).toEqual(before);
    }));
});
