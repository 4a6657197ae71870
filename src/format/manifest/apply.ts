/**
 * What one version edit does to the version (rocksdb db/version_edit_handler.cc, db/version_builder.cc, db/wal_edit.cc).
 * An edit takes the first branch that fits: column family added, dropped, WAL added, WALs forgotten, anything else. Only the
 * last one applies files. Where the engine would refuse, a problem is reported in its words and what remains is applied as
 * well as it can be, so that one bad entry does not hide the rest.
 */
import type { RuleId } from '../../finding/catalog.js';
import type { Range } from '../../finding/finding.js';
import { fileName } from '../filename.js';
import type { BlobFileAddition, BlobFileGarbage, NewFile, VersionEdit } from './edit.js';
import { PEBBLE_LEVELS } from './tags.js';
import type { ColumnFamily, LiveTable, Version } from './version.js';

/** Something that the engine refuses in an edit; the range is in the edit's record. */
interface EditProblem extends Range {
  rule: RuleId;
  message: string;
  /** The engine's text without the leading `Corruption: `; absent where it accepts in silence. */
  engine?: string;
  /** What Pebble says. */
  pebble?: string;
}

/** What applying needs to know of the record that an edit stands in. */
export interface EditPlace {
  /** File offset of the record. */
  offset: number;
  /** Payload length of the record in bytes. */
  length: number;
  /** The range of the file that a range of the record came from. */
  inFile(range: Range): Range;
  report(problem: EditProblem): void;
  /** What an earlier replay of the same file came to: its tables are taken where they stand in the same record. */
  held?: Version;
}

export function newColumnFamily(id: number, name: string): ColumnFamily {
  return {
    id,
    name,
    comparator: '',
    logNumber: 0n,
    timestampsPersisted: true,
    compactCursors: new Map(),
    tables: new Map(),
    blobFiles: new Map(),
  };
}

/** The version before the first edit: the default column family is there without being added. */
export function emptyVersion(): Version {
  return {
    columnFamilies: new Map([[0, newColumnFamily(0, 'default')]]),
    droppedColumnFamilies: new Map(),
    minLogNumberToKeep: 0n,
    trackedWals: new Map(),
    backings: new Map(),
    valueFiles: new Map(),
  };
}

/** State of a replay beside the version itself. */
export interface ManifestReplayState {
  version: Version;
  /** WALs below it have been forgotten; additions of them are ignored. */
  forgottenWals: bigint;
  /** Some edit set a log number; without one the engine refuses the MANIFEST. */
  logNumberSeen: boolean;
  /** RocksDB's only grow. LevelDB and Pebble take what the last edit says (leveldb version_set.cc `Recover`, pebble version_set.go `load`). */
  logNumberOnlyGrows: boolean;
}

const whole = (place: EditPlace): Range => ({ offset: 0, length: place.length });

export function applyEdit(state: ManifestReplayState, edit: VersionEdit, place: EditPlace): void {
  const { version } = state;
  let family = version.columnFamilies.get(edit.columnFamily);
  if (edit.columnFamilyAdd !== undefined) {
    family = addColumnFamily(version, edit, edit.columnFamilyAdd, place);
  } else if (edit.columnFamilyDrop) {
    dropColumnFamily(version, family, place);
    family = undefined;
  } else if (edit.walAdditions.length > 0) {
    for (const wal of edit.walAdditions) addWal(state, wal.number, wal.syncedSize, wal, place);
  } else if (edit.walDeletion !== undefined) {
    forgetWals(state, edit.walDeletion);
  } else if (family === undefined) {
    place.report({
      ...whole(place),
      rule: 'manifest/unknown-column-family',
      message: `the edit is for column family ${edit.columnFamily}, which was never added${
        version.droppedColumnFamilies.has(edit.columnFamily) ? ' or has been dropped' : ''
      }`,
      engine: 'MANIFEST record referencing unknown column family',
    });
  } else {
    applyBackings(version, edit, place);
    applyFiles(family, edit, place);
    for (const number of edit.removedBackings) version.backings.delete(number);
  }
  applyScalars(state, family, edit);
}

