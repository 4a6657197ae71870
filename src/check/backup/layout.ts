import { type Listing, type ListingEntry, unreadableAt } from '../../io/listing.js';

/** What lies in a backup directory under one id. */
export interface BackupParts {
  id: number;
  meta?: ListingEntry;
  /** `meta/.<id>.tmp`: a meta file that was being written. */
  unfinishedMeta?: ListingEntry;
  /** Why nobody knows whether there is a meta file. */
  metaUnread?: string;
  privateFiles: ListingEntry[];
}

/** Remains of a backup that the engine does not know: one that was being made, or deleted, when the process ended. */
export function isUnfinished({ meta, metaUnread }: BackupParts): boolean {
  return meta === undefined && metaUnread === undefined;
}

export interface BackupLayout {
  /** By id, ascending. */
  backups: BackupParts[];
  /** Files of shared/ and shared_checksum/, temporary ones too. */
  shared: ListingEntry[];
  /** Files that no backup can own: temporary ones of meta/ and private/, names that the engine does not know. */
  strays: ListingEntry[];
}

/** Sorts the files of a backup directory by what the engine has them for (rocksdb utilities/backup/backup_engine.cc). */
export function backupLayout(listing: Listing): BackupLayout {
  const backups = new Map<number, BackupParts>();
  const layout: BackupLayout = { backups: [], shared: [], strays: [] };
  const partsOf = (id: number) => {
    let parts = backups.get(id);
    if (parts === undefined) backups.set(id, (parts = { id, privateFiles: [] }));
    return parts;
  };
  for (const file of listing.files.values()) {
    const [directory, name, ...below] = file.path.split('/');
    const id = idOf(
      directory === 'meta' && name.startsWith('.') ? name.replace(/^\.(.*)\.tmp$/, '$1') : name,
    );
    if (directory === 'shared' || directory === 'shared_checksum') layout.shared.push(file);
    else if (id === undefined) layout.strays.push(file);
    else if (directory === 'private' && below.length === 1) partsOf(id).privateFiles.push(file);
    else if (directory === 'meta' && below.length === 0) {
      if (name.startsWith('.')) partsOf(id).unfinishedMeta = file;
      else partsOf(id).meta = file;
    } else layout.strays.push(file);
  }
  // an empty private directory is the first that a new backup leaves, one that may not be read is perhaps full
  for (const path of [...listing.directories, ...listing.unlistable.map((name) => name.path)]) {
    const [directory, name, ...below] = path.split('/');
    const id = name === undefined || below.length > 0 ? undefined : idOf(name);
    if (id !== undefined && (directory === 'private' || directory === 'meta')) partsOf(id);
  }
  for (const parts of backups.values()) {
    const reason = parts.meta === undefined ? unreadableAt(listing, `meta/${parts.id}`) : undefined;
    if (reason !== undefined) parts.metaUnread = reason;
  }
  layout.backups = [...backups.values()].sort((a, b) => a.id - b.id);
  return layout;
}

/** Ids are 32-bit numbers from 1 on, in decimal without leading zeros; the engine ignores other names. */
function idOf(name: string): number | undefined {
  if (!/^[1-9]\d{0,9}$/.test(name)) return undefined;
  const id = Number(name);
  return id <= 0xffffffff ? id : undefined;
}
