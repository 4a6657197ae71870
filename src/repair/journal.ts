import path from 'node:path';
import type { Disk } from './disk.js';
import type { Place } from './place.js';
import { Refusal } from './refusal.js';

/**
 * The undo journal of an in-place repair, a directory:
 *
 *   journal.json   this record, replaced atomically at each change of phase
 *   plan.json      the plan, for people
 *   0, 1, 2, …     the files that were changed or removed, as they were (hard links where the device allows, else copies)
 *
 * Phases: `preparing` (originals are being put aside; the target is untouched) -> `applying` (from here on forward only) ->
 * `done`. An undo goes `done` | `applying` -> `undoing` -> `undone`. Killed anywhere, the next run finds the phase and goes on.
 */
export interface Journal {
  schemaVersion: 1;
  tool: string;
  phase: 'preparing' | 'applying' | 'done' | 'undoing' | 'undone';
  target: string;
  strategy: string;
  startedAt: string;
  entries: JournalEntry[];
}

/** One file of the target: what it was, and what the repair makes of it. A state without a hash is absence. */
export interface JournalEntry extends Place {
  before: { size: number; sha256?: string };
  after: { size: number; sha256?: string };
  /** Name of the original in the journal; absent when the file did not exist. */
  original?: string;
}

/** The name that a new file has beside its target until it is renamed. RocksDB parses no such name and leaves it alone. */
export function stagedName(file: string): string {
  return `${file}.kvdoctor-new`;
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Replaces journal.json in one step. */
export async function writeJournal(disk: Disk, directory: string, journal: Journal): Promise<void> {
  const next = path.join(directory, 'journal.json.new');
  if (await disk.stat(next)) await disk.remove(next);
  await disk.create(next, once(`${JSON.stringify(journal, null, 2)}\n`));
  await disk.rename(next, path.join(directory, 'journal.json'));
  await disk.syncDirectory(directory);
}

/** Reads a journal. Refuses one that is not ours, and says so when a directory is none. */
export async function readJournal(disk: Disk, directory: string): Promise<Journal> {
  const file = path.join(directory, 'journal.json');
  if (!(await disk.stat(file))) {
    throw new Refusal('usage', `${directory} is not an undo journal: it has no journal.json`);
  }
  let journal: Journal;
  try {
    journal = JSON.parse((await disk.read(file)).toString('utf8')) as Journal;
  } catch (error) {
    throw new Refusal('refused', `${file} cannot be read: ${(error as Error).message}`);
  }
  if (journal.schemaVersion !== 1 || !Array.isArray(journal.entries)) {
    throw new Refusal('refused', `${file} is not a journal of this version of kvdoctor`);
  }
  return journal;
}
