import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { applyInPlace } from '../../src/repair/apply.js';
import { BARRIER_MARK } from '../../src/repair/barrier.js';
import { fileState } from '../../src/repair/content.js';
import { type Disk, realDisk } from '../../src/repair/disk.js';
import { applyToCopy } from '../../src/repair/output.js';
import type { RepairPlan, RepairStep } from '../../src/repair/plan.js';
import { Refusal } from '../../src/repair/refusal.js';
import { resume, undo } from '../../src/repair/undo.js';
import { faultyDisk, Killed } from '../support/faulty-disk.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'kvdoctor-apply-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let serial = 0;

const files = {
  CURRENT: 'MANIFEST-000005\n',
  'MANIFEST-000005': 'edits',
  '000007.log': 'good records|damage',
  '000009.log': 'later records',
  '000008.sst': 'table',
};

function database(): string {
  const dir = path.join(root, String(serial++), 'db');
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  return dir;
}

const contents = (dir: string) =>
  Object.fromEntries(
    readdirSync(dir)
      .sort()
      .map((f) => [f, readFileSync(path.join(dir, f), 'utf8')]),
  );

/** Cuts 000007.log after its good records, removes 000009.log, rewrites the MANIFEST. */
async function threeSteps(target: string): Promise<RepairPlan> {
  const steps: RepairStep[] = [
    { action: 'remove', path: '000009.log', why: 'it follows the damage', changes: [] },
    {
      action: 'write',
      path: '000007.log',
      why: 'cut',
      changes: [],
      content: [{ from: 'file', path: '000007.log', offset: 0, length: 12 }],
    },
    {
      action: 'write',
      path: 'MANIFEST-000005',
      why: 'forget the WAL',
      changes: [],
      content: [
        { from: 'file', path: 'MANIFEST-000005', offset: 0, length: 5 },
        { from: 'plan', bytes: Buffer.from('+edit') },
      ],
    },
  ];
  return planOf(target, steps);
}

async function planOf(target: string, steps: RepairStep[]): Promise<RepairPlan> {
  const inputs = await Promise.all(Object.keys(files).map((f) => fileState(target, { path: f })));
  return {
    schemaVersion: 1,
    target,
    strategy: 'point-in-time',
    engineVersion: '9.7',
    inputs,
    steps,
    loss: [],
    remarks: [],
  };
}

const before = { ...files };
const after = {
  CURRENT: files.CURRENT,
  'MANIFEST-000005': 'edits+edit',
  '000007.log': 'good records',
  '000008.sst': 'table',
};

const nobody = async () => {};
const options = (disk: Disk, journal: string) => ({
  disk,
  journal,
  checkOwner: nobody,
  tool: 'kvdoctor test',
  now: new Date(0),
});

