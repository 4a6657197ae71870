import path from 'node:path';
import { databasesBelow } from './below.js';
import { readHead, readTail } from './head.js';
import type { InventoryEntry } from './inventory.js';
import { pathKind } from './path-kind.js';

/** Reads at most `limit` bytes from the start (or the end) of a file; rejects when it cannot. */
export interface FileReader {
  head(entry: InventoryEntry, limit: number): Promise<Uint8Array>;
  tail(entry: InventoryEntry, limit: number): Promise<Uint8Array>;
  /** Paths of databases in subdirectories of the target. */
  databasesBelow(): Promise<string[]>;
  /** Whether a file of this name lies in the directory that the target is in. */
  liesBeside(name: string): Promise<boolean>;
}

/** Reads the files of a target on disk. */
export function diskReader(target: string): FileReader {
  return {
    head: (entry, limit) => readHead(entry.source, limit),
    tail: (entry, limit) => readTail(entry.source, limit),
    databasesBelow: () => databasesBelow(target),
    liesBeside: (name) =>
      pathKind(path.join(path.resolve(target), '..', name)).then(
        (kind) => kind === 'file',
        () => false,
      ),
  };
}
