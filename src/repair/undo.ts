import {
  checkOriginals,
  checkOwnNames,
  commit,
  directoriesOf,
  discard,
  putBack,
  removeStaged,
} from './apply.js';
import { holdsBarrier, lowerMarkerBarrier, needsBarrier, raiseBarrier } from './barrier.js';
import { fileState, isInState, sameState } from './content.js';
import type { Disk } from './disk.js';
import {
  checkScope,
  type Journal,
  type JournalScope,
  readJournal,
  stagedName,
  writeJournal,
} from './journal.js';
import { locate, placeKey } from './place.js';
import { Refusal, toItsEnd } from './refusal.js';

/** What an undo or a resumed repair came to. */
export type UndoOutcome = 'undone' | 'was-undone' | 'nothing-was-changed';

/**
 * Puts back what a repair changed, byte for byte. Refuses when a file is neither as the repair left it nor as it was before:
 * then somebody, most likely the engine, has written since, and putting old files beside new ones would make things worse.
 * Refuses as well when an original in the journal is not what the file was. Rejects with a `Refusal`, before anything is changed.
 * `onCommit` is called when all is checked and files begin to change.
 */
export async function undo(
  disk: Disk,
  directory: string,
  checkOwner: () => Promise<void>,
  scope: JournalScope = {},
  onCommit?: () => void,
): Promise<UndoOutcome> {
  const journal = await readJournal(disk, directory);
  await checkScope(directory, journal, scope);
  if (journal.phase === 'undone') return 'was-undone';
  await checkOwner();
  if (journal.phase === 'preparing') {
    await discard(disk, directory, journal);
    return 'nothing-was-changed';
  }
  await checkUndo(disk, directory, journal);
  onCommit?.();
  await toItsEnd(() => putAllBack(disk, directory, journal), 'when that is mended, the same command goes on');
  return 'undone';
}

async function putAllBack(disk: Disk, directory: string, journal: Journal): Promise<void> {
  journal.phase = 'undoing';
  await writeJournal(disk, directory, journal);
  const changes = journal.entries.filter((e) => !sameState(e.before, e.after));
  const changed = changes.filter((e) => e.path !== 'CURRENT');
  const barrier = needsBarrier(changes);
  if (barrier) await raiseBarrier(disk, directory, journal);
  for (const entry of journal.entries) await removeStaged(disk, journal, entry);
  for (const entry of barrier ? changed : changed.toReversed())
    await putBack(disk, directory, journal.target, entry);
  for (const place of await directoriesOf(journal.target, changed)) await disk.syncDirectory(place);
  const current = journal.entries.find((e) => e.path === 'CURRENT');
  if (current) await putBack(disk, directory, journal.target, current);
  await lowerMarkerBarrier(disk, journal);
  await disk.syncDirectory(journal.target);
  journal.phase = 'undone';
  await writeJournal(disk, directory, journal);
}

/** Ends a repair that was killed: forward when it had begun to change files, else back to nothing. */
export async function resume(
  disk: Disk,
  directory: string,
  checkOwner: () => Promise<void>,
  scope: JournalScope,
): Promise<'finished' | 'discarded' | 'undone' | 'nothing'> {
  const journal = await readJournal(disk, directory);
  await checkScope(directory, journal, scope);
  if (journal.phase === 'done' || journal.phase === 'undone') return 'nothing';
  await checkOwner();
  if (journal.phase === 'preparing') {
    await discard(disk, directory, journal);
    return 'discarded';
  }
  if (journal.phase === 'undoing') {
    await undo(disk, directory, checkOwner, scope);
    return 'undone';
  }
  await checkUntouched(disk, journal);
  await checkStaged(disk, directory, journal);
  await commit(disk, directory, journal);
  return 'finished';
}

/** Refuses where something has written since the repair, or where an original is not what the file was. Changes nothing. */
export async function checkUndo(disk: Disk, directory: string, journal: Journal): Promise<void> {
  await checkUntouched(disk, journal);
  await checkOriginals(directory, journal);
  await checkOwnNames(disk, journal);
}

/** Every file is as it was, as it shall be, or (CURRENT) our own barrier; anything else is refused. */
async function checkUntouched(disk: Disk, journal: Journal): Promise<void> {
  for (const entry of journal.entries) {
    const { before, after } = entry;
    const now = await fileState(journal.target, entry, before.unreadable);
    if (sameState(now, before)) continue;
    if (before.unreadable ? await isInState(journal.target, entry, after) : sameState(now, after)) continue;
    if (entry.path === 'CURRENT' && (await holdsBarrier(disk, journal.target))) continue;
    throw new Refusal(
      'refused',
      `${placeKey(entry)} is neither what it was before the repair nor what the repair made of it: something has written to the directory since`,
      'the originals are in the journal; copy the directory before you put any of them back by hand',
    );
  }
}

/** Every file that is not yet what it shall be has its new content whole beside it. */
async function checkStaged(disk: Disk, directory: string, { target, entries }: Journal): Promise<void> {
  for (const entry of entries) {
    const { after } = entry;
    if (after.sha256 === undefined || (await isInState(target, entry, after))) continue;
    const staged = stagedName(await locate(target, entry));
    if ((await disk.stat(staged))?.isFile() && (await isInState('/', { path: staged }, after))) continue;
    if (entry.path === 'CURRENT' && sameState(entry.before, after)) continue;
    throw new Refusal(
      'refused',
      `the new content of ${placeKey(entry)} is not there any more, or is not what the repair wrote`,
      `go back to what was before: kvdoctor undo ${directory}`,
    );
  }
}
