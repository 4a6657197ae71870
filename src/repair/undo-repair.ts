import { stat } from 'node:fs/promises';
import path from 'node:path';
import { interruptible } from '../io/interruption.js';
import { sameState } from './content.js';
import { type Disk, realDisk } from './disk.js';
import { checkScope, type JournalScope, readJournal } from './journal.js';
import { journalsBeside } from './leftovers.js';
import { rootsOf } from './outside.js';
import { guardTarget } from './owner.js';
import { placeKey } from './place.js';
import { Refusal, stopIfAborted } from './refusal.js';
import { checkUndo, type UndoOutcome, undo } from './undo.js';

/** What an undo came to. */
export interface Undone {
  target: string;
  outcome: UndoOutcome | 'declined';
  /** Files that the repair had changed. */
  files: number;
}

export interface UndoOptions extends JournalScope {
  /** A person says that the server is stopped and stays so, where nothing at hand can keep it out. */
  stopped?: boolean;
  /** Default: the file system. */
  disk?: Disk;
  /** Ends it before anything is changed. */
  signal?: AbortSignal;
  /** Called when files begin to change: from then on it goes to its end. */
  onCommit?(): void;
  /** Asked before anything is changed, when everything has been checked. Default: agreed. */
  confirm?(undo: { target: string; files: readonly string[] }): Promise<boolean>;
}

/**
 * Undoes a repair by its journal, with the engine kept out meanwhile. Rejects with a `Refusal`. A journal is a file like any
 * other: it changes only the directory beside which it lies, or `target`, and `roots`.
 */
export async function undoRepair(journal: string, options: UndoOptions = {}): Promise<Undone> {
  const goOn = options.signal && interruptible(options.signal);
  try {
    return await undone(journal, options, () => {
      stopIfAborted(options.signal);
      goOn?.();
      options.onCommit?.();
    });
  } finally {
    goOn?.();
  }
}

async function undone(journal: string, options: UndoOptions, onCommit: () => void): Promise<Undone> {
  const { stopped = false, disk = realDisk, confirm, signal, onCommit: _, ...scope } = options;
  const directory = path.resolve(journal);
  await refuseDatabase(directory, disk);
  const read = await readJournal(disk, directory);
  await checkScope(directory, read, scope);
  const { target, entries, phase } = read;
  const changed = entries.filter((e) => !sameState(e.before, e.after)).map(placeKey);
  const files = changed.length;
  if (phase === 'undone') return { target, outcome: 'was-undone', files };
  if (phase !== 'preparing') await checkUndo(disk, directory, read);
  if (confirm && !(await confirm({ target, files: changed }))) return { target, outcome: 'declined', files };
  stopIfAborted(signal);
  const guard = await guardTarget(target, rootsOf(entries), stopped, disk);
  try {
    return { target, outcome: await undo(disk, directory, () => guard.check(), scope, onCommit), files };
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
