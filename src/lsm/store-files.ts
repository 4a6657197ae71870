import type { ByteSource } from '../bytes/source.js';
import type { LiveTable } from '../format/manifest/version.js';

export interface StoreFile {
  /** As problems name it. */
  name: string;
  open(): Promise<ByteSource>;
}

/** Finds the files of a database. */
export interface StoreFiles {
  table(live: Pick<LiveTable, 'number' | 'pathId' | 'backing'>): StoreFile;
  blob(number: bigint): StoreFile;
  /** A blob file of Titan's. Absent: they cannot be reached. */
  titan?(number: bigint): StoreFile;
}
