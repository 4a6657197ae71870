import { largest } from '../../bytes/append.js';
import type { DialectName } from '../../format/dialect.js';

import { emptyEdit, type NewFile, type VersionEdit } from '../../format/manifest/edit.js';
import { tags } from '../../format/manifest/tags.js';
import type { ColumnFamily, LiveTable, Version } from '../../format/manifest/version.js';
import { MAX_SEQUENCE } from '../../format/sst/internal-key.js';

interface SnapshotOptions {
  /** Whose MANIFEST it is. Default: RocksDB's. */
  dialect?: DialectName;
  /**
   * Must be above every number that any file in the database's directories has, whether or not the MANIFEST names it, and
   * above the new MANIFEST's own.
   */
  nextFileNumber: bigint;
  /**
   * Also write the sizes of tracked WALs. They are what the engine then insists on; without them it opens whatever WALs it
   * finds.
   */
  trackWals?: boolean;
}

/**
 * The edits of a fresh MANIFEST that leads to `version` (rocksdb db/version_set.cc `WriteCurrentStateToManifest`): the
 * database id, for each column family its creation and its files, then the counters. Log numbers are kept exactly: lower
 * ones would replay writes that are already in tables, higher ones would lose some.
 */
export function snapshotEdits(version: Version, options: SnapshotOptions): VersionEdit[] {
  const edits: VersionEdit[] = [];
  const add = (fields: Partial<VersionEdit>) => edits.push({ ...emptyEdit(), ...fields });
  const lastSequence = version.lastSequence ?? 0n;
  if (options.dialect === 'leveldb') return [levelDbEdit(version, lastSequence, options)];
  if (version.databaseId !== undefined) add({ databaseId: version.databaseId });
  if (options.trackWals && version.trackedWals.size > 0) add({ walAdditions: trackedWals(version) });

  const families = [...version.columnFamilies.values()].sort((a, b) => a.id - b.id);
  for (const family of families) {
    const { id: columnFamily, comparator } = family;
    const isDefault = columnFamily === 0;
    add({
      columnFamily,
      ...(comparator === '' ? {} : { comparator }),
      ...(isDefault ? {} : { columnFamilyAdd: family.name }),
      ...(family.timestampsPersisted ? {} : { timestampsPersisted: false }),
    });
    add({
      columnFamily,
      lastSequence,
      logNumber: family.logNumber,
      ...(isDefault && version.minLogNumberToKeep > 0n
        ? { minLogNumberToKeep: version.minLogNumberToKeep }
        : {}),
      ...files(family),
      compactCursors: [...family.compactCursors].map(([level, key]) => ({ level, key })),
      fullHistoryTimestampLow: family.fullHistoryTimestampLow,
    });
  }
  add({
    previousLogNumber: version.previousLogNumber ?? 0n,
    nextFileNumber: options.nextFileNumber,
    maxColumnFamily: largest(version.columnFamilies.keys(), version.maxColumnFamily ?? 0),
    lastSequence,
  });
  return edits;
}

/** All of a LevelDB version in one edit: it knows one column family, and of a table no more than number, size and bounds. */
function levelDbEdit(
  version: Version,
  lastSequence: bigint,
  { nextFileNumber }: SnapshotOptions,
): VersionEdit {
  const family = version.columnFamilies.get(0);
  const held = [...(family?.tables.values() ?? [])].map(({ largestSequence: own }) => own);
  const reached = held.reduce((a, b) => (b < MAX_SEQUENCE && b > a ? b : a), lastSequence);
  return {
    ...emptyEdit(),
    comparator: family?.comparator || 'leveldb.BytewiseComparator',
    logNumber: family?.logNumber ?? 0n,
    previousLogNumber: version.previousLogNumber ?? 0n,
    nextFileNumber,
    lastSequence: reached,
    compactCursors: [...(family?.compactCursors ?? [])].map(([level, key]) => ({ level, key })),
    newFiles:
      family === undefined ? [] : files(family).newFiles.map((file) => ({ ...file, tag: tags.newFile })),
  };
}

const nowhere = { offset: 0, length: 0 };

function trackedWals(version: Version): VersionEdit['walAdditions'] {
  return [...version.trackedWals].map(([number, syncedSize]) => ({ number, syncedSize, ...nowhere }));
}

function files(
  family: ColumnFamily,
): Pick<VersionEdit, 'newFiles' | 'blobFileAdditions' | 'blobFileGarbages'> {
  const tables = [...family.tables.values()].sort((a, b) => a.level - b.level || Number(a.number - b.number));
  const blobs = [...family.blobFiles.values()].sort((a, b) => Number(a.number - b.number));
  // with some epochs missing the engine would order level 0 anew by sequence; it takes all of them or none
  const withEpochs = tables.every((table) => table.epoch !== undefined);
  return {
    newFiles: tables.map((table) => newFile(table, withEpochs)),
    blobFileAdditions: blobs.map(({ number, totalCount, totalBytes, checksumMethod, checksum }) => ({
      number,
      totalCount,
      totalBytes,
      checksumMethod,
      checksum,
      ...nowhere,
    })),
    blobFileGarbages: blobs
      .filter((blob) => blob.garbageCount > 0n)
      .map(({ number, garbageCount, garbageBytes }) => ({ number, garbageCount, garbageBytes, ...nowhere })),
  };
}

function newFile(table: LiveTable, withEpoch: boolean): NewFile {
  const {
    columnFamily: _family,
    addedAt: _addedAt,
    entry: _entry,
    flushedLog: _log,
    epoch,
    unknown,
    ...description
  } = table;
  return {
    ...description,
    ...(withEpoch ? { epoch } : {}),
    tag: tags.newFile4,
    unknown: unknown ?? [],
    ...nowhere,
  };
}
