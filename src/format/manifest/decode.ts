/**
 * One logical record of a MANIFEST (rocksdb db/version_edit.cc `VersionEdit::DecodeFrom`):
 *
 *   { tag v32 | payload } … to the end of the record
 *
 * in any order; a record of no bytes is legal. See tags.ts for the tags and new-file.ts, nested.ts for their payloads.
 */
import { Cursor } from '../../bytes/cursor.js';
import type { Anomaly, Range } from '../../finding/finding.js';
import { type DialectName, dialectNamed } from '../dialect.js';
import { type EditField, emptyEdit, type FieldReader, type VersionEdit } from './edit.js';
import { readBlobFileAddition, readBlobFileGarbage, readWalAddition, toVarint64 } from './nested.js';
import { readInternalKey, readNewFile } from './new-file.js';
import { pebbleReaders } from './pebble-fields.js';
import { TAG_SAFE_IGNORE, tagName, tags } from './tags.js';
import { MAX_PARTS } from './version.js';

export interface DecodedEdit {
  edit: VersionEdit;
  /** Every field with its place in the record, in the order in which they stand. */
  fields: EditField[];
  /**
   * What the engine would stop at; at most one, since it gives up there and so does this decoder. Offsets are in the
   * record.
   */
  anomalies: Anomaly[];
  /** The edit has more fields than were asked for: those after them are not here. */
  beyond?: true;
}

/**
 * Fields of one edit that are decoded where a version may hold so many parts. A snapshot of a version has one for each table, in
 * one edit for each column family.
 */
export const fieldsFor = (parts: number): number => parts + 1000;

/** What a field reader returns: nothing, or what is wrong in the engine's words. */
type Problem = string | undefined;

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** A field that is one varint64. */
function number64(
  field: 'logNumber' | 'previousLogNumber' | 'minLogNumberToKeep' | 'nextFileNumber' | 'lastSequence',
  words: string,
): FieldReader {
  return (cursor, edit) => ((edit[field] = cursor.varint64()) === undefined ? words : undefined);
}

function newFile(tag: number): FieldReader {
  return (cursor, edit, offset) => {
    const file = readNewFile(cursor, tag, offset);
    if (typeof file === 'string') return file;
    edit.newFiles.push(file);
    if (file.minLogNumberToKeep !== undefined) edit.minLogNumberToKeep = file.minLogNumberToKeep;
    return undefined;
  };
}

const blobFileAddition: FieldReader = (cursor, edit, offset) => {
  const addition = readBlobFileAddition(cursor, offset);
  if (typeof addition === 'string') return addition;
  edit.blobFileAdditions.push(addition);
  return undefined;
};

const blobFileGarbage: FieldReader = (cursor, edit, offset) => {
  const garbage = readBlobFileGarbage(cursor, offset);
  if (typeof garbage === 'string') return garbage;
  edit.blobFileGarbages.push(garbage);
  return undefined;
};

