import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Interrupted } from '../../src/io/interruption.js';
import { BARRIER_MARK, barrierText } from '../../src/repair/barrier.js';
import { Refusal } from '../../src/repair/refusal.js';
import { type RepairHooks, type RepairOptions, repairTarget } from '../../src/repair/run.js';
import { undoRepair } from '../../src/repair/undo-repair.js';
import { fakeHost, kvdoctor } from '../cli/host.js';
import { withDatabase } from '../support/database.js';
import { readFileSet } from '../support/files.js';

/*
 * Journals and CURRENT are files like any other: whoever made the directory made them. Nothing in them may lead out of the
 * directory that a person has named, and nothing happens before somebody has agreed.
 */

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const options: RepairOptions = {
  way: { mode: 'point-in-time' },
  destination: { kind: 'in-place' },
  depth: 'structure',
  jobs: 1,
  stopped: true,
  tool: 'test',
};
const yes: RepairHooks = { settle: async () => true, confirm: async () => true };
const damage = ['flip 000019.log 0x60.3'];

/** A database, a journal beside it, and a victim next to both. */
async function withVictim(
  body: (place: { dir: string; journal: string; victim: string }) => Promise<void>,
): Promise<void> {
  await withDatabase('basic-7.8', damage, async (dir) => {
    const victim = path.join(path.dirname(dir), 'victim');
    const journal = `${dir}.kvdoctor-undo-20260101T000000.000Z`;
    mkdirSync(victim);
    mkdirSync(journal);
    writeFileSync(path.join(victim, 'passwd'), 'secret');
    const before = readFileSet(dir);
    await body({ dir, journal, victim });
    expect(readFileSync(path.join(victim, 'passwd'), 'utf8')).toBe('secret');
    expect(readFileSet(dir)).toEqual(before);
  });
}

/** A database that was repaired, and the journal of it: what `body` does leaves it as it is, or undoes the repair. */
async function withRepaired(
  body: (journal: string, unchanged: () => void) => Promise<void>,
  end: 'unchanged' | 'undone' = 'unchanged',
): Promise<void> {
  await withDatabase('basic-7.8', damage, async (dir) => {
    const before = readFileSet(dir);
    const { repair } = await repairTarget(dir, options, yes);
    const after = readFileSet(dir);
    const unchanged = () => expect(readFileSet(dir)).toEqual(after);
    await body(repair!.journal!, unchanged);
    if (end === 'unchanged') unchanged();
    else expect(readFileSet(dir)).toEqual(before);
  });
}

function writeJournal(journal: string, target: string, entries: object[], more: object = {}): void {
  const current = readFileSync(path.join(target, 'CURRENT'), 'utf8');
  const state = { size: current.length, sha256: sha(current) };
  const all = [...entries, { path: 'CURRENT', before: state, after: state, original: '9' }];
  writeFileSync(path.join(journal, '9'), current);
  const whole = {
    schemaVersion: 1,
    tool: 'x',
    phase: 'done',
    target,
    strategy: 'x',
    startedAt: 'x',
    entries: all,
  };
  writeFileSync(path.join(journal, 'journal.json'), JSON.stringify({ ...whole, ...more }));
}

const evil = { size: 4, sha256: sha('evil') };
const secret = { size: 6, sha256: sha('secret') };
const absent = { size: 0 };

