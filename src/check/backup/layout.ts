import type { FileTree, TreeFile } from '../../io/tree.js';

/** What lies in a backup directory under one id. */
export interface BackupParts {
  id: number;
  meta?: TreeFile;
  /** `meta/.<id>.tmp`: a meta file that was being written. */
  unfinishedMeta?: TreeFile;
  privateFiles: TreeFile[];
}

export interface BackupLayout {
  /** By id, ascending. */
  backups: BackupParts[];
  /** Files of shared/ and shared_checksum/, temporary ones too. */
  shared: TreeFile[];
  /** Files that no backup can own: temporary ones of meta/ and private/, names that the engine does not know. */
  strays: TreeFile[];
}

/** Sorts the files of a backup directory by what the engine has them for (rocksdb utilities/backup/backup_engine.cc). */
export function backupLayout(tree: FileTree): BackupLayout {
  const backups = new Map<number, BackupParts>();
  const layout: BackupLayout = { backups: [], shared: [], strays: [] };
  const partsOf = (id: number) => {
    let parts = backups.get(id);
    if (parts === undefined) backups.set(id, (parts = { id, privateFiles: [] }));
    return parts;
  };
  for (const file of tree.files.values()) {
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
  layout.backups = [...backups.values()].sort((a, b) => a.id - b.id);
  return layout;
}

/** Ids are 32-bit numbers from 1 on, in decimal without leading zeros; the engine ignores other names. */
function idOf(name: string): number | undefined {
  if (!/^[1-9]\d{0,9}$/.test(name)) return undefined;
  const id = Number(name);
  return id <= 0xffffffff ? id : undefined;
}
