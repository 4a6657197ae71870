import type { Cursor } from '../../bytes/cursor.js';
import type { Range } from '../../finding/finding.js';
import type { Backing, ValueFile } from './version.js';

/** A table added by an edit (rocksdb db/version_edit.h, tags 7, 100, 102, 103). Offsets are in the edit's own record. */
export interface NewFile extends Range {
  /** The tag that it was written with. */
  tag: number;
  level: number;
  number: bigint;
  pathId: number;
  /** Bytes on disk. */
  size: bigint;
  /** Internal keys. */
  smallest: Uint8Array;
  largest: Uint8Array;
  /** 0 and the largest possible where LevelDB wrote the edit, which does not record them. */
  smallestSequence: bigint;
  largestSequence: bigint;
  needsCompaction?: boolean;
  /** RocksDB 5 to 7 hide the edit's own smallest log to keep in its first table, where older releases skip it. */
  minLogNumberToKeep?: bigint;
  oldestBlobFile?: bigint;
  /** Seconds since 1970, 0 where unknown. */
  oldestAncestorTime?: bigint;
  creationTime?: bigint;
  fileChecksum?: Uint8Array;
  fileChecksumFunction?: string;
  temperature?: number;
  minTimestamp?: Uint8Array;
  maxTimestamp?: Uint8Array;
  uniqueId?: Uint8Array;
  /** 0: unknown. */
  epoch?: bigint;
  compensatedRangeDeletionSize?: bigint;
  tailSize?: bigint;
  /** Written only when false. */
  timestampsPersisted?: boolean;
  openMetadata?: Uint8Array;
  /** Pebble: the table is virtual, its bytes are a part of that file. */
  backing?: bigint;
  /** Pebble: bounds of points and of range keys, where they are kept apart. */
  points?: KeyBounds;
  rangeKeys?: KeyBounds;
  /** Pebble: every key is read with another prefix or suffix than it has in the file. */
  synthetic?: boolean;
  /** Pebble: ids of blob files. */
  blobReferences?: bigint[];
  /** Custom fields that this release does not know and that may be skipped. */
  unknown: { id: number; value: Uint8Array }[];
}

interface DeletedFile extends Range {
  level: number;
  number: bigint;
}

export interface BlobFileAddition extends Range {
  number: bigint;
  totalCount: bigint;
  totalBytes: bigint;
  checksumMethod: string;
  checksum: Uint8Array;
}

export interface BlobFileGarbage extends Range {
  number: bigint;
  garbageCount: bigint;
  garbageBytes: bigint;
}

export interface WalAddition extends Range {
  number: bigint;
  /** Bytes that were synced; absent: the WAL was created and its size is not known. */
  syncedSize?: bigint;
}

/** Internal keys. */
export interface KeyBounds {
  smallest: Uint8Array;
  largest: Uint8Array;
}

/** Reads a field after its tag into the edit; returns nothing, or what is wrong in the engine's words. */
export type FieldReader = (cursor: Cursor, edit: VersionEdit, offset: number) => string | undefined;

/** One field of an edit as it stands in the record. */
export interface EditField extends Range {
  tag: number;
}

/**
 * One logical record of a MANIFEST. What is absent was not in the record; the order of fields carries no meaning, and the
 * column family id usually comes last.
 */
export interface VersionEdit {
  columnFamily: number;
  comparator?: string;
  logNumber?: bigint;
  previousLogNumber?: bigint;
  minLogNumberToKeep?: bigint;
  nextFileNumber?: bigint;
  lastSequence?: bigint;
  maxColumnFamily?: number;
  columnFamilyAdd?: string;
  columnFamilyDrop: boolean;
  databaseId?: string;
  /** Edits of the same atomic group that follow this one. */
  remainingInGroup?: number;
  compactCursors: { level: number; key: Uint8Array }[];
  deletedFiles: DeletedFile[];
  newFiles: NewFile[];
  blobFileAdditions: BlobFileAddition[];
  blobFileGarbages: BlobFileGarbage[];
  walAdditions: WalAddition[];
  /** WALs below it are forgotten. */
  walDeletion?: bigint;
  fullHistoryTimestampLow?: Uint8Array;
  timestampsPersisted?: boolean;
  /** As stored; see `decodeSubcompactionProgress`. */
  subcompactionProgress?: Uint8Array;
  lastCompactedManifestSize?: bigint;
  /** Pebble: files that virtual tables are parts of, and blob files of values, added and removed. */
  backings: (Backing & Range)[];
  removedBackings: bigint[];
  valueFiles: (ValueFile & Range)[];
  removedValueFiles: Pick<ValueFile, 'id' | 'number'>[];
  /** Ignorable tags that this release does not know. */
  unknown: { tag: number; value: Uint8Array }[];
}

export function emptyEdit(): VersionEdit {
  return {
    columnFamily: 0,
    columnFamilyDrop: false,
    compactCursors: [],
    deletedFiles: [],
    newFiles: [],
    blobFileAdditions: [],
    blobFileGarbages: [],
    walAdditions: [],
    backings: [],
    removedBackings: [],
    valueFiles: [],
    removedValueFiles: [],
    unknown: [],
  };
}
