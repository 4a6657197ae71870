import { stat } from 'node:fs/promises';
import path from 'node:path';
import { sameState } from './apply.js';
import { type Disk, realDisk } from './disk.js';
import { readJournal } from './journal.js';
import { journalsBeside } from './leftovers.js';
import { rootsOf } from './outside.js';
import { guardTarget } from './owner.js';
import { Refusal } from './refusal.js';
import { type UndoOutcome, undo } from './undo.js';

/** What an undo came to. */
export interface Undone {
  target: string;
  outcome: UndoOutcome;
  /** Files that the repair had changed. */
  files: number;
}

/** Undoes a repair by its journal, with the engine kept out meanwhile. Rejects with a `Refusal`. */
export async function undoRepair(
  journal: string,
  { stopped = false, disk = realDisk }: { stopped?: boolean; disk?: Disk } = {},
): Promise<Undone> {
  const directory = path.resolve(journal);
  await refuseDatabase(directory, disk);
  const { target, entries, phase } = await readJournal(disk, directory);
  const files = entries.filter((e) => !sameState(e.before, e.after)).length;
  if (phase === 'undone') return { target, outcome: 'was-undone', files };
  const guard = await guardTarget(target, rootsOf(entries), stopped, disk);
  try {
    return { target, outcome: await undo(disk, directory, () => guard.check()), files };
  } finally {
    await guard.release();
  }
}

/** Somebody who names the database wants to know where its journals are. */
async function refuseDatabase(directory: string, disk: Disk): Promise<void> {
  await stat(directory);
  if (await disk.stat(path.join(directory, 'journal.json'))) return;
  const beside = await journalsBeside(directory);
  throw new Refusal(
    'usage',
    `${directory} is not an undo journal: it has no journal.json`,
    beside.length > 0 ? `its journals are ${beside.join(', ')}` : 'name the journal that the repair printed',
  );
}
