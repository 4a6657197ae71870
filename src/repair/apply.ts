import { readlink } from 'node:fs/promises';
import path from 'node:path';
import { interruptible } from '../io/interruption.js';
import { isMediumError } from '../io/retry.js';
import { barrierName, lowerMarkerBarrier, needsBarrier, raiseBarrier } from './barrier.js';
import { contentOf, contentSize, fileState, isInState, sameState, sizeAndHash } from './content.js';
import type { Disk } from './disk.js';
import { checkInputs, describe } from './inputs.js';
import { type Journal, type JournalEntry, stagedName, writeJournal } from './journal.js';
import { isShared } from './output.js';
import { absolute, locate, placeKey } from './place.js';
import type { RepairPlan } from './plan.js';
import { Refusal, stopIfAborted, toItsEnd, untilAborted } from './refusal.js';
import { undoCommand } from './undo-command.js';

interface ApplyOptions {
  disk: Disk;
  /** The journal's directory. It must not exist. */
  journal: string;
  /** Rejects with a Refusal when a process owns the target. Called before the first write and before the commit point. */
  checkOwner(): Promise<void>;
  /** Name and version for the journal. */
  tool: string;
  now: Date;
  /** Ends it before anything of the target is changed. From the commit point on it goes to the end. */
  signal?: AbortSignal;
  /** Called when files of the target begin to change, with what will be in the journal. */
  onCommit?(journal: Journal): Promise<void>;
}

const CURRENT = 'CURRENT';

/**
 * Carries out a plan where the files are. Nothing of the target changes before the journal holds every original and every new
 * file lies complete beside its target; from there on each file changes by one rename or unlink, after a barrier that the
 * engine refuses when there is more than one.
 */
export async function applyInPlace(plan: RepairPlan, options: ApplyOptions): Promise<Journal> {
  const { disk } = options;
  // originals of many gigabytes are read: until something changes, that ends at once
  const goOn = options.signal && interruptible(options.signal);
  let journal: Journal;
  try {
    await options.checkOwner();
    await checkInputs(plan);
    journal = await journalOf(plan, options);
    await checkOwnNames(disk, journal);
    await disk.makeDirectory(options.journal);
    try {
      await prepare(plan, options, journal);
      await options.checkOwner();
      await checkInputs(plan);
      await options.onCommit?.(journal);
      stopIfAborted(options.signal);
    } catch (error) {
      // nothing of the target has changed: what cannot be taken away now, the next repair takes away
      await discard(disk, options.journal, journal).catch(() => undefined);
      throw error;
    }
  } finally {
    goOn?.();
  }
  await commit(disk, options.journal, journal);
  return journal;
}

/** Refuses where a directory has a name that new files are given before they are moved into place: it cannot be replaced. */
export async function checkOwnNames(disk: Disk, { target, entries }: Journal): Promise<void> {
  const files = await Promise.all(
    entries.map(async (entry) =>
      entry.linkTo === undefined ? stagedName(await locate(target, entry)) : undefined,
    ),
  );
  for (const file of [barrierName(target), ...files]) {
    if (file === undefined || !(await disk.stat(file))?.isDirectory()) continue;
    throw new Refusal('refused', `${file} is a directory, and a file is to have that name`, 'move it away');
  }
}

/** What every file is and shall be. Only reads. */
async function journalOf(plan: RepairPlan, options: ApplyOptions): Promise<Journal> {
  const { disk, signal } = options;
  const entries: JournalEntry[] = [];
  // CURRENT is always recorded: the barrier replaces it for a while, and an undo sees by it whether the engine came by.
  const places = [...plan.steps, ...(plan.steps.some((s) => s.path === CURRENT) ? [] : [{ path: CURRENT }])];
  for (const [index, step] of places.entries()) {
    const place =
      'root' in step && step.root !== undefined ? { path: step.path, root: step.root } : { path: step.path };
    const { size, sha256, unreadable } = await fileState(plan.target, place);
    const before = sha256 === undefined ? { size: 0 } : { size, sha256, ...(unreadable && { unreadable }) };
    let after: JournalEntry['after'] = sha256 === undefined ? before : { size, sha256 };
    if ('action' in step)
      after =
        step.action === 'remove'
          ? { size: 0 }
          : await sizeAndHash(untilAborted(contentOf(plan.target, step.content), signal));
    const entry: JournalEntry = { ...place, before, after };
    if (sha256 !== undefined) {
      const link =
        after.sha256 === undefined && (await disk.stat(absolute(plan.target, place)))?.isSymbolicLink();
      if (link) entry.linkTo = await readlink(absolute(plan.target, place));
      else entry.original = String(index);
    }
    entries.push(entry);
  }
  return {
    schemaVersion: 1,
    tool: options.tool,
    phase: 'preparing',
    target: plan.target,
    strategy: plan.strategy,
    startedAt: options.now.toISOString(),
    entries,
  };
}

