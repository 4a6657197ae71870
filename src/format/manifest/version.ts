import type { Range } from '../../finding/finding.js';
import type { KeyBounds } from './edit.js';

/** A live table as the MANIFEST describes it (rocksdb db/version_edit.h FileMetaData). */
export interface LiveTable {
  columnFamily: number;
  level: number;
  number: bigint;
  /** Index into db_paths or cf_paths. */
  pathId: number;
  /** Bytes on disk; of a virtual table an estimate. */
  size: bigint;
  /** Internal keys (user key and 8-byte trailer). */
  smallest: Uint8Array;
  largest: Uint8Array;
  smallestSequence: bigint;
  largestSequence: bigint;
  /** 16 bytes as stored, absent when the writer was too old. */
  uniqueId?: Uint8Array;
  fileChecksum?: Uint8Array;
  fileChecksumFunction?: string;
  epoch?: bigint;
  /** Bytes after the data blocks. */
  tailSize?: bigint;
  oldestBlobFile?: bigint;
  /** False only where the writer strips user-defined timestamps. */
  timestampsPersisted?: boolean;
  needsCompaction?: boolean;
  /** Seconds since 1970, 0 where unknown. */
  oldestAncestorTime?: bigint;
  creationTime?: bigint;
  temperature?: number;
  minTimestamp?: Uint8Array;
  maxTimestamp?: Uint8Array;
  compensatedRangeDeletionSize?: bigint;
  openMetadata?: Uint8Array;
  /** Pebble: see `NewFile`. */
  backing?: bigint;
  points?: KeyBounds;
  rangeKeys?: KeyBounds;
  synthetic?: boolean;
  blobReferences?: bigint[];
  /** Custom fields that may be skipped and that kvdoctor does not know; kept for a rewritten MANIFEST. */
  unknown?: { id: number; value: Uint8Array }[];
  /** Log number of its column family after the edit that added it: what it holds was written to WALs below. Not of the edit itself. */
  flushedLog?: bigint;
  /** Where in the MANIFEST the edit stands that added it (file offset of its logical record). */
  addedAt: number;
  /** The table's own entry in that edit, in bytes of the MANIFEST. */
  entry: Range;
}

/** A file of Pebble that virtual tables are parts of. */
export interface Backing {
  number: bigint;
  size: bigint;
}

/** A file of values of Pebble: tables name it by id, the disk by number. */
export interface ValueFile {
  id: bigint;
  number: bigint;
  size: bigint;
  /** Bytes of all its values. */
  valueBytes: bigint;
  /** When it was made, in seconds since 1970. */
  time: bigint;
}

/** A live blob file as the MANIFEST describes it. */
export interface LiveBlobFile {
  columnFamily: number;
  number: bigint;
  totalCount: bigint;
  /** Record headers, keys and values; the file has 62 bytes more (header and footer). */
  totalBytes: bigint;
  garbageCount: bigint;
  garbageBytes: bigint;
  checksumMethod: string;
  checksum: Uint8Array;
  /** Its entry in the MANIFEST, in bytes of that file. */
  entry: Range;
}

export interface ColumnFamily {
  id: number;
  name: string;
  comparator: string;
  /** WALs below it are fully flushed for this column family (tag 2). */
  logNumber: bigint;
  /** Last sequence of the edit that set the log number last: what was written later is in WALs from that number on. */
  flushedSequence?: bigint;
  /** That edit was one of a flush. Otherwise a MANIFEST began with it, and the flush was as late at most. */
  isFlushKnown?: boolean;
  timestampsPersisted: boolean;
  fullHistoryTimestampLow?: Uint8Array;
  /** Where the next compaction of a level begins. */
  compactCursors: Map<number, Uint8Array>;
  tables: Map<bigint, LiveTable>;
  /** Tables that stand on another level, too, by number and level: Pebble tells tables by both. */
  alsoLive?: Map<bigint, Map<number, LiveTable>>;
  blobFiles: Map<bigint, LiveBlobFile>;
}

/** The state that a replay of a MANIFEST ends in. */
export interface Version {
  columnFamilies: Map<number, ColumnFamily>;
  droppedColumnFamilies: Map<number, string>;
  nextFileNumber?: bigint;
  lastSequence?: bigint;
  previousLogNumber?: bigint;
  minLogNumberToKeep: bigint;
  /** The largest id ever given out: what an edit stated last, or an id that was added after it. */
  maxColumnFamily?: number;
  databaseId?: string;
  /** WALs that the MANIFEST tracks: number to synced size in bytes, `undefined` where the size is not known. */
  trackedWals: Map<bigint, bigint | undefined>;
  /** Pebble's, by number; each with its entry in the MANIFEST. */
  backings: Map<bigint, Backing & { entry: Range }>;
  /** The first backing that an edit removed and none had named: Pebble before 2.0 panics over it (version_set.go `removeFileBacking`). */
  unknownBackingRemoved?: bigint;
  /** Pebble's, by id. */
  valueFiles: Map<bigint, ValueFile & { entry: Range }>;
}

/** The file that a table's bytes are in: its own, or the backing of a virtual one. */
export function fileBehind({ backings }: Version, { number, size, backing }: LiveTable): Backing {
  if (backing === undefined) return { number, size };
  return { number: backing, size: backings.get(backing)?.size ?? size };
}

/** Numbers of the files of values that a version of Pebble names. */
export const numbersOfValueFiles = ({ valueFiles }: Version): Set<bigint> =>
  new Set([...valueFiles.values()].map(({ number }) => number));

/** Tables of a column family that stand on another level, too. */
export const alsoLiveTables = ({ alsoLive }: Pick<ColumnFamily, 'alsoLive'>): LiveTable[] =>
  [...(alsoLive?.values() ?? [])].flatMap((levels) => [...levels.values()]);

/**
 * Numbers of the files that handles of values in a table of Pebble name, in the order in which the table numbers them; undefined for one
 * that the version does not name.
 */
export const listedBlobFiles = (
  { valueFiles }: Pick<Version, 'valueFiles'>,
  { blobReferences = [] }: Pick<LiveTable, 'blobReferences'>,
): (bigint | undefined)[] => blobReferences.map((id) => valueFiles.get(id)?.number);

/**
 * Tables, blob files, column families, those dropped too, and tracked WALs that a version may hold together, beside one for each
 * file that is there: a large store is read, and a few bytes that claim a million files are not believed.
 */
export const MAX_PARTS = 80_000;

/** How many parts a version holds: see `MAX_PARTS`. */
export function partsOf(version: Version): number {
  const { columnFamilies, droppedColumnFamilies, trackedWals, backings, valueFiles } = version;
  let parts = columnFamilies.size + droppedColumnFamilies.size + trackedWals.size;
  parts += backings.size + valueFiles.size;
  for (const { tables, blobFiles } of columnFamilies.values()) parts += tables.size + blobFiles.size;
  return parts;
}

/** A copy of a version that may be changed. */
export function copyOfVersion(version: Version): Version {
  const columnFamilies = new Map(
    [...version.columnFamilies].map(([id, family]) => [
      id,
      {
        ...family,
        tables: new Map(family.tables),
        blobFiles: new Map(family.blobFiles),
        ...(family.alsoLive && {
          alsoLive: new Map([...family.alsoLive].map(([number, levels]) => [number, new Map(levels)])),
        }),
      },
    ]),
  );
  return { ...version, columnFamilies };
}
