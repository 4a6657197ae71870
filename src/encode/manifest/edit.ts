import type { BlobFileAddition, NewFile, VersionEdit, WalAddition } from '../../format/manifest/edit.js';
import { pebbleCustomFields } from '../../format/manifest/pebble-fields.js';
import { customFields, pebbleOwnTags, tags } from '../../format/manifest/tags.js';
import { shownOrderOf } from '../../format/sst/comparator.js';
import { ByteBuilder } from '../byte-builder.js';

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const utf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/**
 * The bytes of a version edit, fields in the order in which RocksDB writes them (db/version_edit.cc
 * `VersionEdit::EncodeTo`). Tables are written with the tag that they were read with; WAL entries in their length-prefixed
 * form, which readers may skip.
 */
export function encodeVersionEdit(edit: VersionEdit): Uint8Array {
  const out = new ByteBuilder();
  if (edit.databaseId !== undefined) out.varint(tags.databaseId).lengthPrefixed(latin1(edit.databaseId));
  if (edit.comparator !== undefined) {
    out.varint(tags.comparator).lengthPrefixed(latin1(shownOrderOf(edit.comparator).name));
  }
  putNumber(out, tags.logNumber, edit.logNumber);
  putNumber(out, tags.previousLogNumber, edit.previousLogNumber);
  putNumber(out, tags.nextFileNumber, edit.nextFileNumber);
  putNumber(out, tags.maxColumnFamily, edit.maxColumnFamily);
  putNumber(out, tags.minLogNumberToKeep, edit.minLogNumberToKeep);
  putNumber(out, tags.lastSequence, edit.lastSequence);
  for (const { level, key } of edit.compactCursors) {
    out.varint(tags.compactCursor).varint(level).lengthPrefixed(key);
  }
  for (const { level, number } of edit.deletedFiles) {
    out.varint(tags.deletedFile).varint(level).varint(number);
  }
  for (const { number, size } of edit.backings) out.varint(pebbleOwnTags.backing).varint(number).varint(size);
  for (const file of edit.newFiles) putNewFile(out, file);
  for (const number of edit.removedBackings) out.varint(pebbleOwnTags.removedBacking).varint(number);
  for (const { id, number, size, valueBytes, time } of edit.valueFiles)
    out
      .varint(pebbleOwnTags.newBlobFile)
      .varint(id)
      .varint(number)
      .varint(size)
      .varint(valueBytes)
      .varint(time);
  for (const { id, number } of edit.removedValueFiles)
    out.varint(pebbleOwnTags.deletedBlobFile).varint(id).varint(number);
  for (const blob of edit.blobFileAdditions) putBlobFileAddition(out, blob);
  for (const garbage of edit.blobFileGarbages) {
    out.varint(tags.blobFileGarbage).varint(garbage.number);
    out.varint(garbage.garbageCount).varint(garbage.garbageBytes).varint(0);
  }
  for (const wal of edit.walAdditions) {
    out.varint(tags.walAddition2).lengthPrefixed(walAddition(wal));
  }
  if (edit.walDeletion !== undefined) {
    out.varint(tags.walDeletion2).lengthPrefixed(varint64(edit.walDeletion));
  }
  if (edit.columnFamily !== 0) out.varint(tags.columnFamily).varint(edit.columnFamily);
  if (edit.columnFamilyAdd !== undefined) {
    out.varint(tags.columnFamilyAdd).lengthPrefixed(utf8(edit.columnFamilyAdd));
  }
  if (edit.columnFamilyDrop) out.varint(tags.columnFamilyDrop);
  putNumber(out, tags.inAtomicGroup, edit.remainingInGroup);
  putBytes(out, tags.fullHistoryTimestampLow, edit.fullHistoryTimestampLow);
  if (edit.timestampsPersisted !== undefined) {
    putBytes(out, tags.persistUserDefinedTimestamps, flag(edit.timestampsPersisted));
  }
  putBytes(out, tags.subcompactionProgress, edit.subcompactionProgress);
  if (edit.lastCompactedManifestSize !== undefined) {
    putBytes(out, tags.lastCompactedManifestSize, varint64(edit.lastCompactedManifestSize));
  }
  for (const { tag, value } of edit.unknown) out.varint(tag).lengthPrefixed(value);
  return out.finish();
}

function putNumber(out: ByteBuilder, tag: number, value: number | bigint | undefined): void {
  if (value !== undefined) out.varint(tag).varint(value);
}

