import { stat } from 'node:fs/promises';
import path from 'node:path';
import { backupLayout } from '../../../check/backup/layout.js';
import { type Database, readDatabase } from '../../../engine/database.js';
import { BACKUP_DIRECTORIES } from '../../../engine/detect.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { listBelow } from '../../../io/listing.js';
import { claimedBackups, viewBackup } from '../../../scan/backup/view.js';
import { Refusal } from '../../refusal.js';

/** A copy, or an older or later state, of the database that is repaired. It is only read. */
export interface SecondSource {
  /** For a person: its path, and which backup of it. */
  name: string;
  database: Database;
}

/** A file of a second source. */
export interface TwinFile {
  source: SecondSource;
  entry: InventoryEntry;
  /** Absolute. */
  path: string;
}

/**
 * Reads what the given places are: a directory of a database or a checkpoint, or a BackupEngine directory, each of whose backups
 * is a source. Refuses a place that is none of these.
 */
export async function openSources(places: readonly string[]): Promise<SecondSource[]> {
  const sources: SecondSource[] = [];
  for (const place of places) {
    const directory = path.resolve(place);
    const status = await stat(directory).catch(() => undefined);
    if (status === undefined) throw new Refusal('usage', `--from ${place}: it is not there`);
    if (!status.isDirectory()) {
      throw new Refusal(
        'usage',
        `--from ${place}: it is no directory`,
        'unpack an archive first, and name the directory',
      );
    }
    const database = await readDatabase(directory);
    const { kind } = database.detection;
    if (kind === 'backup') for (const backup of await backupsOf(directory)) sources.push(backup);
    else if (kind === 'container')
      throw new Refusal(
        'usage',
        `--from ${place}: it holds several databases`,
        `name one of them: ${(database.detection.databases ?? []).join(', ')}`,
      );
    else if (kind === 'empty' || kind === 'not-a-database')
      throw new Refusal('usage', `--from ${place}: it holds no files of a database`);
    else sources.push({ name: directory, database });
  }
  return sources;
}

/** The newest backup first: it is likeliest to have what is needed. */
async function backupsOf(directory: string): Promise<SecondSource[]> {
  const listing = await listBelow(directory, BACKUP_DIRECTORIES);
  const layout = backupLayout(listing);
  const claimed = await claimedBackups(layout);
  const sources: SecondSource[] = [];
  for (const parts of layout.backups.toReversed()) {
    const { database } = await viewBackup(listing, parts, layout.shared, {}, claimed);
    sources.push({ name: `${directory}, backup ${parts.id}`, database });
  }
  return sources;
}

/** Files of all sources that `is` takes, each file of the disk once; `own` is left out, and what has its inode counted in `same`. */
export async function twinsOf(
  sources: readonly SecondSource[],
  is: (entry: InventoryEntry, source: SecondSource) => boolean,
  own: string | undefined,
): Promise<{ twins: TwinFile[]; same: TwinFile[] }> {
  const seen = new Set<string>();
  const mine = own === undefined ? undefined : await inodeOf(own);
  const [twins, same]: [TwinFile[], TwinFile[]] = [[], []];
  for (const source of sources) {
    for (const entry of source.database.inventory.entries) {
      if (entry.source.kind !== 'file' || typeof entry.source.path !== 'string') continue;
      if (entry.place === 'lost' || entry.suffix !== undefined || !is(entry, source)) continue;
      const inode = await inodeOf(entry.source.path);
      if (inode === undefined || seen.has(inode)) continue;
      seen.add(inode);
      const twin = { source, entry, path: path.resolve(entry.source.path) };
      (inode === mine ? same : twins).push(twin);
    }
  }
  return { twins, same };
}

async function inodeOf(file: string): Promise<string | undefined> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found && `${found.dev} ${found.ino}`;
}
