import { backupLayout } from '../check/backup/layout.js';
import type { DatabaseRequest } from '../engine/database.js';
import { BACKUP_DIRECTORIES } from '../engine/detect.js';
import { shellWord } from '../finding/shell-word.js';
import type { BackupFile } from '../format/backup.js';
import { nameInDatabase } from '../format/backup-name.js';
import type { DirectorySink } from '../io/directory-sink.js';
import { type Listing, listBelow } from '../io/listing.js';
import { openSource } from '../io/source.js';
import { ChecksummingSource } from '../io/wrappers.js';
import { type BackupView, claimedBackups, viewBackup } from '../scan/backup/view.js';
import { Refusal } from './refusal.js';

/** Bytes that are copied at once. */
const WINDOW = 1 << 20;

/** One backup of a BackupEngine directory, as the database that restoring it gives. Refuses an id that is not there. */
export async function openBackup(target: string, id: number, request: DatabaseRequest): Promise<BackupView> {
  const listing = await listBelow(target, BACKUP_DIRECTORIES);
  const layout = backupLayout(listing);
  const parts = layout.backups.find((each) => each.id === id);
  if (parts === undefined) {
    const ids = layout.backups.map((each) => each.id).join(', ');
    throw new Refusal('usage', `there is no backup ${id} in ${target}; there are ${ids || 'none'}`);
  }
  return viewBackup(listing, parts, layout.shared, request, await claimedBackups(layout));
}

interface RestoreHooks {
  /** Bytes copied of all. May throw to end the work. */
  onProgress?(progress: { done: number; total: number }): void;
}

/**
 * Copies the files of one backup into a directory under the names that they have in a database, byte for byte, as the engine
 * restores them. Every file is held against the checksum and the size that the meta file records; one that differs, or is not
 * there, is a refusal. Returns the number of files.
 */
export async function restoreBackup(
  target: string,
  id: number,
  into: DirectorySink,
  { onProgress }: RestoreHooks = {},
): Promise<number> {
  const view = await openBackup(target, id, {});
  const lenient = `kvdoctor export --lenient --backup ${id} --output ${shellWord(`${target}.restored-${id}`)} ${shellWord(target)}`;
  const refuse = (why: string) =>
    new Refusal('refused', `backup ${id} is not whole: ${why}`, 'take what can be read of it', lenient);
  if (!view.sound || view.unfinished) throw refuse(`${view.metaFile} is not there, or cannot be relied on`);
  const files = [...view.listed.values()].filter(({ excluded }) => !excluded);
  const listing = await listBelow(target, BACKUP_DIRECTORIES);
  const total = files.reduce((sum, { path }) => sum + (listing.files.get(path)?.size ?? 0), 0);
  let done = 0;
  for (const file of files) {
    const copied = await copyChecked(listing, file, into, (bytes) => {
      done += bytes;
      onProgress?.({ done, total });
    });
    if (copied !== undefined) throw refuse(copied);
  }
  return files.length;
}

/** What is wrong with the file; `undefined` when it is copied and is what the meta file records. */
async function copyChecked(
  listing: Listing,
  { path, crc, size }: BackupFile,
  into: DirectorySink,
  onBytes: (bytes: number) => void,
): Promise<string | undefined> {
  const found = listing.files.get(path);
  if (found === undefined) return `${path} is not there`;
  const source = new ChecksummingSource(await openSource(found.source));
  try {
    if (size !== undefined && size !== source.size)
      return `${path} is ${source.size} bytes, recorded ${size}`;
    const copy = await into.file(nameInDatabase(path));
    const window = new Uint8Array(WINDOW);
    for (let at = 0; at < source.size; ) {
      const got = await source.read(window.subarray(0, Math.min(WINDOW, source.size - at)), at);
      if (got === 0) break;
      await copy.write(window.subarray(0, got));
      at += got;
      onBytes(got);
    }
    await copy.close();
    if (source.unreadable?.length) return `${path} cannot be read to its end`;
    return crc !== undefined && (await source.checksum()) !== crc
      ? `${path} does not match the checksum that it had when it was backed up`
      : undefined;
  } finally {
    await source.close();
  }
}