function putBytes(out: ByteBuilder, tag: number, value: Uint8Array | undefined): void {
  if (value !== undefined) out.varint(tag).lengthPrefixed(value);
}

function varint64(value: bigint): Uint8Array {
  return new ByteBuilder().varint(value).finish();
}

function flag(value: boolean): Uint8Array {
  return Uint8Array.of(value ? 1 : 0);
}

function walAddition({ number, syncedSize }: WalAddition): Uint8Array {
  const out = new ByteBuilder().varint(number);
  if (syncedSize !== undefined) out.varint(2).varint(syncedSize);
  return out.varint(1).finish();
}

function putBlobFileAddition(out: ByteBuilder, blob: BlobFileAddition): void {
  out.varint(tags.blobFileAddition).varint(blob.number).varint(blob.totalCount).varint(blob.totalBytes);
  out.lengthPrefixed(utf8(blob.checksumMethod)).lengthPrefixed(blob.checksum).varint(0);
}

function putNewFile(out: ByteBuilder, file: NewFile): void {
  out.varint(file.tag).varint(file.level).varint(file.number);
  if (file.tag === tags.newFile3) out.varint(file.pathId);
  out.varint(file.size);
  if (file.tag === pebbleOwnTags.newFile5) putSeparateBounds(out, file);
  else out.lengthPrefixed(file.smallest).lengthPrefixed(file.largest);
  if (file.tag === tags.newFile) return;
  out.varint(file.smallestSequence).varint(file.largestSequence);
  if (file.tag === tags.newFile4) putCustomFields(out, file);
  if (file.tag === pebbleOwnTags.newFile5) {
    putBacking(out, file);
    out.varint(customFields.terminate);
  }
}

/** Pebble's bounds of points and of range keys, and which of them are those of the table (format/manifest/pebble-fields.ts). */
function putSeparateBounds(out: ByteBuilder, { points, rangeKeys, smallest, largest }: NewFile): void {
  const same = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && Buffer.compare(a, b) === 0;
  const marker =
    (points ? 1 : 0) | (same(points?.smallest, smallest) ? 2 : 0) | (same(points?.largest, largest) ? 4 : 0);
  out.u8(marker);
  for (const bounds of [points, rangeKeys])
    if (bounds !== undefined) out.lengthPrefixed(bounds.smallest).lengthPrefixed(bounds.largest);
}

function putCustomFields(out: ByteBuilder, file: NewFile): void {
  const field = (id: number, value: Uint8Array | undefined) => {
    if (value !== undefined) out.varint(id).lengthPrefixed(value);
  };
  const number = (id: number, value: bigint | undefined) =>
    field(id, value === undefined ? undefined : varint64(value));
  number(customFields.oldestAncestorTime, file.oldestAncestorTime);
  number(customFields.fileCreationTime, file.creationTime);
  number(customFields.epochNumber, file.epoch);
  field(customFields.fileChecksum, file.fileChecksum);
  field(
    customFields.fileChecksumFunction,
    file.fileChecksumFunction === undefined ? undefined : utf8(file.fileChecksumFunction),
  );
  if (file.pathId !== 0) field(customFields.pathId, Uint8Array.of(file.pathId));
  if (file.temperature !== undefined) field(customFields.temperature, Uint8Array.of(file.temperature));
  if (file.needsCompaction !== undefined) field(customFields.needsCompaction, flag(file.needsCompaction));
  if (file.minLogNumberToKeep !== undefined) {
    field(customFields.minLogNumberToKeepHack, new ByteBuilder().u64(file.minLogNumberToKeep).finish());
  }
  number(customFields.oldestBlobFile, file.oldestBlobFile);
  field(customFields.minTimestamp, file.minTimestamp);
  field(customFields.maxTimestamp, file.maxTimestamp);
  field(customFields.uniqueId, file.uniqueId);
  number(customFields.compensatedRangeDeletionSize, file.compensatedRangeDeletionSize);
  number(customFields.tailSize, file.tailSize);
  if (file.timestampsPersisted === false) field(customFields.timestampsPersisted, Uint8Array.of(0));
  field(customFields.openMetadata, file.openMetadata);
  for (const { id, value } of file.unknown) field(id, value);
  putBacking(out, file);
  out.varint(customFields.terminate);
}

function putBacking(out: ByteBuilder, { backing }: NewFile): void {
  if (backing !== undefined) out.varint(pebbleCustomFields.virtual).varint(backing);
}