describe('an undo refuses a journal', () => {
  const hostile: [string, object, object?][] = [
    [
      'that removes a file by its original',
      { path: '000004.log', before: evil, after: absent, original: '../victim/passwd' },
      { phase: 'preparing' },
    ],
    ['whose path leaves the directory', { path: '../victim/passwd', before: absent, after: secret }],
    [
      'that replaces a file outside',
      { path: '../victim/passwd', before: evil, after: secret, original: '0' },
    ],
    ['with a path that is absolute', { path: '/victim/passwd', before: absent, after: secret }],
    [
      'with a phase that does not exist',
      { path: '000004.log', before: absent, after: absent },
      { phase: 'weird' },
    ],
  ];
  for (const [what, entry, more] of hostile) {
    it(what, async () => {
      await withVictim(async ({ dir, journal }) => {
        writeFileSync(path.join(journal, '0'), 'evil');
        writeJournal(journal, dir, [entry], more);
        const refused = await undoRepair(journal, { stopped: true }).catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(Refusal);
        expect((refused as Refusal).kind).toBe('refused');
        expect((refused as Refusal).message).toMatch(/^\S+journal\.json is not a journal of kvdoctor: /);
        expect(existsSync(path.join(journal, 'journal.json'))).toBe(true);
      });
    });
  }

  it('that names a place outside which nobody gave', async () => {
    await withVictim(async ({ dir, journal, victim }) => {
      writeFileSync(path.join(journal, '0'), 'evil');
      writeJournal(journal, dir, [
        { root: victim, path: 'passwd', before: evil, after: secret, original: '0' },
      ]);
      await expect(undoRepair(journal, { stopped: true })).rejects.toThrow(/outside/);
    });
  });

  it('of another directory than the one beside it, or the one that is named', async () => {
    await withVictim(async ({ dir, journal, victim }) => {
      const entry = { path: 'passwd', before: absent, after: secret };
      writeJournal(journal, dir, [entry], { target: victim });
      await expect(undoRepair(journal, { stopped: true })).rejects.toThrow(/does not lie beside/);
      await expect(undoRepair(journal, { stopped: true, target: dir })).rejects.toThrow(
        /is of .*victim, not of/,
      );
    });
  });

  it('with a path through a link', async () => {
    await withVictim(async ({ dir, journal, victim }) => {
      const { symlinkSync } = await import('node:fs');
      symlinkSync(victim, path.join(dir, 'archive'));
      writeFileSync(path.join(journal, '0'), 'evil');
      writeJournal(journal, dir, [{ path: 'archive/passwd', before: evil, after: secret, original: '0' }]);
      await expect(undoRepair(journal, { stopped: true })).rejects.toThrow(/leads out of the directory/);
      rmSync(path.join(dir, 'archive'));
    });
  });

  it('of any other form, in one sentence', async () => {
    await withVictim(async ({ dir, journal }) => {
      const entry = { path: 'x', before: absent, after: absent };
      const journalWith = (more: object) =>
        JSON.stringify({
          ...{
            schemaVersion: 1,
            tool: '',
            phase: 'done',
            strategy: '',
            startedAt: '',
            target: dir,
            entries: [],
          },
          ...more,
        });
      const forms = [
        '',
        'null',
        '[]',
        '{}',
        '5',
        '{"schemaVersion":1,"entries":[null],"phase":"done"}',
        JSON.stringify({ schemaVersion: 2, entries: [] }),
        journalWith({ target: 5 }),
        journalWith({ entries: [entry, entry] }),
        journalWith({}),
        journalWith({ target: '/nowhere/db', entries: [{ ...entry, path: 'CURRENT' }] }),
      ];
      for (const form of forms) {
        writeFileSync(path.join(journal, 'journal.json'), form);
        const { status, err } = await kvdoctor(`undo ${journal}`);
        expect([2, 5]).toContain(status);
        expect(err).not.toMatch(/internal error|TypeError|at .*\.js/);
        expect(err.split('\n').filter((line) => line.startsWith('kvdoctor: '))).toHaveLength(1);
      }
    });
  });
});

describe('an undo verifies the originals', () => {
  const harms: Record<string, (file: string) => void> = {
    'one byte is other': (file) => {
      const bytes = readFileSync(file);
      bytes[50] ^= 1;
      rmSync(file);
      writeFileSync(file, bytes);
    },
    'one is cut': (file) => truncateSync(file, 10),
    'one is gone': (file) => rmSync(file),
  };
  for (const [what, harm] of Object.entries(harms)) {
    it(`and changes nothing when ${what}`, async () => {
      await withRepaired(async (journal) => {
        harm(path.join(journal, '0'));
        await expect(undoRepair(journal, { stopped: true })).rejects.toThrow(/nothing was changed/);
      });
    });
  }
});

