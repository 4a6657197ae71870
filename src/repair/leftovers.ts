import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { journalOfBarrier } from './barrier.js';
import type { Disk } from './disk.js';
import { type Journal, readJournal } from './journal.js';

/** What stands between a directory's name and the time in its journals' names. */
const MARK = '.kvdoctor-undo-';

/** Where the journal of a repair that begins now lies unless it is told otherwise: beside the directory. */
export async function journalName(target: string, now: Date): Promise<string> {
  const time = now.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  return `${await realpath(target)}${MARK}${time}`;
}

/** A repair of this directory that was killed. */
export interface Leftover {
  journal: string;
  phase: Journal['phase'];
  entries: Journal['entries'];
}

/**
 * Repairs of a directory that were begun and not ended: by journals beside it, and by the one that a barrier in CURRENT names,
 * wherever it lies. `journal` is one that was named on the command line.
 */
export async function findLeftovers(target: string, disk: Disk, journal?: string): Promise<Leftover[]> {
  const real = await realpath(target);
  const named =
    journal === undefined ? [] : [path.resolve(journal), ...(await journalsIn(path.resolve(journal), real))];
  const barrier = await barrierOf(real, disk);
  const candidates = new Set([...(await journalsBeside(real)), ...named, ...(barrier ? [barrier] : [])]);
  const found: Leftover[] = [];
  for (const candidate of candidates) {
    if (!(await disk.stat(path.join(candidate, 'journal.json')))) continue;
    const { phase, target: of, entries } = await readJournal(disk, candidate);
    const same = (await realpath(of).catch(() => of)) === real;
    if (same && phase !== 'done' && phase !== 'undone') found.push({ journal: candidate, phase, entries });
  }
  return found;
}

/** Removes what repairs left that were killed before they had a journal to speak of. */
export async function removeStubs(target: string, disk: Disk): Promise<void> {
  for (const candidate of await journalsBeside(await realpath(target))) {
    const names = await readdir(candidate).catch(() => ['?']);
    if (names.some((name) => name !== 'journal.json.new')) continue;
    for (const name of names) await disk.remove(path.join(candidate, name));
    await disk.removeDirectory(candidate);
  }
}

/** The journals that lie beside a directory, ended ones too. */
export function journalsBeside(target: string): Promise<string[]> {
  return journalsIn(path.dirname(target), target);
}

async function journalsIn(place: string, target: string): Promise<string[]> {
  const names = await readdir(place).catch(() => []);
  return names
    .filter((name) => name.startsWith(path.basename(target) + MARK))
    .map((name) => path.join(place, name));
}

async function barrierOf(target: string, disk: Disk): Promise<string | undefined> {
  const current = path.join(target, 'CURRENT');
  const state = await disk.stat(current);
  if (!state?.isFile() || state.size > 65536) return undefined;
  return journalOfBarrier((await disk.read(current)).toString('utf8'));
}
