import type { DialectName } from '../format/dialect.js';
import { decodeVersionEdit } from '../format/manifest/decode.js';
import { pebbleCustomFields } from '../format/manifest/pebble-fields.js';
import { customFields, pebbleOwnTags, TAG_SAFE_IGNORE, tagName, tags } from '../format/manifest/tags.js';
import { fieldWords } from './edit-text.js';
import { Fields } from './fields.js';
import type { Node, NodePlace } from './node.js';
import { internalKeyNode } from './values.js';

type FieldReader = (fields: Fields, place: NodePlace, bytes: Uint8Array) => void;

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** A length and text. */
const text =
  (name: string): FieldReader =>
  (fields) =>
    fields.lengthPrefixed(name, (bytes) => ({ value: latin1(bytes) }));

const varint =
  (name: string): FieldReader =>
  (fields) =>
    fields.varint64(name);

/** A length and an internal key. */
const key =
  (name: string): FieldReader =>
  (fields, place, record) =>
    fields.lengthPrefixed(name, (bytes) => {
      const { name: _name, at: _at, ...about } = internalKeyNode(name, bytes, within(place, record, bytes));
      return { value: undefined, ...about };
    });

function within({ space, offset }: NodePlace, record: Uint8Array, part: Uint8Array): NodePlace {
  return { space, offset: offset + part.byteOffset - record.byteOffset, length: part.length };
}

const each =
  (...readers: FieldReader[]): FieldReader =>
  (...args) => {
    for (const read of readers) read(...args);
  };

const temperatures = new Map([
  [4, 'hot'],
  [8, 'warm'],
  [10, 'cool'],
  [12, 'cold'],
  [16, 'ice'],
]);

/** Custom fields whose value is a varint64; the others have one of their own or are shown as bytes. */
const customNumbers: ReadonlySet<number> = new Set([
  customFields.oldestBlobFile,
  customFields.oldestAncestorTime,
  customFields.fileCreationTime,
  customFields.epochNumber,
  customFields.compensatedRangeDeletionSize,
  customFields.tailSize,
]);

const customNames = new Map<number, string>(
  Object.entries({ ...pebbleCustomFields, ...customFields }).map(([name, id]) => [id, spaced(name)]),
);

