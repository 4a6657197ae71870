import type { Finding } from '../../finding/finding.js';
import { findingAt } from '../../finding/finding-at.js';
import { renameAndScan, scanOf } from '../../finding/shell-word.js';
import type { BackupFile } from '../../format/backup.js';
import type { BackupLayout } from './layout.js';

/** Directories of files that any backup may list (rocksdb utilities/backup/backup_engine.cc `LoadFromFile`). */
const SHARED = ['shared/', 'shared_checksum/'];

/** Files that a meta file lists and that are not its backup's to list. The bytes of excluded ones are elsewhere anyway. */
export function foreignFiles(id: number, files: readonly BackupFile[]): BackupFile[] {
  const own = [`private/${id}/`, ...SHARED];
  return files.filter(({ path, excluded }) => !excluded && !own.some((start) => path.startsWith(start)));
}

/** The backup whose private file a path is. */
function ownerOf(path: string): number | undefined {
  const owner = /^private\/([1-9]\d{0,9})\//.exec(path)?.[1];
  return owner === undefined ? undefined : Number(owner);
}

/** Says of a meta file that it lists files of another backup, and how to rename it back where it was only renamed. */
export function checkForeign(
  target: string,
  id: number,
  files: readonly BackupFile[],
  { backups }: BackupLayout,
): Finding[] {
  const foreign = foreignFiles(id, files);
  if (foreign.length === 0) return [];
  const [{ path, entry }] = foreign;
  const owners = [...new Set(foreign.map((file) => ownerOf(file.path)))];
  const [owner] = owners;
  const meta = `meta/${id}`;
  const more = foreign.length > 1 ? ` and ${foreign.length - 1} more` : '';
  const renamed =
    owners.length === 1 &&
    owner !== undefined &&
    !backups.some((other) => other.id === owner && other.meta !== undefined);
  // of a newer backup the engine has the names already when it comes to this one
  const engine =
    owner !== undefined && owner > id
      ? `NotFound: File missing: ${path}`
      : `Corruption: Pathname in meta file not found on disk: ${path}`;
  return [
    findingAt({ file: meta }, 'backup/foreign-file', {
      ...entry,
      message: `${meta} lists ${path}${more}, ${owner === undefined ? 'where no backup keeps files' : `which only backup ${owner} may list`}`,
      evidence: { files: foreign.length, ...(owner !== undefined && { owner }), engine },
      ...(renamed && {
        next: renameAndScan(scanOf(target), [`${target}/${meta}`, `${target}/meta/${owner}`]),
      }),
    }),
  ];
}

/** Backups whose private files the meta file of another lists, with that meta file. */
export function claimedByOthers(
  metas: readonly { id: number; files: readonly BackupFile[] }[],
): Map<number, string> {
  const claimed = new Map<number, string>();
  for (const { id, files } of metas) {
    for (const { path } of foreignFiles(id, files)) {
      const owner = ownerOf(path);
      if (owner !== undefined) claimed.set(owner, `meta/${id}`);
    }
  }
  return claimed;
}
