import path from 'node:path';
import { databasesBelow } from './below.js';
import { readHead, readTail } from './head.js';
import type { InventoryEntry } from './inventory.js';

/** Reads at most `limit` bytes from the start (or the end) of a file; rejects when it cannot. */
export interface FileReader {
  head(entry: InventoryEntry, limit: number): Promise<Uint8Array>;
  tail(entry: InventoryEntry, limit: number): Promise<Uint8Array>;
  /** Paths of databases in subdirectories of the target. */
  databasesBelow(): Promise<string[]>;
  /** At most `limit` bytes of the file of this name in the directory that the target is in; `undefined` where there is none. */
  beside(name: string, limit: number): Promise<Uint8Array | undefined>;
}

/** Reads the files of a target on disk. */
export function diskReader(target: string): FileReader {
  return {
    head: (entry, limit) => readHead(entry.source, limit),
    tail: (entry, limit) => readTail(entry.source, limit),
    databasesBelow: () => databasesBelow(target),
    beside: (name, limit) =>
      readHead({ kind: 'file', path: path.join(path.resolve(target), '..', name) }, limit).catch(
        () => undefined,
      ),
  };
}