const readers = new Map<number, FieldReader>([
  [
    tags.comparator,
    (cursor, edit) => {
      const name = cursor.lengthPrefixed();
      if (name === undefined) return 'comparator name';
      edit.comparator = latin1(name);
      return undefined;
    },
  ],
  [tags.logNumber, number64('logNumber', 'log number')],
  [tags.previousLogNumber, number64('previousLogNumber', 'previous log number')],
  [tags.nextFileNumber, number64('nextFileNumber', 'next file number')],
  [tags.lastSequence, number64('lastSequence', 'last sequence number')],
  // "kee" is how RocksDB spells it
  [tags.minLogNumberToKeep, number64('minLogNumberToKeep', 'min log number to kee')],
  [
    tags.maxColumnFamily,
    (cursor, edit) =>
      (edit.maxColumnFamily = cursor.varint32()) === undefined ? 'max column family' : undefined,
  ],
  [
    tags.compactCursor,
    (cursor, edit) => {
      const level = cursor.varint32();
      const key = level === undefined ? undefined : readInternalKey(cursor);
      if (level === undefined || key === undefined) return 'compaction cursor';
      edit.compactCursors.push({ level, key });
      return undefined;
    },
  ],
  [
    tags.deletedFile,
    (cursor, edit, offset) => {
      const level = cursor.varint32();
      const number = cursor.varint64();
      if (level === undefined || number === undefined) return 'deleted file';
      edit.deletedFiles.push({ level, number, offset, length: cursor.position - offset });
      return undefined;
    },
  ],
  [tags.newFile, newFile(tags.newFile)],
  [tags.newFile2, newFile(tags.newFile2)],
  [tags.newFile3, newFile(tags.newFile3)],
  [tags.newFile4, newFile(tags.newFile4)],
  [
    tags.columnFamily,
    (cursor, edit) => {
      const id = cursor.varint32();
      if (id === undefined) return 'set column family id';
      edit.columnFamily = id;
      return undefined;
    },
  ],
  [
    tags.columnFamilyAdd,
    (cursor, edit) => {
      const name = cursor.lengthPrefixed();
      if (name === undefined) return 'column family add';
      edit.columnFamilyAdd = utf8(name);
      return undefined;
    },
  ],
  [
    tags.columnFamilyDrop,
    (_cursor, edit) => {
      edit.columnFamilyDrop = true;
      return undefined;
    },
  ],
  [
    tags.inAtomicGroup,
    (cursor, edit) =>
      (edit.remainingInGroup = cursor.varint32()) === undefined ? 'remaining entries' : undefined,
  ],
  [tags.blobFileAddition, blobFileAddition],
  [tags.blobFileGarbage, blobFileGarbage],
  [tags.blobFileAdditionDeprecated, blobFileAddition],
  [tags.blobFileGarbageDeprecated, blobFileGarbage],
  [
    tags.databaseId,
    (cursor, edit) => {
      const id = cursor.lengthPrefixed();
      if (id === undefined) return 'db id';
      edit.databaseId = latin1(id);
      return undefined;
    },
  ],
  [
    tags.walAddition,
    (cursor, edit, offset) => {
      const addition = readWalAddition(cursor, offset);
      if (typeof addition === 'string') return addition;
      edit.walAdditions.push(addition);
      return undefined;
    },
  ],
  [
    tags.walDeletion,
    (cursor, edit) =>
      (edit.walDeletion = cursor.varint64()) === undefined
        ? 'WalDeletion: Error decoding log number'
        : undefined,
  ],
  [
    tags.fullHistoryTimestampLow,
    (cursor, edit) => {
      const timestamp = cursor.lengthPrefixed();
      if (timestamp === undefined) return 'full_history_ts_low';
      if (timestamp.length === 0) return 'full_history_ts_low: empty';
      edit.fullHistoryTimestampLow = timestamp.slice();
      return undefined;
    },
  ],
  [
    tags.walAddition2,
    (cursor, edit, offset) => {
      const encoded = cursor.lengthPrefixed();
      if (encoded === undefined) return 'wal addition';
      const addition = readWalAddition(new Cursor(encoded), 0);
      if (typeof addition === 'string') return addition;
      edit.walAdditions.push({ ...addition, offset, length: cursor.position - offset });
      return undefined;
    },
  ],
  [
    tags.walDeletion2,
    (cursor, edit) => {
      const encoded = cursor.lengthPrefixed();
      if (encoded === undefined) return 'wal deletion';
      edit.walDeletion = toVarint64(encoded);
      return edit.walDeletion === undefined ? 'WalDeletion: Error decoding log number' : undefined;
    },
  ],
  [
    tags.persistUserDefinedTimestamps,
    (cursor, edit) => {
      const value = cursor.lengthPrefixed();
      if (value === undefined) return 'persist_user_defined_timestamps';
      if (value.length !== 1) return 'persist_user_defined_timestamps field wrong size';
      edit.timestampsPersisted = value[0] === 1;
      return undefined;
    },
  ],
  [
    tags.subcompactionProgress,
    (cursor, edit) => {
      const encoded = cursor.lengthPrefixed();
      if (encoded === undefined) return 'subcompaction progress';
      edit.subcompactionProgress = encoded.slice();
      return undefined;
    },
  ],
  [
    tags.lastCompactedManifestSize,
    (cursor, edit) => {
      const encoded = cursor.lengthPrefixed();
      edit.lastCompactedManifestSize = encoded === undefined ? undefined : toVarint64(encoded);
      return edit.lastCompactedManifestSize === undefined ? 'last compacted manifest size' : undefined;
    },
  ],
]);

