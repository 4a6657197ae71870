import path from 'node:path';
import type { Disk } from './disk.js';
import { absolute } from './place.js';

/**
 * While several files change one after the other, the engine must see neither the old nor the new half: CURRENT holds this
 * text instead. It does not end in a newline, so every version of RocksDB and LevelDB refuses it ("CURRENT file does not end
 * with newline"), also with create_if_missing, which would make a new database if CURRENT were merely absent
 * (rocksdb db/db_impl/db_impl_open.cc, db/manifest_ops.cc).
 */
export const BARRIER_MARK = 'kvdoctor: a repair of this directory is under way';

export function barrierText(journal: string): string {
  return `${BARRIER_MARK}. Run the repair again to finish it, or: kvdoctor undo ${journal}`;
}

/** The journal that a barrier names, when this text is one. */
export function journalOfBarrier(current: string): string | undefined {
  return current.startsWith(BARRIER_MARK) ? /kvdoctor undo (.+)$/.exec(current)?.[1] : undefined;
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Puts the barrier in place of CURRENT, atomically and durably. */
export async function raiseBarrier(disk: Disk, target: string, journal: string): Promise<void> {
  const current = absolute(target, { path: 'CURRENT' });
  const staged = path.join(target, 'CURRENT.kvdoctor-barrier');
  const like = await disk.stat(current);
  if (await disk.stat(staged)) await disk.remove(staged);
  await disk.create(staged, once(barrierText(journal)), like);
  await disk.rename(staged, current);
  await disk.syncDirectory(target);
}
