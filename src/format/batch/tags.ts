import type { OpKind } from './batch.js';

/** What follows a tag and, in the column family forms, the varint32 column family id. */
export const Shape = {
  /** Not a tag of this dialect. */
  unknown: 0,
  none: 1,
  key: 2,
  keyValue: 3,
  /** As keyValue; the value is a wide-column entity. */
  entity: 4,
  /** As keyValue; the value is a blob index. */
  blobIndex: 5,
  /** As keyValue; the value ends in a u64 of seconds since 1970. */
  timedPut: 6,
  /** As keyValue; the value is the end key, which the range does not hold. */
  range: 7,
  /** One string that is not a key: log data. */
  logData: 8,
  /** One string: a transaction's name. */
  xid: 9,
  /** Two strings: a timestamp, then a transaction's name. */
  timestampXid: 10,
} as const;

export interface TagSpec {
  tag: number;
  kind: OpKind;
  shape: number;
  /** A varint32 column family id stands between tag and operands. */
  columnFamily: boolean;
  /** It adds one to the count in the header. */
  counted: boolean;
  /** What the engine calls it in `bad WriteBatch NAME`, or its whole message where that has another form. */
  complaint: string;
}

/** The tags of one engine: for people by number, for loops in arrays of 256. */
export interface BatchDialect {
  name: string;
  specs: ReadonlyMap<number, TagSpec>;
  shapes: Uint8Array;
  columnFamilyForms: Uint8Array;
  counted: Uint8Array;
}

function spec(tag: number, kind: OpKind, shape: number, complaint: string, counted = true): TagSpec {
  return { tag, kind, shape, columnFamily: false, counted, complaint };
}

function ofColumnFamily(tag: number, plain: TagSpec): TagSpec {
  return { ...plain, tag, columnFamily: true };
}

const deletion = spec(0x00, 'delete', Shape.key, 'bad WriteBatch Delete');
const value = spec(0x01, 'put', Shape.keyValue, 'bad WriteBatch Put');
const merge = spec(0x02, 'merge', Shape.keyValue, 'bad WriteBatch Merge');
// RocksDB has one message for both deletions.
const singleDeletion = spec(0x07, 'single-delete', Shape.key, 'bad WriteBatch Delete');
const rangeDeletion = spec(0x0f, 'range-delete', Shape.range, 'bad WriteBatch DeleteRange');
const blobIndex = spec(0x11, 'blob-index', Shape.blobIndex, 'bad WriteBatch BlobIndex');
const entity = spec(0x16, 'entity', Shape.entity, 'bad WriteBatch PutEntity');
const timedPut = spec(0x18, 'timed-put', Shape.timedPut, 'bad WriteBatch TimedPut');

const rocksdb: TagSpec[] = [
  deletion,
  value,
  merge,
  spec(0x03, 'log-data', Shape.logData, 'bad WriteBatch Blob', false),
  ofColumnFamily(0x04, deletion),
  ofColumnFamily(0x05, value),
  ofColumnFamily(0x06, merge),
  singleDeletion,
  ofColumnFamily(0x08, singleDeletion),
  spec(0x09, 'begin-prepare', Shape.none, '', false),
  spec(0x0a, 'end-prepare', Shape.xid, 'bad EndPrepare XID', false),
  spec(0x0b, 'commit', Shape.xid, 'bad Commit XID', false),
  spec(0x0c, 'rollback', Shape.xid, 'bad Rollback XID', false),
  spec(0x0d, 'noop', Shape.none, '', false),
  ofColumnFamily(0x0e, rangeDeletion),
  rangeDeletion,
  ofColumnFamily(0x10, blobIndex),
  blobIndex,
  spec(0x12, 'begin-persisted-prepare', Shape.none, '', false),
  spec(0x13, 'begin-unprepare', Shape.none, '', false),
  // 0x14, DeletionWithTimestamp, is a type of internal keys and no tag of a batch.
  spec(0x15, 'commit-with-timestamp', Shape.timestampXid, 'bad commit timestamp', false),
  entity,
  ofColumnFamily(0x17, entity),
  timedPut,
  ofColumnFamily(0x19, timedPut),
];

function dialect(name: string, list: TagSpec[]): BatchDialect {
  const shapes = new Uint8Array(256);
  const columnFamilyForms = new Uint8Array(256);
  const counted = new Uint8Array(256);
  for (const each of list) {
    shapes[each.tag] = each.shape;
    columnFamilyForms[each.tag] = each.columnFamily ? 1 : 0;
    counted[each.tag] = each.counted ? 1 : 0;
  }
  return { name, specs: new Map(list.map((each) => [each.tag, each])), shapes, columnFamilyForms, counted };
}

/** rocksdb db/dbformat.h (ValueType) and db/write_batch.cc, up to 11.9. */
export const rocksdbBatch = dialect('rocksdb', rocksdb);

/** leveldb db/dbformat.h: no column families, two operations. */
export const leveldbBatch = dialect('leveldb', [deletion, value]);

/**
 * pebble internal/base/internal.go, batchrepr/reader.go. Kinds that no batch holds are read as a key alone, so that what follows
 * loses step: they count as unknown.
 */
export const pebbleBatch = dialect('pebble', [
  deletion,
  value,
  merge,
  spec(0x03, 'log-data', Shape.logData, '', false),
  singleDeletion,
  rangeDeletion,
  spec(0x13, 'range-key-delete', Shape.range, ''),
  spec(0x14, 'range-key-unset', Shape.keyValue, ''),
  spec(0x15, 'range-key-set', Shape.keyValue, ''),
  spec(0x16, 'ingest', Shape.key, ''),
  spec(0x17, 'sized-delete', Shape.keyValue, ''),
  spec(0x18, 'excise', Shape.range, ''),
  spec(0x1a, 'ingest', Shape.keyValue, ''),
]);

/** Operations of Pebble that bring in whole tables. */
export function isIngest(tag: number): boolean {
  return tag === 0x16 || tag === 0x1a;
}

/** Those, and what cuts out a range: what stands after such a batch in its WAL is not read. */
export function isFlushable(tag: number): boolean {
  return tag === 0x18 || isIngest(tag);
}

/** Bytes before the first operation: u64 sequence, u32 count. */
export const BATCH_HEADER = 12;