function addColumnFamily(
  version: Version,
  edit: VersionEdit,
  name: string,
  place: EditPlace,
): ColumnFamily | undefined {
  const known = version.columnFamilies.get(edit.columnFamily);
  if (known !== undefined) {
    place.report({
      ...whole(place),
      rule: 'manifest/duplicate-column-family',
      message: `column family ${edit.columnFamily} (${name}) is added a second time`,
      engine: `MANIFEST adding the same column family twice: ${name}`,
    });
    return known;
  }
  for (const file of edit.newFiles) {
    place.report({
      offset: file.offset,
      length: file.length,
      rule: 'manifest/ignored-file',
      message: `table ${file.number} is added in the edit that adds its column family, where the engine ignores it`,
    });
  }
  const family = newColumnFamily(edit.columnFamily, name);
  version.columnFamilies.set(edit.columnFamily, family);
  // only opens and drops state the largest id: what is added after one raises it (ColumnFamilySet::UpdateMaxColumnFamily)
  version.maxColumnFamily = Math.max(version.maxColumnFamily ?? 0, edit.columnFamily);
  return family;
}

function dropColumnFamily(version: Version, family: ColumnFamily | undefined, place: EditPlace): void {
  if (family === undefined) {
    place.report({
      ...whole(place),
      rule: 'manifest/unknown-column-family',
      message: 'a column family is dropped that does not exist',
      engine: 'MANIFEST - dropping non-existing column family',
    });
    return;
  }
  version.columnFamilies.delete(family.id);
  version.droppedColumnFamilies.set(family.id, family.name);
}

function addWal(
  state: ManifestReplayState,
  number: bigint,
  syncedSize: bigint | undefined,
  range: Range,
  place: EditPlace,
): void {
  if (number < state.forgottenWals) return;
  const { trackedWals } = state.version;
  if (trackedWals.has(number) && syncedSize === undefined) {
    place.report({
      offset: range.offset,
      length: range.length,
      rule: 'manifest/wal-created-twice',
      message: `WAL ${number} is created a second time`,
      engine: `WalSet::AddWal: WAL ${number} is created more than once`,
    });
    return;
  }
  const known = trackedWals.get(number);
  if (known === undefined || syncedSize === undefined || syncedSize > known) {
    trackedWals.set(number, syncedSize);
  }
}

function forgetWals(state: ManifestReplayState, below: bigint): void {
  if (below < state.forgottenWals) return;
  state.forgottenWals = below;
  for (const number of state.version.trackedWals.keys()) {
    if (number < below) state.version.trackedWals.delete(number);
  }
}

/** Pebble's files after virtual tables and after values, those that are gone first: a number may come back. */
function applyBackings(version: Version, edit: VersionEdit, place: EditPlace): void {
  const { backings, valueFiles } = version;
  for (const { offset, length, ...file } of edit.valueFiles)
    valueFiles.set(file.id, { ...file, entry: place.inFile({ offset, length }) });
  for (const { id, number } of edit.removedValueFiles)
    if (valueFiles.get(id)?.number === number) valueFiles.delete(id);
  for (const { number, size, ...range } of edit.backings)
    backings.set(number, { number, size, entry: place.inFile(range) });
  for (const number of edit.removedBackings)
    if (!backings.has(number)) version.unknownBackingRemoved ??= number;
  for (const { number, backing, offset, length } of edit.newFiles) {
    if (backing === undefined || backings.has(backing)) continue;
    place.report({
      offset,
      length,
      rule: 'manifest/missing-backing',
      message: `table ${number} is a part of ${fileName('table', backing)}, which no edit up to here names as a backing`,
      pebble: 'TableBacking for virtual sstable must not be nil',
    });
  }
}