/** Fields of numbers alone are the same everywhere. */
const readersOfPebble = new Map<number, FieldReader>([...readers, ...pebbleReaders]);

const UNKNOWN_TAG = 'unknown tag';
const UNKNOWN_CUSTOM_FIELD = 'new-file4 custom field not supported';

function editAnomaly(
  range: Range,
  problem: string,
  tag: number | undefined,
  says: (problem: string, tag?: number) => string,
): Anomaly {
  const unknown = problem === UNKNOWN_TAG || problem === UNKNOWN_CUSTOM_FIELD;
  const evidence: Anomaly['evidence'] = { engine: says(problem, tag) };
  if (tag !== undefined) Object.assign(evidence, { tag, field: tagName(tag) });
  return {
    rule: unknown ? 'manifest/unknown-tag' : 'manifest/malformed-edit',
    ...range,
    message:
      tag === undefined
        ? 'the bytes at the end of the edit are no tag'
        : problem === UNKNOWN_TAG
          ? `tag ${tag} is not known and may not be skipped`
          : `${tagName(tag)} cannot be decoded: ${problem}`,
    evidence,
  };
}

/** The engine's sentence: nested decoders name themselves, the rest speaks for the edit. */
function engineText(problem: string): string {
  return /^(?:BlobFile|Wal)\w+: /.test(problem)
    ? `Corruption: ${problem}`
    : `Corruption: VersionEdit: ${problem}`;
}

/** Pebble says which read failed, not of what. */
function pebbleText(problem: string, tag?: number): string {
  return problem === UNKNOWN_TAG ? `MANIFEST: unknown tag: ${tag}` : `pebble: corrupt manifest: ${problem}`;
}

/** A level that the engine does not have. */
function levelProblem(tag: number, edit: VersionEdit, levels: number): Problem {
  const added = tag === tags.deletedFile ? undefined : edit.newFiles.at(-1)?.level;
  const deleted = tag === tags.deletedFile ? edit.deletedFiles.at(-1)?.level : undefined;
  if ((added ?? 0) >= levels) return 'new-file entry';
  return (deleted ?? 0) >= levels ? 'deleted file' : undefined;
}

/**
 * Decodes one record. What came before damage is in the edit; nothing after it is. Keys and byte fields are copies, so
 * the record's buffer may be reused.
 */
export function decodeVersionEdit(
  bytes: Uint8Array,
  dialect?: DialectName,
  most = fieldsFor(MAX_PARTS),
): DecodedEdit {
  // a Buffer's slice() would not copy
  const record = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const { tags: known, levels } = dialectNamed(dialect).manifest;
  const fieldReaders = dialect === 'pebble' ? readersOfPebble : readers;
  const cursor = new Cursor(record);
  const edit = emptyEdit();
  const fields: EditField[] = [];
  const anomalies: Anomaly[] = [];
  const stop = (offset: number, problem: string, tag?: number): DecodedEdit => {
    const at = { offset, length: record.length - offset };
    anomalies.push(editAnomaly(at, problem, tag, dialect === 'pebble' ? pebbleText : engineText));
    return { edit, fields, anomalies };
  };

  while (cursor.remaining > 0) {
    if (fields.length >= most) return { edit, fields, anomalies, beyond: true };
    const offset = cursor.position;
    const tag = cursor.varint32();
    if (tag === undefined) return stop(offset, 'invalid tag');
    const read = fieldReaders.get(tag);
    if (read === undefined || known?.has(tag) === false) {
      if (known !== undefined || (tag & TAG_SAFE_IGNORE) === 0) {
        return stop(offset, UNKNOWN_TAG, tag);
      }
      const value = cursor.lengthPrefixed();
      if (value === undefined) {
        return stop(offset, 'safely ignoreable tag length error', tag);
      }
      edit.unknown.push({ tag, value: value.slice() });
    } else {
      const problem =
        read(cursor, edit, offset) ?? (levels === undefined ? undefined : levelProblem(tag, edit, levels));
      if (problem !== undefined) return stop(offset, problem, tag);
    }
    fields.push({ tag, offset, length: cursor.position - offset });
  }
  return { edit, fields, anomalies };
}
