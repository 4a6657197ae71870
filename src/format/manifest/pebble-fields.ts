/**
 * Fields of an edit that Pebble writes differently from RocksDB, or alone (pebble internal/manifest/version_edit.go):
 *
 *   tag 7, 100, 102  level | number | [path id] | size | smallest | largest | [smallest and largest sequence]
 *   tag 103          … as 100 | custom fields
 *   tag 104          level | number | size | u8 marker | [point bounds] | range-key bounds | sequences | custom fields
 *   tag 105, 106     a backing: number | size; one that is gone: number
 *   tag 107, 108     a blob file: id | disk number | size | size of values | time; one that is gone: id | disk number
 *   tag 10           an excise: start | end | kind | sequence
 *   tag 11           level | number
 *
 * Numbers are varints. Custom fields are an id and, with a few exceptions, a value after its length, until id 1.
 */
import type { Cursor } from '../../bytes/cursor.js';
import { KEY_TRAILER, MAX_SEQUENCE } from '../sst/internal-key.js';
import type { FieldReader, NewFile } from './edit.js';
import { CUSTOM_NOT_IGNORABLE, customFields, pebbleOwnTags, tags } from './tags.js';

/** Ids of custom fields. The backing of a virtual table stands without a length, and so do references to blob files. */
export const pebbleCustomFields = {
  path: 65,
  virtual: 66,
  syntheticPrefix: 67,
  syntheticSuffix: 68,
  blobs: 69,
  sizedBlobs: 70,
};

/** Bits of the marker of tag 104. */
const HAS_POINTS = 1;
const SMALLEST_IS_POINT = 2;
const LARGEST_IS_POINT = 4;

const TABLE = 'a table';

/** An internal key after its length; what kind it is of is not looked at. */
function key(cursor: Cursor): Uint8Array | undefined {
  const bytes = cursor.lengthPrefixed();
  return bytes === undefined || bytes.length < KEY_TRAILER ? undefined : bytes.slice();
}

interface Bounds {
  smallest: Uint8Array;
  largest: Uint8Array;
}

function bounds(cursor: Cursor): Bounds | undefined {
  const smallest = key(cursor);
  const largest = smallest && key(cursor);
  return smallest && largest && { smallest, largest };
}

/** Bounds of tag 104: those of points and of range keys, and of both together. */
function separateBounds(cursor: Cursor): (Bounds & { points?: Bounds; rangeKeys: Bounds }) | undefined {
  const marker = cursor.u8();
  if (marker === undefined) return undefined;
  const hasPoints = (marker & HAS_POINTS) !== 0;
  const points = hasPoints ? bounds(cursor) : undefined;
  if (hasPoints && points === undefined) return undefined;
  const rangeKeys = bounds(cursor);
  if (rangeKeys === undefined) return undefined;
  return {
    smallest: (points && (marker & SMALLEST_IS_POINT) !== 0 ? points : rangeKeys).smallest,
    largest: (points && (marker & LARGEST_IS_POINT) !== 0 ? points : rangeKeys).largest,
    ...(points && { points }),
    rangeKeys,
  };
}

function readTable(cursor: Cursor, tag: number, entryOffset: number): NewFile | string {
  const level = cursor.varint32();
  const number = cursor.varint64();
  const pathId = tag === tags.newFile3 ? cursor.varint32() : 0;
  const size = cursor.varint64();
  if (level === undefined || number === undefined || pathId === undefined || size === undefined) return TABLE;
  const found = tag === pebbleOwnTags.newFile5 ? separateBounds(cursor) : bounds(cursor);
  if (found === undefined) return TABLE;
  const sequenced = tag !== tags.newFile;
  const smallestSequence = sequenced ? cursor.varint64() : 0n;
  const largestSequence = sequenced ? cursor.varint64() : MAX_SEQUENCE;
  if (smallestSequence === undefined || largestSequence === undefined) return TABLE;
  const file: NewFile = {
    tag,
    level,
    number,
    pathId,
    size,
    ...found,
    smallestSequence,
    largestSequence,
    unknown: [],
    offset: entryOffset,
    length: 0,
  };
  if (tag === tags.newFile4 || tag === pebbleOwnTags.newFile5) {
    const wrong = readCustomFields(cursor, file);
    if (wrong !== undefined) return wrong;
  }
  file.length = cursor.position - entryOffset;
  return file;
}

