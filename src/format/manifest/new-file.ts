/**
 * A table in a version edit (rocksdb db/version_edit.cc `DecodeNewFile4From`):
 *
 *   tag 7    level v32 | number v64 | size v64 | smallest | largest
 *   tag 100  … as 7 | smallest sequence v64 | largest sequence v64
 *   tag 102  level v32 | number v64 | path id v32 | size v64 | smallest | largest | sequences
 *   tag 103  … as 100 | custom fields { id v32 | length v32 | value }… | 1
 *
 * Keys are internal keys after a varint32 length.
 */

import type { Cursor } from '../../bytes/cursor.js';
import { MAX_SEQUENCE } from '../sst/internal-key.js';
import type { NewFile } from './edit.js';
import { bool1, fixed64, toVarint64 } from './nested.js';
import { CUSTOM_NOT_IGNORABLE, customFields, internalKeyTypes, tags } from './tags.js';

const TRAILER = 8;

/** An internal key after its length, copied so that it may outlive the record. `undefined` when it is not one. */
export function readInternalKey(cursor: Cursor): Uint8Array | undefined {
  const key = cursor.lengthPrefixed();
  if (key === undefined || key.length < TRAILER) return undefined;
  return internalKeyTypes.has(key[key.length - TRAILER]) ? key.slice() : undefined;
}

/** What the engine calls the entry after a tag. */
export function newFileEntry(tag: number): string {
  const form = tag === tags.newFile ? '' : tag === tags.newFile2 ? '2' : tag === tags.newFile3 ? '3' : '4';
  return `new-file${form} entry`;
}

/** Reads the entry after its tag. A string says what is wrong, in the engine's words. */
export function readNewFile(cursor: Cursor, tag: number, entryOffset: number): NewFile | string {
  const problem = newFileEntry(tag);
  const level = cursor.varint32();
  const number = cursor.varint64();
  const pathId = tag === tags.newFile3 ? cursor.varint32() : 0;
  const size = cursor.varint64();
  const smallest = size === undefined ? undefined : readInternalKey(cursor);
  const largest = smallest === undefined ? undefined : readInternalKey(cursor);
  const sequenced = tag !== tags.newFile;
  const smallestSequence = sequenced ? cursor.varint64() : 0n;
  const largestSequence = sequenced ? cursor.varint64() : MAX_SEQUENCE;
  if (
    level === undefined ||
    number === undefined ||
    pathId === undefined ||
    size === undefined ||
    smallest === undefined ||
    largest === undefined ||
    smallestSequence === undefined ||
    largestSequence === undefined
  ) {
    return problem;
  }
  const file: NewFile = {
    tag,
    level,
    number,
    pathId,
    size,
    smallest,
    largest,
    smallestSequence,
    largestSequence,
    unknown: [],
    offset: entryOffset,
    length: 0,
  };
  if (tag === tags.newFile4) {
    const wrong = readCustomFields(cursor, file);
    if (wrong !== undefined) return wrong;
  }
  file.length = cursor.position - entryOffset;
  return file;
}

function readCustomFields(cursor: Cursor, file: NewFile): string | undefined {
  for (;;) {
    const id = cursor.varint32();
    if (id === undefined) return 'new-file4 custom field';
    if (id === customFields.terminate) return undefined;
    const value = cursor.lengthPrefixed();
    if (value === undefined) return 'new-file4 custom field length prefixed slice error';
    const wrong = applyCustomField(file, id, value);
    if (wrong !== undefined) return wrong;
  }
}

function applyCustomField(file: NewFile, id: number, value: Uint8Array): string | undefined {
  switch (id) {
    case customFields.needsCompaction: {
      const needed = bool1(value);
      if (needed === undefined) return 'need_compaction field wrong size';
      file.needsCompaction = needed;
      return undefined;
    }
    case customFields.minLogNumberToKeepHack:
      return (file.minLogNumberToKeep = fixed64(value)) === undefined ? 'invalid log number' : undefined;
    case customFields.oldestBlobFile:
      return (file.oldestBlobFile = toVarint64(value)) === undefined
        ? 'invalid oldest blob file number'
        : undefined;
    case customFields.oldestAncestorTime:
      return (file.oldestAncestorTime = toVarint64(value)) === undefined
        ? 'invalid oldest ancester time'
        : undefined;
    case customFields.fileCreationTime:
      return (file.creationTime = toVarint64(value)) === undefined ? 'invalid file creation time' : undefined;
    case customFields.fileChecksum:
      file.fileChecksum = value.slice();
      return undefined;
    case customFields.fileChecksumFunction:
      file.fileChecksumFunction = Buffer.from(value).toString('utf8');
      return undefined;
    case customFields.temperature:
      if (value.length !== 1) return 'temperature field wrong size';
      file.temperature = value[0];
      return undefined;
    case customFields.minTimestamp:
      file.minTimestamp = value.slice();
      return undefined;
    case customFields.maxTimestamp:
      file.maxTimestamp = value.slice();
      return undefined;
    case customFields.uniqueId:
      if (value.length !== 16) return 'invalid unique id';
      file.uniqueId = value.slice();
      return undefined;
    case customFields.epochNumber:
      return (file.epoch = toVarint64(value)) === undefined ? 'invalid epoch number' : undefined;
    case customFields.compensatedRangeDeletionSize:
      return (file.compensatedRangeDeletionSize = toVarint64(value)) === undefined
        ? 'Invalid compensated range deletion size'
        : undefined;
    case customFields.tailSize:
      return (file.tailSize = toVarint64(value)) === undefined ? 'invalid tail start offset' : undefined;
    case customFields.timestampsPersisted:
      if (value.length !== 1) return 'user-defined timestamps persisted field wrong size';
      file.timestampsPersisted = value[0] === 1;
      return undefined;
    case customFields.openMetadata:
      file.openMetadata = value.slice();
      return undefined;
    case customFields.pathId:
      if (value.length !== 1) return 'path_id field wrong size';
      if (value[0] > 3) return 'path_id wrong vaue';
      file.pathId = value[0];
      return undefined;
    default:
      if ((id & CUSTOM_NOT_IGNORABLE) !== 0) return 'new-file4 custom field not supported';
      file.unknown.push({ id, value: value.slice() });
      return undefined;
  }
}