/** Puts the originals into the journal and the new files beside their targets. The target's own files are not touched. */
async function prepare(plan: RepairPlan, options: ApplyOptions, journal: Journal): Promise<void> {
  const { disk, journal: directory, signal } = options;
  const { entries } = journal;
  await writeJournal(disk, directory, journal);
  for (const entry of entries) {
    stopIfAborted(signal);
    if (entry.original === undefined) continue;
    await duplicate(disk, await locate(plan.target, entry), path.join(directory, entry.original));
  }
  await checkOriginals(directory, journal);
  await disk.create(path.join(directory, 'plan.json'), once(planJson(plan)));
  await disk.syncDirectory(directory);
  for (const step of plan.steps) {
    const entry = entries.find((e) => placeKey(e) === placeKey(step)) as JournalEntry;
    // nothing moves a file into place that is already what it becomes
    if (step.action !== 'write' || sameState(entry.before, entry.after)) continue;
    const file = await locate(plan.target, step);
    const like = (await disk.stat(file)) ?? (await disk.stat(path.join(plan.target, CURRENT)));
    const staged = stagedName(file);
    if (await disk.stat(staged)) await disk.remove(staged);
    await disk.create(staged, untilAborted(contentOf(plan.target, step.content), signal), like);
    const written = await fileState('/', { path: staged });
    if (!sameState(written, entry.after)) {
      throw new Refusal(
        'refused',
        `${staged} does not read back as it was written: the disk cannot be trusted`,
      );
    }
  }
  for (const directoryOfFile of await directoriesOf(plan.target, entries))
    await disk.syncDirectory(directoryOfFile);
}

/** Removes what a repair that never began left: staged files and its journal. */
export async function discard(disk: Disk, directory: string, journal: Journal): Promise<void> {
  for (const entry of journal.entries) await removeStaged(disk, journal, entry);
  const originals = journal.entries.map(({ original }) => original);
  for (const name of ['plan.json', ...originals, 'journal.json.new', 'journal.json']) {
    if (name !== undefined && (await disk.stat(path.join(directory, name))))
      await disk.remove(path.join(directory, name));
  }
  await disk.removeDirectory(directory);
  await disk.syncDirectory(path.dirname(directory));
}

export async function removeStaged(disk: Disk, { target }: Journal, entry: JournalEntry): Promise<void> {
  const staged = stagedName(await locate(target, entry));
  if (await disk.stat(staged)) await disk.remove(staged);
}

/** The commit point and everything after it. Runs again, from wherever it was killed, when the repair is started again. */
export async function commit(disk: Disk, directory: string, journal: Journal): Promise<void> {
  await toItsEnd(
    () => change(disk, directory, journal),
    'when that is mended, the same command finishes it, and this one takes it back',
    () => undoCommand(directory, journal),
  );
}

async function change(disk: Disk, directory: string, journal: Journal): Promise<void> {
  const { target, entries } = journal;
  if (journal.phase !== 'applying') {
    journal.phase = 'applying';
    await writeJournal(disk, directory, journal);
  }
  const current = entries.find((e) => e.path === CURRENT) as JournalEntry;
  // a new CURRENT comes last: once it is there, so is all else, and a barrier in its place would stay
  if (sameState(current.before, current.after) || !(await isInState(target, current, current.after)))
    await moveAll(disk, directory, journal, current);
  await lowerMarkerBarrier(disk, journal);
  await disk.syncDirectory(target);
  journal.phase = 'done';
  await writeJournal(disk, directory, journal);
}

async function moveAll(
  disk: Disk,
  directory: string,
  journal: Journal,
  current: JournalEntry,
): Promise<void> {
  const { target, entries } = journal;
  const changes = entries.filter((e) => !sameState(e.before, e.after));
  const changing = changes.filter((e) => e !== current);
  const barrier = needsBarrier(changes);
  if (barrier) await raiseBarrier(disk, directory, journal);
  for (const entry of changing) await moveIntoPlace(disk, target, entry);
  for (const directoryOfFile of await directoriesOf(target, changing))
    await disk.syncDirectory(directoryOfFile);
  if (changes.includes(current)) await moveIntoPlace(disk, target, current);
  else if (barrier) await putBack(disk, directory, target, current);
}

