import type { DialectName } from '../dialect.js';

/**
 * Tags of a version edit and ids of a new file's custom fields (rocksdb db/version_edit.h; leveldb db/version_edit.cc).
 * 0x2000 in a tag and the absence of 0x40 in a custom id mean that a reader which does not know it may skip it.
 */
export const tags = {
  comparator: 1,
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 4,
  compactCursor: 5,
  deletedFile: 6,
  newFile: 7,
  previousLogNumber: 9,
  minLogNumberToKeep: 10,
  newFile2: 100,
  newFile3: 102,
  newFile4: 103,
  columnFamily: 200,
  columnFamilyAdd: 201,
  columnFamilyDrop: 202,
  maxColumnFamily: 203,
  inAtomicGroup: 300,
  blobFileAddition: 400,
  blobFileGarbage: 401,
  databaseId: 8193,
  blobFileAdditionDeprecated: 8194,
  blobFileGarbageDeprecated: 8195,
  walAddition: 8196,
  walDeletion: 8197,
  fullHistoryTimestampLow: 8198,
  walAddition2: 8199,
  walDeletion2: 8200,
  persistUserDefinedTimestamps: 8201,
  subcompactionProgress: 8202,
  lastCompactedManifestSize: 8203,
} as const;

/** Unknown tags with this bit carry a length and are skipped; without it they are fatal. */
export const TAG_SAFE_IGNORE = 0x2000;

const names = new Map<number, string>(Object.entries(tags).map(([name, tag]) => [tag, name]));

/** `newFile4` for 103; the number itself for a tag that is not known. Pebble gives some of them another meaning. */
export function tagName(tag: number, dialect?: DialectName): string {
  return (dialect === 'pebble' ? pebbleNames.get(tag) : undefined) ?? names.get(tag) ?? `tag ${tag}`;
}

/** What LevelDB knows; any other tag is fatal to it, and level 7 and above too. */
export const levelDbTags: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 9]);
export const LEVELDB_LEVELS = 7;

/** What differs or is new in Pebble's edits (pebble internal/manifest/version_edit.go). */
export const pebbleOwnTags = {
  excise: 10,
  markForCompaction: 11,
  newFile5: 104,
  backing: 105,
  removedBacking: 106,
  newBlobFile: 107,
  deletedBlobFile: 108,
} as const;

const pebbleNames = new Map<number, string>(Object.entries(pebbleOwnTags).map(([name, tag]) => [tag, name]));

/** What Pebble knows; any other tag is fatal to it, and level 7 and above too. */
export const pebbleTags: ReadonlySet<number> = new Set([
  1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 100, 102, 103, 104, 105, 106, 107, 108,
]);
export const PEBBLE_LEVELS = 7;

export const customFields = {
  terminate: 1,
  needsCompaction: 2,
  minLogNumberToKeepHack: 3,
  oldestBlobFile: 4,
  oldestAncestorTime: 5,
  fileCreationTime: 6,
  fileChecksum: 7,
  fileChecksumFunction: 8,
  temperature: 9,
  minTimestamp: 10,
  maxTimestamp: 11,
  uniqueId: 12,
  epochNumber: 13,
  compensatedRangeDeletionSize: 14,
  tailSize: 15,
  timestampsPersisted: 16,
  openMetadata: 17,
  pathId: 65,
} as const;

/** An unknown custom id with this bit is fatal; without it the field is skipped. */
export const CUSTOM_NOT_IGNORABLE = 0x40;

/** The type byte of an internal key that may stand in a MANIFEST (rocksdb db/dbformat.cc `IsExtendedValueType`). */
export const internalKeyTypes: ReadonlySet<number> = new Set([
  0, 1, 2, 7, 0x0f, 0x11, 0x14, 0x16, 0x18, 0x1a,
]);
