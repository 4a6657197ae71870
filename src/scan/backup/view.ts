import { append } from '../../bytes/append.js';
import { claimedByOthers, foreignFiles } from '../../check/backup/foreign.js';
import { type BackupLayout, type BackupParts, isUnfinished } from '../../check/backup/layout.js';
import { type Database, type DatabaseRequest, readInventory } from '../../engine/database.js';
import {
  type BackupFile,
  type BackupMeta,
  decodeBackupMeta,
  isRefusal,
  META_LIMIT,
} from '../../format/backup.js';
import { nameInDatabase } from '../../format/backup-name.js';
import { readHead } from '../../io/head.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { entryOf, entryReader, inventoryOf, type Listing, type ListingEntry } from '../../io/listing.js';
import { liveBlobs, liveTables } from '../plan.js';

/** One backup seen as the database that restoring it would give: its files under the names that they would have. */
export interface BackupView {
  parts: BackupParts;
  /** `meta/<id>`, also where the file is missing. */
  metaFile: string;
  meta?: BackupMeta;
  /** Why the meta file could not be read from the disk. */
  unread?: string;
  /** The engine does not know the backup. Its meta file is the temporary one, where that is complete. */
  unfinished: boolean;
  /** Of an unfinished one: the meta file of another backup that lists its files. */
  claimedBy?: string;
  /** The meta file is there and the engine reads it: what it lists is the backup. */
  sound: boolean;
  /** What the meta file lists, by path. */
  listed: Map<string, BackupFile>;
  /** Paths of the backup's files that are there. Without a sound meta file also those that its MANIFEST must mean. */
  present: Set<string>;
  database: Database;
}

/** Reads meta file and MANIFEST of one backup. */
export async function viewBackup(
  listing: Listing,
  parts: BackupParts,
  shared: readonly ListingEntry[],
  request: DatabaseRequest,
  claimed: ReadonlyMap<number, string>,
): Promise<BackupView> {
  const { meta, unread } = await readMeta(parts);
  const claimedBy = isUnfinished(parts) ? claimed.get(parts.id) : undefined;
  const foreign = new Set(foreignFiles(parts.id, meta?.files ?? []));
  const own = (meta?.files ?? []).filter((file) => !foreign.has(file));
  const listed = new Map(own.map((file) => [file.path, file]));
  const sound = meta !== undefined && !meta.anomalies.some(isRefusal) && foreign.size === 0;
  const entries: InventoryEntry[] = [];
  for (const path of listed.keys()) {
    const file = listing.files.get(path);
    if (file !== undefined) entries.push(entryOf(file, nameInDatabase(path)));
  }
  if (!sound) {
    append(
      entries,
      parts.privateFiles
        .filter(({ path }) => !listed.has(path))
        .map((file) => entryOf(file, nameInDatabase(file.path))),
    );
  }
  const look = () => readInventory(inventoryOf(listing.target, byName(entries)), entryReader, request);
  let database = await look();
  if (!sound) {
    append(entries, adopted(database, entries, shared));
    database = await look();
  }
  return {
    parts,
    metaFile: `meta/${parts.id}`,
    ...(meta && { meta }),
    ...(unread !== undefined && { unread }),
    unfinished: isUnfinished(parts),
    ...(claimedBy !== undefined && { claimedBy }),
    sound,
    listed,
    present: new Set(entries.map(({ file }) => file)),
    database,
  };
}

/** Backups whose private files the meta file of another lists: of two meta files that changed places, or of a renamed one. */
export async function claimedBackups({ backups }: BackupLayout): Promise<Map<number, string>> {
  if (!backups.some(isUnfinished)) return new Map();
  const metas = [];
  for (const parts of backups.filter(({ meta }) => meta !== undefined)) {
    const { meta } = await readMeta(parts);
    metas.push({ id: parts.id, files: meta?.files ?? [] });
  }
  return claimedByOthers(metas);
}

async function readMeta(parts: BackupParts): Promise<{ meta?: BackupMeta; unread?: string }> {
  const file = parts.meta ?? (isUnfinished(parts) ? parts.unfinishedMeta : undefined);
  if (file === undefined) return parts.metaUnread === undefined ? {} : { unread: parts.metaUnread };
  if (file.size > META_LIMIT) return { unread: `larger than ${META_LIMIT} bytes: not a meta file` };
  try {
    return { meta: decodeBackupMeta(await readHead(file.source, META_LIMIT)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return { unread: (error as Error).message };
  }
}

function byName(entries: readonly InventoryEntry[]): InventoryEntry[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Shared files that can only be what the MANIFEST means: number and size agree. */
function adopted(database: Database, known: readonly InventoryEntry[], shared: readonly ListingEntry[]) {
  const tables = liveTables(database);
  const blobs = liveBlobs(database);
  const taken = new Set(known.map(({ name }) => name));
  const found: InventoryEntry[] = [];
  for (const file of shared) {
    const entry = entryOf(file, nameInDatabase(file.path));
    if (taken.has(entry.name) || entry.number === undefined) continue;
    const live =
      entry.kind === 'table'
        ? tables.get(entry.number)?.table.size === BigInt(file.size)
        : entry.kind === 'blob' && blobs.has(entry.number);
    if (!live) continue;
    taken.add(entry.name);
    found.push(entry);
  }
  return found;
}

/** CURRENT names a MANIFEST that is whole, and everything that it names is there. */
export function isWhole({ database }: BackupView): boolean {
  const { manifest, inventory } = database;
  if (manifest?.named !== true || !manifest.replay.complete) return false;
  const there = (kind: string) =>
    new Set(inventory.entries.filter((e) => e.kind === kind).map((e) => e.number));
  const tables = there('table');
  const blobs = there('blob');
  return (
    [...liveTables(database).keys()].every((number) => tables.has(number)) &&
    [...liveBlobs(database).keys()].every((number) => blobs.has(number))
  );
}