/** In this order whatever the order in the record, so that a deletion and an addition of one number move a table. */
function applyFiles(family: ColumnFamily, edit: VersionEdit, place: EditPlace): void {
  for (const blob of edit.blobFileAdditions) addBlobFile(family, blob, place);
  for (const garbage of edit.blobFileGarbages) addGarbage(family, garbage, place);
  for (const { level, number, offset, length } of edit.deletedFiles) {
    const table = family.tables.get(number);
    const also = family.alsoLive?.get(number);
    if (also?.delete(level)) continue;
    if (table?.level === level) {
      const [other] = also?.values() ?? [];
      if (other === undefined) family.tables.delete(number);
      else {
        also!.delete(other.level);
        family.tables.set(number, other);
      }
      continue;
    }
    const where = table === undefined ? 'not in the LSM tree' : `on level ${table.level}`;
    place.report({
      offset,
      length,
      rule: 'manifest/deleted-file-not-live',
      message: `table ${number} is deleted from level ${level} but is ${where}`,
      engine: `VersionBuilder: Cannot delete table file #${number} from level ${level} since it is ${where}`,
      pebble: `pebble: file deleted L${level}.${String(number).padStart(6, '0')} before it was inserted`,
    });
    family.tables.delete(number);
  }
  for (const file of edit.newFiles) addTable(family, file, place);
  for (const { level, key } of edit.compactCursors) family.compactCursors.set(level, key);
}

function addTable(family: ColumnFamily, file: NewFile, place: EditPlace): void {
  const known = family.tables.get(file.number);
  if (known !== undefined) {
    place.report({
      offset: file.offset,
      length: file.length,
      rule: 'manifest/file-added-twice',
      message: `table ${file.number} is added to level ${file.level} but is already on level ${known.level}`,
      engine:
        `VersionBuilder: Cannot add table file #${file.number} to level ${file.level} since it is already in the ` +
        `LSM tree on level ${known.level}`,
    });
    if (known.level !== file.level && known.level < PEBBLE_LEVELS) {
      family.alsoLive ??= new Map();
      const levels = family.alsoLive.get(file.number) ?? new Map<number, LiveTable>();
      family.alsoLive.set(file.number, levels.set(known.level, known));
      levels.delete(file.level);
    }
  }
  family.tables.set(file.number, heldTable(family.id, file, place) ?? liveTable(family.id, file, place));
}

/** The table as an earlier replay has it: of very many, one copy is enough. */
function heldTable(id: number, file: NewFile, { held, offset }: EditPlace): LiveTable | undefined {
  const table = held?.columnFamilies.get(id)?.tables.get(file.number);
  const same =
    table?.addedAt === offset &&
    table.entry.length === file.length &&
    table.level === file.level &&
    table.size === file.size &&
    table.smallestSequence === file.smallestSequence &&
    table.largestSequence === file.largestSequence;
  return same ? table : undefined;
}

function liveTable(columnFamily: number, file: NewFile, place: EditPlace): LiveTable {
  return {
    columnFamily,
    level: file.level,
    number: file.number,
    pathId: file.pathId,
    size: file.size,
    smallest: file.smallest,
    largest: file.largest,
    smallestSequence: file.smallestSequence,
    largestSequence: file.largestSequence,
    uniqueId: file.uniqueId,
    fileChecksum: file.fileChecksum,
    fileChecksumFunction: file.fileChecksumFunction,
    epoch: file.epoch === 0n ? undefined : file.epoch,
    tailSize: file.tailSize,
    oldestBlobFile: file.oldestBlobFile === 0n ? undefined : file.oldestBlobFile,
    timestampsPersisted: file.timestampsPersisted,
    needsCompaction: file.needsCompaction,
    oldestAncestorTime: file.oldestAncestorTime,
    creationTime: file.creationTime,
    temperature: file.temperature,
    minTimestamp: file.minTimestamp,
    maxTimestamp: file.maxTimestamp,
    compensatedRangeDeletionSize: file.compensatedRangeDeletionSize,
    openMetadata: file.openMetadata,
    ...(file.backing !== undefined && { backing: file.backing }),
    ...(file.points && { points: file.points }),
    ...(file.rangeKeys && { rangeKeys: file.rangeKeys }),
    ...(file.synthetic && { synthetic: true }),
    ...(file.blobReferences && { blobReferences: file.blobReferences }),
    ...(file.unknown.length > 0 ? { unknown: file.unknown } : {}),
    addedAt: place.offset,
    entry: place.inFile(file),
  };
}