describe('a repair that was begun', () => {
  it('is not gone on with because a CURRENT says so', async () => {
    await withVictim(async ({ dir, victim }) => {
      const inside = path.join(dir, 'j');
      mkdirSync(inside);
      const entry = { path: '000004.log', before: evil, after: absent, original: '../../victim/passwd' };
      writeJournal(inside, dir, [entry], { phase: 'preparing' });
      const current = readFileSync(path.join(dir, 'CURRENT'));
      for (const text of [
        barrierText(inside, 'kvdoctor undo x'),
        barrierText(victim, 'kvdoctor undo x'),
        `${BARRIER_MARK}. Run the repair again to finish it, or: kvdoctor undo ${inside}`,
        `${BARRIER_MARK} (journal %E0%A4%A)`,
      ]) {
        writeFileSync(path.join(dir, 'CURRENT'), text);
        const refused = await repairTarget(dir, options, yes).catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(Refusal);
        expect(readFileSync(path.join(dir, 'CURRENT'), 'utf8')).toBe(text);
      }
      writeFileSync(path.join(dir, 'CURRENT'), current);
      rmSync(inside, { recursive: true });
    });
  });

  it('is ended only when somebody agrees', async () => {
    await withVictim(async ({ dir, journal }) => {
      writeJournal(journal, dir, [], { phase: 'applying' });
      const asked: unknown[] = [];
      const no: RepairHooks = {
        settle: async (leftovers) => {
          asked.push(...leftovers);
          return false;
        },
        confirm: async () => true,
      };
      await expect(repairTarget(dir, options, no)).rejects.toThrow(Interrupted);
      expect(asked).toMatchObject([{ journal, phase: 'applying' }]);
      const { status, err } = await kvdoctor(`repair --mode point-in-time --in-place ${dir}`);
      expect({ status, err }).toEqual({
        status: 2,
        err: expect.stringMatching(/begun and not ended.*--yes/s),
      });
      const declined = await kvdoctor(
        `repair --mode point-in-time --in-place --stopped ${dir}`,
        fakeHost({ terminal: true, answer: 'n' }),
      );
      expect(declined.status).toBe(130);
    });
  });
});

describe('paths with odd characters', () => {
  it('survive in a barrier', async () => {
    const { journalOfBarrier } = await import('../../src/repair/barrier.js');
    for (const journal of ['/a/d\nb.undo', "/a/it's (1)", '/a/ü %41', '/a/plain'])
      expect(journalOfBarrier(barrierText(journal, `kvdoctor undo '${journal}'`))).toBe(journal);
  });
});

describe('an undo on a terminal', () => {
  it('shows what it puts back and asks; a no is 130', async () => {
    await withRepaired(async (journal, unchanged) => {
      const answering = (answer: string) =>
        kvdoctor(`undo --stopped ${journal}`, fakeHost({ terminal: true, answer }));
      const no = await answering('n');
      expect(no).toMatchObject({ status: 130, out: expect.stringMatching(/nothing was changed/) });
      expect(no.err).toMatch(/Put back 000019\.log in/);
      unchanged();
      expect((await answering('y')).status).toBe(0);
    }, 'undone');
  });
});

it('gives journals of one second names of their own', async () => {
  await withDatabase('basic-7.8', damage, async (dir) => {
    const now = new Date('2026-01-01T00:00:00.001Z');
    const first = await repairTarget(dir, { ...options, now }, yes);
    await undoRepair(first.repair!.journal!, { stopped: true });
    const second = await repairTarget(dir, { ...options, now: new Date(now.getTime() + 1) }, yes);
    expect(second.repair!.journal).not.toBe(first.repair!.journal);
    expect(statSync(second.repair!.journal!).isDirectory()).toBe(true);
  });
});