describe('a repair in place', () => {
  it('leaves the new state and a journal that brings the old one back, with the old times and modes', async () => {
    const dir = database();
    const mtime = statSync(path.join(dir, '000007.log')).mtimeMs;
    await applyInPlace(await threeSteps(dir), options(realDisk, `${dir}.kvdoctor-undo-test`));
    expect(contents(dir)).toEqual(after);
    expect(await undo(realDisk, `${dir}.kvdoctor-undo-test`, nobody)).toBe('undone');
    expect(contents(dir)).toEqual(before);
    expect(statSync(path.join(dir, '000007.log')).mtimeMs).toBeCloseTo(mtime, 1);
    expect(await undo(realDisk, `${dir}.kvdoctor-undo-test`, nobody)).toBe('was-undone');
  });

  it('refuses a plan whose inputs have changed, and changes nothing', async () => {
    const dir = database();
    const plan = await threeSteps(dir);
    writeFileSync(path.join(dir, '000008.sst'), 'other');
    await expect(applyInPlace(plan, options(realDisk, `${dir}.kvdoctor-undo-test`))).rejects.toThrow(
      /000008\.sst has changed/,
    );
    expect(contents(dir)).toEqual({ ...before, '000008.sst': 'other' });
  });

  it('refuses to undo over what somebody wrote since', async () => {
    const dir = database();
    await applyInPlace(await threeSteps(dir), options(realDisk, `${dir}.kvdoctor-undo-test`));
    writeFileSync(path.join(dir, 'CURRENT'), 'MANIFEST-000011\n');
    await expect(undo(realDisk, `${dir}.kvdoctor-undo-test`, nobody)).rejects.toThrow(Refusal);
    expect(contents(dir)).toEqual({ ...after, CURRENT: 'MANIFEST-000011\n' });
  });

  it('never leaves a half that an engine would open, and ends whole, wherever it is killed', async () => {
    const count = await pointsOf(
      async (disk, dir) =>
        void (await applyInPlace(await threeSteps(dir), options(disk, `${dir}.kvdoctor-undo-test`))),
    );
    expect(count).toBeGreaterThan(60);
    for (let point = 0; point < count; point++) {
      const dir = database();
      const plan = await threeSteps(dir);
      const journal = `${dir}.kvdoctor-undo-test`;
      await expect(applyInPlace(plan, options(faultyDisk(realDisk, point, die), journal))).rejects.toThrow(
        Killed,
      );
      expectWholeOrBarred(dir);
      if (point % 2 === 0) {
        if (hasJournal(journal)) await resume(realDisk, journal, nobody, {});
        else rmSync(journal, { recursive: true, force: true });
        const now = contents(dir);
        expect([JSON.stringify(sorted(before)), JSON.stringify(sorted(after))]).toContain(
          JSON.stringify(now),
        );
      } else if (hasJournal(journal)) {
        await undo(realDisk, journal, nobody);
        expect(contents(dir)).toEqual(before);
      }
    }
  });

  it('an undo that is killed is finished by the next', async () => {
    const prepared = async () => {
      const dir = database();
      await applyInPlace(await threeSteps(dir), options(realDisk, `${dir}.kvdoctor-undo-test`));
      return dir;
    };
    let point = 0;
    for (let killed = true; killed; point++) {
      const dir = await prepared();
      killed = await undo(faultyDisk(realDisk, point, die), `${dir}.kvdoctor-undo-test`, nobody).then(
        () => false,
        (e) => e instanceof Killed || Promise.reject(e),
      );
      expectWholeOrBarred(dir);
      await undo(realDisk, `${dir}.kvdoctor-undo-test`, nobody);
      expect(contents(dir)).toEqual(before);
    }
    expect(point).toBeGreaterThan(40);
  });
});

describe('a repair on a copy', () => {
  it('leaves the original as it is and shares no bytes that an engine would change', async () => {
    const dir = database();
    await applyToCopy(await threeSteps(dir), `${dir}.repaired`, realDisk);
    expect(contents(dir)).toEqual(before);
    expect(contents(`${dir}.repaired`)).toEqual(after);
    expect(statSync(path.join(`${dir}.repaired`, 'CURRENT')).ino).not.toBe(
      statSync(path.join(dir, 'CURRENT')).ino,
    );
  });

  it('refuses a directory that is there', async () => {
    const dir = database();
    await expect(applyToCopy(await threeSteps(dir), dir, realDisk)).rejects.toThrow(/is there already/);
  });
});

async function die(): Promise<never> {
  throw new Killed();
}

function hasJournal(directory: string): boolean {
  try {
    return readdirSync(directory).includes('journal.json');
  } catch {
    return false;
  }
}

const sorted = (o: Record<string, string>) => Object.fromEntries(Object.entries(o).sort());

/** What an engine would find: all old, all new, or a CURRENT that it refuses. Files under names that it ignores do not count. */
function expectWholeOrBarred(dir: string): void {
  const seen = Object.fromEntries(Object.entries(contents(dir)).filter(([f]) => !f.includes('.kvdoctor-')));
  if (seen.CURRENT.startsWith(BARRIER_MARK)) {
    expect(seen.CURRENT.endsWith('\n')).toBe(false);
    return;
  }
  const digest = (o: object) => createHash('sha256').update(JSON.stringify(o)).digest('hex');
  expect([digest(sorted(before)), digest(sorted(after))]).toContain(digest(seen));
}

async function pointsOf(run: (disk: Disk, dir: string) => Promise<void>): Promise<number> {
  const disk = faultyDisk(realDisk, Number.POSITIVE_INFINITY, die);
  await run(disk, database());
  return disk.points();
}