function addBlobFile(family: ColumnFamily, blob: BlobFileAddition, place: EditPlace): void {
  if (family.blobFiles.has(blob.number)) {
    place.report({
      offset: blob.offset,
      length: blob.length,
      rule: 'manifest/blob-file-state',
      message: `blob file ${blob.number} is added a second time`,
      engine: `VersionBuilder: Blob file #${blob.number} already added`,
    });
    return;
  }
  family.blobFiles.set(blob.number, {
    columnFamily: family.id,
    number: blob.number,
    totalCount: blob.totalCount,
    totalBytes: blob.totalBytes,
    garbageCount: 0n,
    garbageBytes: 0n,
    checksumMethod: blob.checksumMethod,
    checksum: blob.checksum,
    entry: place.inFile(blob),
  });
}

function addGarbage(family: ColumnFamily, garbage: BlobFileGarbage, place: EditPlace): void {
  const { offset, length, number } = garbage;
  const blob = family.blobFiles.get(number);
  if (blob === undefined) {
    place.report({
      offset,
      length,
      rule: 'manifest/blob-file-state',
      message: `garbage is counted in blob file ${number}, which is not live`,
      engine: `VersionBuilder: Blob file #${number} not found`,
    });
    return;
  }
  blob.garbageCount += garbage.garbageCount;
  blob.garbageBytes += garbage.garbageBytes;
  if (blob.garbageCount > blob.totalCount || blob.garbageBytes > blob.totalBytes) {
    place.report({
      offset,
      length,
      rule: 'manifest/blob-file-state',
      message: `blob file ${number} has more garbage than blobs`,
      engine: `VersionBuilder: Garbage overflow for blob file #${number}`,
    });
  }
}

/** The last value of a scalar wins; the smallest log to keep, and with RocksDB a column family's log number, only grow. */
function applyScalars(state: ManifestReplayState, family: ColumnFamily | undefined, edit: VersionEdit): void {
  const { version } = state;
  if (edit.logNumber !== undefined) state.logNumberSeen = true;
  if (family !== undefined) {
    if (edit.logNumber !== undefined && (!state.logNumberOnlyGrows || edit.logNumber > family.logNumber)) {
      family.logNumber = edit.logNumber;
      family.flushedSequence = edit.lastSequence ?? version.lastSequence;
      // only edits of a running database give out numbers
      family.isFlushKnown = edit.nextFileNumber !== undefined;
    }
    for (const { number } of edit.newFiles) {
      const table = family.tables.get(number);
      if (table !== undefined) table.flushedLog = family.logNumber;
    }
    if (edit.comparator !== undefined) family.comparator = edit.comparator;
    if (edit.timestampsPersisted !== undefined) family.timestampsPersisted = edit.timestampsPersisted;
    if (edit.fullHistoryTimestampLow !== undefined) {
      family.fullHistoryTimestampLow = edit.fullHistoryTimestampLow;
    }
  }
  if (edit.databaseId !== undefined) version.databaseId = edit.databaseId;
  if (edit.previousLogNumber !== undefined) version.previousLogNumber = edit.previousLogNumber;
  if (edit.nextFileNumber !== undefined) version.nextFileNumber = edit.nextFileNumber;
  if (edit.lastSequence !== undefined) version.lastSequence = edit.lastSequence;
  if (edit.maxColumnFamily !== undefined) version.maxColumnFamily = edit.maxColumnFamily;
  if (edit.minLogNumberToKeep !== undefined && edit.minLogNumberToKeep > version.minLogNumberToKeep) {
    version.minLogNumberToKeep = edit.minLogNumberToKeep;
  }
}
