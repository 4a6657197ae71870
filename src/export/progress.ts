import type { Database } from '../engine/database.js';
import { metered } from '../io/wrappers.js';
import type { StoreFile, StoreFiles } from '../lsm/store-files.js';

/** How far an export is, by the bytes of tables and blob files that it has read. `total` is what it will read, about. */
export type ExportProgress = (progress: { done: number; total: number }) => void;

/** Bytes of the tables and blob files that an export of these column families reads; all of them where none is named. */
export function bytesToRead({ version }: Database, families?: readonly string[]): number {
  let bytes = 0n;
  for (const { name, tables, blobFiles } of version?.columnFamilies.values() ?? []) {
    if (families !== undefined && !families.includes(name)) continue;
    for (const { size } of tables.values()) bytes += size;
    for (const { totalBytes } of blobFiles.values()) bytes += totalBytes;
  }
  return Number(bytes);
}

/** The same files, whose bytes are counted as they are read. */
export function meteredFiles(files: StoreFiles, onBytes: (bytes: number) => void): StoreFiles {
  const counting = ({ name, open }: StoreFile): StoreFile => ({
    name,
    open: async () => metered(await open(), onBytes),
  });
  return {
    table: (live) => counting(files.table(live)),
    blob: (number) => counting(files.blob(number)),
  };
}