function readCustomFields(cursor: Cursor, file: NewFile): string | undefined {
  for (;;) {
    const id = cursor.varint32();
    if (id === undefined) return TABLE;
    if (id === customFields.terminate) return undefined;
    if (id === pebbleCustomFields.virtual) {
      file.backing = cursor.varint64();
      if (file.backing === undefined) return TABLE;
    } else if (id === pebbleCustomFields.blobs || id === pebbleCustomFields.sizedBlobs) {
      if (!readBlobReferences(cursor, file, id === pebbleCustomFields.sizedBlobs)) return TABLE;
    } else {
      const value = cursor.lengthPrefixed();
      if (value === undefined) return TABLE;
      const known = id === pebbleCustomFields.syntheticPrefix || id === pebbleCustomFields.syntheticSuffix;
      if (known) file.synthetic = true;
      else if ((id & CUSTOM_NOT_IGNORABLE) !== 0) return 'new-file4 custom field not supported';
    }
  }
}

/** Ids of the blob files that values of the table lie in, in the order in which the table numbers them. */
function readBlobReferences(cursor: Cursor, file: NewFile, sized: boolean): boolean {
  const depth = cursor.varint64();
  const count = cursor.varint64();
  if (depth === undefined || count === undefined || count > BigInt(cursor.remaining)) return false;
  file.blobReferences = [];
  for (let i = 0n; i < count; i++) {
    const id = cursor.varint64();
    const values = cursor.varint64();
    const backing = sized ? cursor.varint64() : 0n;
    if (id === undefined || values === undefined || backing === undefined) return false;
    file.blobReferences.push(id);
  }
  return true;
}

const table =
  (tag: number): FieldReader =>
  (cursor, edit, offset) => {
    const file = readTable(cursor, tag, offset);
    if (typeof file === 'string') return file;
    edit.newFiles.push(file);
    return undefined;
  };

/** Reads numbers and hands them on when all are there. */
function numbers(
  count: number,
  what: string,
  take: (values: bigint[], ...rest: Parameters<FieldReader>) => void,
): FieldReader {
  return (cursor, edit, offset) => {
    const values: bigint[] = [];
    for (let i = 0; i < count; i++) {
      const value = cursor.varint64();
      if (value === undefined) return what;
      values.push(value);
    }
    take(values, cursor, edit, offset);
    return undefined;
  };
}

export const pebbleReaders: readonly (readonly [number, FieldReader])[] = [
  ...[tags.newFile, tags.newFile2, tags.newFile3, tags.newFile4, pebbleOwnTags.newFile5].map(
    (tag) => [tag, table(tag)] as const,
  ),
  [
    tags.compactCursor,
    (cursor) =>
      cursor.varint32() === undefined || cursor.lengthPrefixed() === undefined
        ? 'a compaction cursor'
        : undefined,
  ],
  [
    pebbleOwnTags.excise,
    (cursor) =>
      cursor.lengthPrefixed() === undefined ||
      cursor.lengthPrefixed() === undefined ||
      cursor.u8() === undefined ||
      cursor.varint64() === undefined
        ? 'an excise'
        : undefined,
  ],
  [pebbleOwnTags.markForCompaction, numbers(2, 'a mark for compaction', () => {})],
  [
    pebbleOwnTags.backing,
    numbers(2, 'a backing', ([number, size], cursor, { backings }, offset) => {
      backings.push({ number, size, offset, length: cursor.position - offset });
    }),
  ],
  [
    pebbleOwnTags.removedBacking,
    numbers(1, 'a backing that is gone', ([number], _cursor, { removedBackings }) => {
      removedBackings.push(number);
    }),
  ],
  [
    pebbleOwnTags.newBlobFile,
    numbers(5, 'a blob file', ([id, number, size, valueBytes, time], cursor, { valueFiles }, offset) => {
      valueFiles.push({ id, number, size, valueBytes, time, offset, length: cursor.position - offset });
    }),
  ],
  [
    pebbleOwnTags.deletedBlobFile,
    numbers(2, 'a blob file that is gone', ([id, number], _cursor, { removedValueFiles }) => {
      removedValueFiles.push({ id, number });
    }),
  ],
];
