import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kvdoctor } from '../support/cli.js';
import { canFail, faultAt } from '../support/faults.js';
import { type FileSet, fixture, readFileSet, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';

/*
 * Ctrl-C in every phase of a repair and of an undo: 130, and all is as it was, with nothing of ours beside it; or, once files of the
 * target change, all is as it shall be, or the same command goes on, and stderr says which. It ends within a second of that.
 */

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-interrupt-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let serial = 0;
let before: FileSet;

function database(): string {
  const dir = path.join(root, String(serial++), 'db');
  writeFileSet(before, dir);
  return dir;
}

const unlocked = (dir: string) => new Map([...readFileSet(dir)].filter(([name]) => name !== 'LOCK'));
const beside = (dir: string) => fs.readdirSync(path.dirname(dir));
const journalOf = (dir: string) =>
  path.join(path.dirname(dir), beside(dir).find((name) => name.includes('.kvdoctor-undo'))!);

/** What changes something below the directory while a command runs, one line each. */
async function changesOf(dir: string, ...command: string[]): Promise<string[]> {
  const log = path.join(root, `log-${serial++}`);
  const { status, stderr } = await kvdoctor(command, { env: faultAt(path.dirname(dir), undefined, log) });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return fs.readFileSync(log, 'utf8').trim().split('\n');
}

/** Places of a log, the first and the last among them. */
const spread = (length: number, count: number) =>
  Array.from({ length: count }, (_, i) => 1 + Math.round((i * (length - 1)) / (count - 1)));

const repairing = (dir: string, ...more: string[]) => [
  ...['repair', '--strategy', 'auto', '--yes', '--no-progress', '--stopped', dir],
  ...more,
];

/** Does nothing where the process has ended by itself. */
function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

describe.skipIf(!canFail)('Ctrl-C', () => {
  beforeAll(async () => {
    before = await applyPatches(fixture('basic-7.8'), [
      'flip 000015.sst 0x20.1',
      'flip 000015.sst 0x30.2',
      'create CURRENT "MANIFEST-"',
    ]);
    before.delete('LOCK');
  });

  it('while a repair in place plans, puts aside, writes and looks at the result', {
    timeout: 120_000,
  }, async () => {
    const first = database();
    const changes = await changesOf(first, ...repairing(first, '--in-place'));
    const after = unlocked(first);
    const seen = new Set<number | null>();
    // from the barrier in CURRENT on it goes to the end
    const commit = changes.findLastIndex((line) => line.includes('rename') && line.endsWith('/CURRENT'));
    for (const at of [...spread(commit, 4), changes.length]) {
      const dir = database();
      const env = faultAt(path.dirname(dir), { at, what: 'interrupt' });
      const { status, stderr } = await kvdoctor(repairing(dir, '--in-place'), { env });
      seen.add(status);
      const nothing = beside(dir).length === 1;
      expect([0, 130]).toContain(status);
      if (nothing) {
        expect(status).toBe(130);
        expect(stderr).toContain('this repair has changed nothing, and the same command begins anew');
      } else if (stderr !== '') {
        // the signal may come when there is nothing to end any more
        expect(stderr).toContain(`kvdoctor undo ${journalOf(dir)}`);
      }
      if (stderr.includes('the same command finishes it')) await kvdoctor(repairing(dir, '--in-place'));
      expect(unlocked(dir)).toEqual(nothing ? before : after);
    }
    expect(seen).toContain(130);
  });

  it('while a copy is written and looked at', { timeout: 120_000 }, async () => {
    const first = database();
    const changes = await changesOf(first, ...repairing(first));
    const after = unlocked(`${first}.repaired`);
    for (const at of spread(changes.length, 4)) {
      const dir = database();
      const env = faultAt(path.dirname(dir), { at, what: 'interrupt' });
      const { status } = await kvdoctor(repairing(dir), { env });
      if (at === 1) expect(status).toBe(130);
      expect([0, 130]).toContain(status);
      const written = beside(dir).length > 1;
      expect(beside(dir)).toEqual(written ? ['db', 'db.repaired'] : ['db']);
      expect(unlocked(dir)).toEqual(before);
      if (written) expect(unlocked(`${dir}.repaired`)).toEqual(after);
    }
  });

  it('while an undo puts back', { timeout: 120_000 }, async () => {
    const repaired = async () => {
      const dir = database();
      await kvdoctor(repairing(dir, '--in-place'));
      return dir;
    };
    const first = await repaired();
    const changes = await changesOf(first, 'undo', '--stopped', journalOf(first));
    for (const at of spread(changes.length, 3)) {
      const dir = await repaired();
      const after = unlocked(dir);
      const env = faultAt(path.dirname(dir), { at, what: 'interrupt' });
      const { status, stderr } = await kvdoctor(['undo', '--stopped', journalOf(dir)], { env });
      expect([0, 130]).toContain(status);
      const goesOn = stderr.includes('the same command');
      if (goesOn) await kvdoctor(['undo', '--stopped', journalOf(dir)]);
      expect(unlocked(dir)).toEqual(status === 130 && !goesOn ? after : before);
    }
  });

  it('while an undo verifies originals of many gigabytes, ends soon', { timeout: 120_000 }, async () => {
    const dir = database();
    await kvdoctor(repairing(dir, '--in-place'));
    const after = unlocked(dir);
    const journal = journalOf(dir);
    const original = fs.readdirSync(journal).find((name) => /^\d+$/.test(name))!;
    // sparse: it takes a minute to hash
    fs.truncateSync(path.join(journal, original), 2 ** 36);
    let asked = 0;
    const meanwhile = (pid: number) =>
      setTimeout(() => {
        asked = Date.now();
        process.kill(pid, 'SIGTERM');
      }, 3000);
    const { status, stderr } = await kvdoctor(['undo', '--stopped', journal], { meanwhile });
    expect(Date.now() - asked).toBeLessThan(10_000);
    expect(status).toBe(130);
    expect(stderr).toContain('nothing was changed');
    expect(unlocked(dir)).toEqual(after);
  });

  it.each([
    ['plan', 150],
    ['plan', 500],
  ])('while a repair %ss, after %i ms', { timeout: 60_000 }, async (_, milliseconds) => {
    const dir = database();
    const meanwhile = (pid: number) => setTimeout(() => interrupt(pid), milliseconds);
    const { status, signal } = await kvdoctor(
      repairing(dir, '--dry-run').filter((word) => word !== '--yes'),
      {
        meanwhile,
      },
    );
    // before anything listens the signal itself ends it
    expect([0, 130, null]).toContain(status);
    if (status === null) expect(signal).toBe('SIGINT');
    expect(unlocked(dir)).toEqual(before);
    expect(beside(dir)).toEqual(['db']);
  });
});
