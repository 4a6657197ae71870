import path from 'node:path';
import { commit, directoriesOf, putBack, sameState } from './apply.js';
import { journalOfBarrier, raiseBarrier } from './barrier.js';
import { fileState } from './content.js';
import type { Disk } from './disk.js';
import { type Journal, readJournal, stagedName, writeJournal } from './journal.js';
import { absolute, placeKey } from './place.js';
import { Refusal } from './refusal.js';

/** What an undo or a resumed repair came to. */
export type UndoOutcome = 'undone' | 'was-undone' | 'nothing-was-changed';

/**
 * Puts back what a repair changed, byte for byte. Refuses when a file is neither as the repair left it nor as it was before:
 * then somebody, most likely the engine, has written since, and putting old files beside new ones would make things worse.
 */
export async function undo(
  disk: Disk,
  directory: string,
  checkOwner: () => Promise<void>,
): Promise<UndoOutcome> {
  const journal = await readJournal(disk, directory);
  if (journal.phase === 'undone') return 'was-undone';
  await checkOwner();
  if (journal.phase === 'preparing') {
    await discard(disk, directory, journal);
    return 'nothing-was-changed';
  }
  await checkUntouched(disk, journal);
  journal.phase = 'undoing';
  await writeJournal(disk, directory, journal);
  const changes = journal.entries.filter((e) => !sameState(e.before, e.after));
  const changed = changes.filter((e) => e.path !== 'CURRENT');
  if (changes.length > 1) await raiseBarrier(disk, journal.target, directory);
  for (const entry of journal.entries) await removeStaged(disk, absolute(journal.target, entry));
  for (const entry of changed) await putBack(disk, directory, journal.target, entry);
  for (const place of directoriesOf(journal.target, changed)) await disk.syncDirectory(place);
  const current = journal.entries.find((e) => e.path === 'CURRENT');
  if (current) await putBack(disk, directory, journal.target, current);
  await disk.syncDirectory(journal.target);
  journal.phase = 'undone';
  await writeJournal(disk, directory, journal);
  return 'undone';
}

/** Ends a repair that was killed: forward when it had begun to change files, else back to nothing. */
export async function resume(
  disk: Disk,
  directory: string,
  checkOwner: () => Promise<void>,
): Promise<'finished' | 'discarded' | 'undone' | 'nothing'> {
  const journal = await readJournal(disk, directory);
  if (journal.phase === 'done' || journal.phase === 'undone') return 'nothing';
  await checkOwner();
  if (journal.phase === 'preparing') {
    await discard(disk, directory, journal);
    return 'discarded';
  }
  if (journal.phase === 'undoing') {
    await undo(disk, directory, checkOwner);
    return 'undone';
  }
  await checkUntouched(disk, journal);
  await commit(disk, directory, journal);
  return 'finished';
}

/** Every file is as it was, as it shall be, or (CURRENT) our own barrier; anything else is refused. */
async function checkUntouched(disk: Disk, journal: Journal): Promise<void> {
  for (const entry of journal.entries) {
    const now = await fileState(journal.target, entry);
    if (sameState(now, entry.before) || sameState(now, entry.after)) continue;
    if (entry.path === 'CURRENT' && (await holdsBarrier(disk, journal.target))) continue;
    throw new Refusal(
      'refused',
      `${placeKey(entry)} is neither what it was before the repair nor what the repair made of it: something has written to the directory since`,
      'the originals are in the journal; copy the directory before you put any of them back by hand',
    );
  }
}

async function holdsBarrier(disk: Disk, target: string): Promise<boolean> {
  const file = path.join(target, 'CURRENT');
  const text = (await disk.stat(file)) ? (await disk.read(file)).toString('utf8') : '';
  return journalOfBarrier(text) !== undefined;
}

async function removeStaged(disk: Disk, file: string): Promise<void> {
  if (await disk.stat(stagedName(file))) await disk.remove(stagedName(file));
}

/** Removes what a repair that never began left: staged files and its journal. */
async function discard(disk: Disk, directory: string, journal: Journal): Promise<void> {
  for (const entry of journal.entries) await removeStaged(disk, absolute(journal.target, entry));
  for (const name of [
    'plan.json',
    ...journal.entries.map((e) => e.original),
    'journal.json.new',
    'journal.json',
  ]) {
    if (name !== undefined && (await disk.stat(path.join(directory, name))))
      await disk.remove(path.join(directory, name));
  }
  await disk.removeDirectory(directory);
  await disk.syncDirectory(path.dirname(directory));
}