/** `oldestBlobFile` as `oldest blob file`. */
function spaced(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Custom fields of a table's entry: id, length, value, until id 1. `own` reads those that are of another form, and says them. */
const customsWith =
  (own: (fields: Fields, id: number) => string | undefined): FieldReader =>
  (fields) => {
    let ended = false;
    while (!ended && !fields.failed) {
      fields.group('custom field', (inner) => {
        const id = inner.varint32('id', (value) => customNames.get(value));
        if (id === undefined || id === customFields.terminate) {
          ended = true;
          return { text: 'end' };
        }
        const words = own(inner, id) ?? customField(inner, id);
        return { text: words === '' ? customName(id) : `${customName(id)}: ${words}` };
      });
    }
  };

const customs = customsWith(() => undefined);

function customName(id: number): string {
  return customNames.get(id) ?? `field ${id}`;
}

/** Reads length and value of a custom field; its value in words. */
function customField(fields: Fields, id: number): string {
  const length = fields.varint32('length');
  if (length === undefined) return '';
  let said = '';
  fields.take('value', length, (bytes) => {
    const meant = customMeaning(id, bytes);
    said = meant === undefined ? Buffer.from(bytes).toString('hex') : String(meant);
    return meant === undefined ? undefined : { value: meant };
  });
  return said;
}

function customMeaning(id: number, bytes: Uint8Array): bigint | number | string | boolean | undefined {
  const inner = new Fields(
    { kind: 'contents', origin: { offset: 0, length: 0 }, inFile: () => undefined },
    0,
    bytes,
  );
  if (customNumbers.has(id)) return inner.varint64('number');
  if (id === customFields.minLogNumberToKeepHack) return inner.u64('number');
  if (id === customFields.fileChecksumFunction) return latin1(bytes);
  if (bytes.length !== 1) return undefined;
  if (id === customFields.temperature) return temperatures.get(bytes[0]) ?? bytes[0];
  if (id === customFields.pathId) return bytes[0];
  return id === customFields.needsCompaction || id === customFields.timestampsPersisted
    ? bytes[0] === 1
    : undefined;
}

const level: FieldReader = (fields) => fields.varint32('level');
const number = varint('number');
const sequences = each(varint('smallest sequence'), varint('largest sequence'));
const keys = each(key('smallest'), key('largest'));

/** `{ id | length | value }… 0`: custom fields of blob files. */
const blobTrailer: FieldReader = (fields) => {
  for (;;) {
    const id = fields.varint32('custom field', (value) => (value === 0 ? 'end' : undefined));
    if (id === undefined || id === 0) return;
    fields.lengthPrefixed('value');
  }
};

const blobAddition = each(
  number,
  varint('total count'),
  varint('total bytes'),
  text('checksum method'),
  (fields) => fields.lengthPrefixed('checksum'),
  blobTrailer,
);
const blobGarbage = each(number, varint('garbage count'), varint('garbage bytes'), blobTrailer);

const walAddition: FieldReader = (fields) => {
  fields.varint64('log number');
  for (;;) {
    const tag = fields.varint32('tag', (value) =>
      value === 1 ? 'end' : value === 2 ? 'synced size' : undefined,
    );
    if (tag !== 2) return;
    fields.varint64('synced size');
  }
};

/** What a tag's length announces is itself made of fields. */
const prefixed =
  (read: FieldReader): FieldReader =>
  (fields, place, bytes) => {
    if (fields.varint32('length') !== undefined) read(fields, place, bytes);
  };

const readers = new Map<number, FieldReader>([
  [tags.comparator, text('name')],
  [tags.logNumber, number],
  [tags.nextFileNumber, number],
  [tags.lastSequence, number],
  [tags.compactCursor, each(level, key('key'))],
  [tags.deletedFile, each(level, number)],
  [tags.newFile, each(level, number, varint('size'), keys)],
  [tags.newFile2, each(level, number, varint('size'), keys, sequences)],
  [
    tags.newFile3,
    each(level, number, (fields) => fields.varint32('path id'), varint('size'), keys, sequences),
  ],
  [tags.newFile4, each(level, number, varint('size'), keys, sequences, customs)],
  [tags.previousLogNumber, number],
  [tags.minLogNumberToKeep, number],
  [tags.columnFamily, (fields) => fields.varint32('id')],
  [tags.columnFamilyAdd, text('name')],
  [tags.columnFamilyDrop, () => {}],
  [tags.maxColumnFamily, (fields) => fields.varint32('id')],
  [tags.inAtomicGroup, (fields) => fields.varint32('remaining')],
  [tags.blobFileAddition, blobAddition],
  [tags.blobFileGarbage, blobGarbage],
  [tags.blobFileAdditionDeprecated, blobAddition],
  [tags.blobFileGarbageDeprecated, blobGarbage],
  [tags.databaseId, text('id')],
  [tags.walAddition, walAddition],
  [tags.walDeletion, varint('log number')],
  [tags.fullHistoryTimestampLow, (fields) => fields.lengthPrefixed('timestamp')],
  [tags.walAddition2, prefixed(walAddition)],
  [tags.walDeletion2, prefixed(varint('log number'))],
  [tags.persistUserDefinedTimestamps, (fields) => fields.lengthPrefixed('persisted')],
  [tags.lastCompactedManifestSize, prefixed(varint('size'))],
]);

/** In Pebble's edits some values stand without their length. */
const pebbleCustoms = customsWith((fields, id) => {
  if (id === pebbleCustomFields.virtual) return String(fields.varint64('backing') ?? '');
  const sized = id === pebbleCustomFields.sizedBlobs;
  if (!sized && id !== pebbleCustomFields.blobs) return undefined;
  fields.varint64('depth');
  const count = fields.varint64('count') ?? 0n;
  for (let i = 0n; i < count && !fields.failed; i++) {
    fields.varint64('blob file');
    fields.varint64('size of values');
    if (sized) fields.varint64('size in the backing');
  }
  return `references to ${count} blob files`;
});

/** Bounds after a marker: bit 0, those of points stand before those of range keys. */
const separateKeys: FieldReader = (fields, place, bytes) => {
  const marker = fields.u8('marker');
  if (marker !== undefined && (marker & 1) !== 0)
    each(key('smallest point'), key('largest point'))(fields, place, bytes);
  each(key('smallest range key'), key('largest range key'))(fields, place, bytes);
};

const pebbleReaders = new Map<number, FieldReader>([
  [tags.newFile4, each(level, number, varint('size'), keys, sequences, pebbleCustoms)],
  [pebbleOwnTags.newFile5, each(level, number, varint('size'), separateKeys, sequences, pebbleCustoms)],
  [pebbleOwnTags.backing, each(number, varint('size'))],
  [pebbleOwnTags.removedBacking, number],
  [
    pebbleOwnTags.newBlobFile,
    each(varint('id'), number, varint('size'), varint('size of values'), varint('creation time')),
  ],
  [pebbleOwnTags.deletedBlobFile, each(varint('id'), number)],
  [pebbleOwnTags.markForCompaction, each(level, number)],
  [
    pebbleOwnTags.excise,
    each(
      (fields) => fields.lengthPrefixed('start'),
      (fields) => fields.lengthPrefixed('end'),
      (fields) => fields.u8('kind of end'),
      varint('sequence'),
    ),
  ],
]);

/** The fields of a version edit that stands at `place`, and what is wrong with it. */
export function* editFields(bytes: Uint8Array, place: NodePlace, dialect?: DialectName): Generator<Node> {
  const { fields: decoded, edit, anomalies } = decodeVersionEdit(bytes, dialect);
  const words = fieldWords(edit, dialect);
  const { space, offset: base } = place;
  for (const { tag, offset, length } of decoded) {
    const fields = new Fields(space, base, bytes, offset, offset + length);
    fields.varint32('tag', () => spaced(tagName(tag, dialect)));
    const read = (dialect === 'pebble' ? pebbleReaders.get(tag) : undefined) ?? readers.get(tag);
    if (read !== undefined) read(fields, place, bytes);
    else if ((tag & TAG_SAFE_IGNORE) !== 0) fields.lengthPrefixed('value');
    fields.rest('rest');
    yield {
      name: spaced(tagName(tag, dialect)),
      at: { space, offset: base + offset, length },
      text: words(tag),
      children: () => fields.nodes,
    };
  }
  for (const { offset, length, message } of anomalies) {
    yield {
      name: 'undecoded',
      at: { space, offset: base + offset, length },
      problems: [message],
      bytes: bytes.subarray(offset, offset + length),
    };
  }
}