async function moveIntoPlace(disk: Disk, target: string, entry: JournalEntry): Promise<void> {
  if (entry.after.sha256 === undefined) {
    // of a link the link goes, and what it leads to stays
    const file = absolute(target, entry);
    if (await disk.stat(file)) await disk.remove(file);
    return;
  }
  const file = await locate(target, entry);
  if (await disk.stat(stagedName(file))) await disk.rename(stagedName(file), file);
}

/** Gives a file back its original, or its absence. */
export async function putBack(
  disk: Disk,
  directory: string,
  target: string,
  entry: JournalEntry,
): Promise<void> {
  const { original, linkTo } = entry;
  const file = linkTo === undefined ? await locate(target, entry) : absolute(target, entry);
  if (original === undefined && linkTo === undefined) {
    if (await disk.stat(file)) await disk.remove(file);
    return;
  }
  const staged = stagedName(file);
  if (await disk.stat(staged)) await disk.remove(staged);
  if (original === undefined) await disk.symlink(linkTo!, staged);
  // raft-engine appends to its files, RocksDB writes over logs that it recycles: what lies in the journal stays as it is
  else if (isShared(path.basename(file)) || entry.before.unreadable !== undefined)
    await duplicate(disk, path.join(directory, original), staged);
  else await copyWithin(disk, path.join(directory, original), staged);
  await disk.rename(staged, file);
  // rename(2) between two names of one file does nothing and leaves both: then the file is the original already.
  if (await disk.stat(staged)) await disk.remove(staged);
}

/** Refuses a journal whose originals are not, byte for byte, what it says the files were. */
export async function checkOriginals(directory: string, { entries }: Journal): Promise<void> {
  for (const { original, before, ...place } of entries) {
    if (original === undefined) continue;
    const kept = await fileState(directory, { path: original }, before.unreadable);
    if (sameState(kept, before)) continue;
    throw new Refusal(
      'refused',
      `the original of ${placeKey(place)} in the journal, ${path.join(directory, original)}, is not what the file was (${describe(before)} then, ${describe(kept)} now): nothing was changed`,
    );
  }
}

/** The same file under a second name where the device allows it, else a copy. */
async function duplicate(disk: Disk, from: string, to: string): Promise<void> {
  try {
    await disk.link(from, to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
    await copyWhole(disk, from, to);
  }
}

async function copyWhole(disk: Disk, from: string, to: string): Promise<void> {
  const like = await disk.stat(from);
  const whole = { from: 'file' as const, path: from, offset: 0, length: like?.size ?? 0 };
  await disk.create(to, contentOf('/', [whole]), like, 'its times').catch((failure) => {
    throw isMediumError(failure) && failure.path === from ? notWhole(from) : failure;
  });
}

/** A copy, or the same file under a second name where there is no room for one: an undo needs no space. */
async function copyWithin(disk: Disk, from: string, to: string): Promise<void> {
  try {
    await copyWhole(disk, from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    if (await disk.stat(to)) await disk.remove(to);
    await duplicate(disk, from, to);
  }
}

function notWhole(file: string): Refusal {
  return new Refusal(
    'refused',
    `the original of ${file} cannot be copied into the journal: the disk does not give all of it back`,
    'put the journal on the device of the directory, where a second name of the file is enough, or repair a copy: --output DIR',
  );
}

/** The directories that hold the entries, each once. */
export async function directoriesOf(target: string, entries: readonly JournalEntry[]): Promise<string[]> {
  const files = await Promise.all(
    entries.map(async (entry) =>
      entry.linkTo === undefined ? locate(target, entry) : absolute(target, entry),
    ),
  );
  return [...new Set(files.map((file) => path.dirname(file)))];
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** The plan as JSON; bytes as base64. */
export function planJson(plan: RepairPlan): string {
  return `${JSON.stringify(plan, plain, 2)}\n`;
}

function plain(this: Record<string, unknown>, name: string, value: unknown): unknown {
  // a Buffer has turned itself into an object of numbers by the time it comes here as `value`
  const raw = this[name];
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64');
  return typeof value === 'bigint' ? String(value) : value;
}

/** Bytes that carrying out a plan needs on the target's device: every new file beside its old one. */
export function spaceNeeded(plan: RepairPlan): number {
  return plan.steps.reduce((sum, s) => sum + (s.action === 'write' ? contentSize(s.content) : 0), 0);
}
