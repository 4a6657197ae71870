import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { parseRaftLogName } from '../format/raft-engine/file.js';
import type { Disk } from './disk.js';
import type { Journal } from './journal.js';
import { locate } from './place.js';
import { undoCommand } from './undo-command.js';

/**
 * While several files change one after the other, the engine must see neither the old nor the new half: CURRENT holds this
 * text instead. It does not end in a newline, so every version of RocksDB and LevelDB refuses it ("CURRENT file does not end
 * with newline"), also with create_if_missing, which would make a new database if CURRENT were merely absent
 * (rocksdb db/db_impl/db_impl_open.cc, db/manifest_ops.cc).
 */
export const BARRIER_MARK = 'kvdoctor: a repair of this directory is under way';

/**
 * `undo` is the command that goes back. The journal's path follows with every odd character escaped, for a path may hold a
 * line end or a quote.
 */
export function barrierText(journal: string, undo: string): string {
  return `${BARRIER_MARK}. Run the repair again to finish it, or: ${undo} (journal ${encodeURIComponent(journal)})`;
}

/** The journal that a barrier names, when this text is one. */
export function journalOfBarrier(current: string): string | undefined {
  if (!current.startsWith(BARRIER_MARK)) return undefined;
  const escaped = /\(journal (\S+)\)$/.exec(current)?.[1];
  try {
    return escaped === undefined ? undefined : decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}

/**
 * Whether changes need a barrier. raft-engine reads no CURRENT, and needs none: its files go newest first and come back oldest first, so
 * that what is there at any moment is refused, or is cut by it to what the repair leaves.
 */
export function needsBarrier(changes: readonly { path: string }[]): boolean {
  return changes.length > 1 && !changes.every(({ path: file }) => parseRaftLogName(file) !== undefined);
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Whether CURRENT holds a barrier. */
export async function holdsBarrier(disk: Disk, target: string): Promise<boolean> {
  return (await barrierIn(disk, target)) !== undefined;
}

/** Bytes of the longest text that can be a barrier: a path has at most 4096, each escaped in three. */
const LONGEST = 1 << 16;

/** The text of CURRENT where it is a barrier. */
export async function barrierIn(disk: Disk, target: string): Promise<string | undefined> {
  const file = path.join(target, 'CURRENT');
  const state = await disk.stat(file);
  if (!state?.isFile() || state.size > LONGEST) return undefined;
  const text = (await disk.read(file)).toString('utf8');
  return text.startsWith(BARRIER_MARK) ? text : undefined;
}

/** The name that a barrier has until it takes the place of CURRENT. */
export function barrierName(target: string): string {
  return path.join(target, 'CURRENT.kvdoctor-barrier');
}

/** Pebble refuses a name that begins like a marker and is none, where it does not go by CURRENT (vfs/atomicfs/marker.go). */
const MARKER_BARRIER = 'marker.kvdoctor-repair-under-way';

const isMarker = (name: string) => name.startsWith('marker.') && name !== MARKER_BARRIER;

/** Raised before CURRENT's, where there are markers or shall be. */
async function raiseMarkerBarrier(disk: Disk, { target, entries }: Journal): Promise<void> {
  const names = [...(await readdir(target)), ...entries.map(({ path: name }) => name)];
  const file = path.join(target, MARKER_BARRIER);
  if (!names.some(isMarker) || (await disk.stat(file))) return;
  await disk.create(file, once(''));
  await disk.syncDirectory(target);
}

/** Takes it away again, the last of all. */
export async function lowerMarkerBarrier(disk: Disk, { target }: Journal): Promise<void> {
  const file = path.join(target, MARKER_BARRIER);
  if (!(await disk.stat(file))) return;
  await disk.syncDirectory(target);
  await disk.remove(file);
}

/** Puts the barrier in place of CURRENT, atomically and durably. `directory` is the journal's. */
export async function raiseBarrier(disk: Disk, directory: string, journal: Journal): Promise<void> {
  const { target } = journal;
  await raiseMarkerBarrier(disk, journal);
  const current = await locate(target, { path: 'CURRENT' });
  const staged = barrierName(target);
  const like = await disk.stat(current);
  if (await disk.stat(staged)) await disk.remove(staged);
  await disk.create(staged, once(barrierText(directory, await undoCommand(directory, journal))), like);
  await disk.rename(staged, current);
  await disk.syncDirectory(target);
}
