/** Files as a version names them and as a directory has them. */
import { copyOfVersion, fileBehind, type LiveTable, type Version } from '../format/manifest/version.js';
import type { InventoryEntry } from '../io/inventory.js';

interface NamedFile {
  key: string;
  /** Bytes, of a table. */
  size?: bigint;
  /** Bytes, of a WAL that was closed and synced. */
  least?: bigint;
}

/** Tables, blob files and tracked WALs; several virtual tables may be of one file. */
export function namedFiles(version: Version): NamedFile[] {
  const files = [...version.columnFamilies.values()].flatMap((family): NamedFile[] => [
    ...[...family.tables.values()].map((table) => ({
      key: tableKey(version, table),
      size: fileBehind(version, table).size,
    })),
    ...[...family.blobFiles.keys()].map((number) => ({ key: blobKey(number) })),
  ]);
  const wals = [...version.trackedWals].flatMap(([number, least]): NamedFile[] =>
    least === undefined ? [] : [{ key: walKey(number), least }],
  );
  return [...files, ...wals];
}

/** The same key for a file of a directory. */
export function fileKey({ kind, number }: Pick<InventoryEntry, 'kind' | 'number'>): string {
  return `${kind} ${number ?? ''}`;
}

/** A copy of a version that does not name certain files. */
export function withoutFiles(version: Version, isLeftOut: (key: string) => boolean): Version {
  const copy = copyOfVersion(version);
  for (const { tables, blobFiles } of copy.columnFamilies.values()) {
    for (const [number, table] of tables) if (isLeftOut(tableKey(version, table))) tables.delete(number);
    for (const number of blobFiles.keys()) if (isLeftOut(blobKey(number))) blobFiles.delete(number);
  }
  const trackedWals = new Map([...version.trackedWals].filter(([number]) => !isLeftOut(walKey(number))));
  return { ...copy, trackedWals };
}

function tableKey(version: Version, table: LiveTable): string {
  return `table ${fileBehind(version, table).number}`;
}

function blobKey(number: bigint): string {
  return `blob ${number}`;
}

function walKey(number: bigint): string {
  return `wal ${number}`;
}
