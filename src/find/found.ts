import type { Range } from '../finding/finding.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { MergedTombstone } from '../lsm/range-tombstones.js';
import type { Family } from './wanted.js';

/** What a file is to the database. */
type FileUse =
  /** The MANIFEST names it, or recovery reads it. */
  | 'live'
  /** A WAL below what recovery reads: its operations are in tables. */
  | 'obsolete'
  /** A WAL in archive/. */
  | 'archived'
  /** A file in lost/, where RepairDB puts what it could not use. */
  | 'lost'
  /** A table or blob file that the MANIFEST does not name (any more). */
  | 'unreferenced';

/** A file in which something was found. */
export interface FoundFile {
  kind: 'wal' | 'table' | 'blob';
  entry: InventoryEntry;
  use: FileUse;
  /** Of a live table. */
  level?: number;
}

/** Why a version is or is not what a reader gets. */
export type Status =
  /** The newest that counts: a reader gets its value. */
  | 'visible'
  /** The newest that counts, and it deletes the key. */
  | 'deletes'
  /** A merge operand that is part of what a reader gets. */
  | 'operand'
  /** A newer version hides it. */
  | 'shadowed'
  /** A range tombstone deletes it. */
  | 'range-deleted'
  /** A range tombstone: what it covers is `range-deleted`. */
  | 'range-tombstone'
  /** Newer than the last sequence that a reader sees, or part of a transaction that is not decided. */
  | 'unseen'
  /** In a file or a part of one that the database does not look at. */
  | 'not-live'
  /** The same operation was flushed: a table has it. */
  | 'flushed'
  /** Recovery stops before it, or skips it. */
  | 'not-applied'
  /** A reader that comes to it gets an error. */
  | 'unreadable'
  /** Which files are live is not known. */
  | 'unknown';

/** Where the value of a blob index lies. */
export interface BlobPlace extends Range {
  file: string;
  fileNumber: bigint;
  /** Of Pebble's, whose range is that of a block: which of its values it is, from 0 on. */
  valueInBlock?: number;
  /** Why it cannot be had. */
  error?: string;
}

/** One version of a key, or a range tombstone over it. */
export interface FoundVersion {
  file: FoundFile;
  family: Family;
  /** Without timestamp; the begin of a range tombstone. */
  key: Uint8Array;
  timestamp?: Uint8Array;
  /** Absent where the commit gives it, and where a blob file alone tells of the version. */
  sequence?: bigint;
  /** `VALUE_TYPE` of format/sst/internal-key.ts; absent for a record of a blob file that no version points at. */
  type?: number;
  /** The first bytes of the value; the end of a range tombstone, whole. */
  value: Uint8Array;
  valueLength: number;
  /** What a range tombstone covers, cut to the bounds of its table. */
  range?: MergedTombstone;
  /** The entry in its file; of what is compressed, the block or record that it is in. */
  at: Range;
  /** The entry in the content of what is compressed. */
  inner?: number;
  blob?: BlobPlace;
  /** Why its bytes are not to be trusted. */
  damaged?: string;
  /** More about it, for a person. */
  note?: string;
  status: Status;
  /** What hides or deletes it. */
  by?: FoundVersion;
}

/** A part of a file that could not be read and may hold versions. */
export interface Unread {
  file: string;
  offset?: number;
  length?: number;
  message: string;
}

/** Bytes of a value that are kept. */
export const VALUE_KEPT = 64 * 1024;
/** Versions of one key that are kept; the rest is counted. */
const VERSIONS_KEPT = 10_000;
/** Range tombstones that are kept. */
const TOMBSTONES_KEPT = 10_000;

/** All versions of one key of a column family. */
export interface FoundKey {
  family: Family;
  key: Uint8Array;
  versions: FoundVersion[];
  /** Versions that were found and not kept. */
  dropped: number;
}

/** Gathers versions by key: the first `maxKeys` in bytewise order, each with all of its versions. */
export class Collection {
  readonly unread: Unread[] = [];
  readonly tombstones: FoundVersion[] = [];
  /** Keys were left out. */
  moreKeys = false;
  private readonly groups = new Map<string, FoundKey>();
  private largest: string | undefined;

  constructor(private readonly maxKeys: number) {}

  add(version: FoundVersion): void {
    const id = idOf(version.family, version.key);
    let group = this.groups.get(id);
    if (group === undefined) {
      if (this.groups.size >= this.maxKeys && this.largest !== undefined) {
        this.moreKeys = true;
        if (id > this.largest) return;
        this.groups.delete(this.largest);
      }
      group = { family: version.family, key: version.key, versions: [], dropped: 0 };
      this.groups.set(id, group);
      this.largest = [...this.groups.keys()].sort().at(-1);
    }
    if (group.versions.length < VERSIONS_KEPT) group.versions.push(version);
    else group.dropped++;
  }

  addTombstone(version: FoundVersion): void {
    if (this.tombstones.length < TOMBSTONES_KEPT) this.tombstones.push(version);
  }

  /** By column family and key. */
  keys(): FoundKey[] {
    return [...this.groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  }
}

/** Sorts as column family and key do. */
function idOf({ id }: Family, key: Uint8Array): string {
  return String(id).padStart(10, '0') + Buffer.from(key).toString('latin1');
}
