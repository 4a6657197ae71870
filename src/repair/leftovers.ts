import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { barrierIn, journalOfBarrier } from './barrier.js';
import type { Disk } from './disk.js';
import { JOURNAL_MARK, type Journal, liesBeside, readJournal } from './journal.js';
import { Refusal } from './refusal.js';
import { undoCommand } from './undo-command.js';

/** The default place for the journal of a new repair: beside the directory. */
export async function journalName(target: string, now: Date): Promise<string> {
  const time = now.toISOString().replace(/[-:]/g, '');
  return `${await realpath(target)}${JOURNAL_MARK}${time}`;
}

/** A repair of this directory that was killed. */
export interface Leftover {
  journal: string;
  phase: Journal['phase'];
  /** When it began, as its journal says. */
  startedAt: string;
  entries: Journal['entries'];
}

/**
 * Repairs of a directory that were begun and not ended: by journals beside it, and in `journal`, a place that was named on the
 * command line. A barrier in CURRENT whose journal lies elsewhere is refused: what a file of the directory says is no reason to
 * read, let alone to write, in another place.
 */
export async function findLeftovers(target: string, disk: Disk, journal?: string): Promise<Leftover[]> {
  const real = await realpath(target);
  const named =
    journal === undefined ? [] : [path.resolve(journal), ...(await journalsIn(path.resolve(journal), real))];
  const found: Leftover[] = [];
  for (const candidate of new Set([...(await journalsBeside(real)), ...named])) {
    if (!(await disk.stat(path.join(candidate, 'journal.json')))) continue;
    const { phase, target: of, startedAt, entries } = await readJournal(disk, candidate);
    const same = (await realpath(of).catch(() => of)) === real;
    if (same && phase !== 'done' && phase !== 'undone')
      found.push({ journal: candidate, phase, startedAt, entries });
  }
  const begun = found.some(({ phase }) => phase !== 'preparing');
  const text = begun ? undefined : await barrierIn(disk, real);
  if (text !== undefined) throw await journalElsewhere(real, journalOfBarrier(text));
  return found;
}

async function journalElsewhere(target: string, journal: string | undefined): Promise<Refusal> {
  const began = `a repair of ${target} was begun and not ended`;
  if (journal === undefined)
    return new Refusal('refused', `${began}, and CURRENT does not say where its journal is`);
  if (await liesBeside(journal, target).catch(() => false))
    return new Refusal('refused', `${began}, and its journal ${journal} is not there any more`);
  const undo = await undoCommand(journal, { target, entries: [] }).catch(() => undefined);
  return new Refusal(
    'refused',
    `${began}, and its journal is said to be ${journal}`,
    undo === undefined
      ? 'bring the journal back to that place'
      : `finish it with the same command and --journal ${journal}, or go back: ${undo}`,
  );
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
    .filter((name) => name.startsWith(path.basename(target) + JOURNAL_MARK))
    .map((name) => path.join(place, name));
}
