// A wide-column entity: the value of PutEntity, in batches and in tables (rocksdb db/wide/wide_column_serialization.cc).
//
//   version 1:  varint32 1 | varint32 n | n × (varint32 length, name; varint32 value size) | n values
//   version 2:  varint32 2 | varint32 n | varint32 name sizes bytes | varint32 value sizes bytes | varint32 names bytes |
//               n × u8 type | n × varint32 name size | n × varint32 value size | names | values
//
// Version 2 is written from 11.2 on. Names ascend bytewise; the default column has the empty name and so stands first.

import { Cursor } from '../../bytes/cursor.js';
import type { Anomaly } from '../../finding/finding.js';

export interface WideColumn {
  name: Uint8Array;
  value: Uint8Array;
  /** The value is a blob index (version 2 only). */
  blobIndex: boolean;
}

interface WideColumnEntity {
  version: number;
  columns: WideColumn[];
  /** Offsets are in the entity's own bytes. At most one: reading ends there. */
  anomalies: Anomaly[];
}

const TYPE_INLINE = 1;
const TYPE_BLOB_INDEX = 0x11;

/** Takes the columns in order: places in the bytes, nothing copied. */
type ColumnSink = (name: number, nameEnd: number, value: number, valueEnd: number, type: number) => void;

/**
 * The columns of an entity, as views into `bytes`. Damage leaves the columns that could be read whole and one anomaly.
 * RocksDB checks none of this at WAL replay: it comes up when the memtable is flushed or the key is read.
 */
export function decodeEntity(bytes: Uint8Array): WideColumnEntity {
  const columns: WideColumn[] = [];
  const anomaly = walkEntity(bytes, (name, nameEnd, value, valueEnd, type) =>
    columns.push({
      name: bytes.subarray(name, nameEnd),
      value: bytes.subarray(value, valueEnd),
      blobIndex: type === TYPE_BLOB_INDEX,
    }),
  );
  const version = new Cursor(bytes).varint32() ?? 0;
  return { version, columns, anomalies: anomaly === undefined ? [] : [anomaly] };
}

/** What is wrong with an entity, if anything is; keeps no columns. */
export function verifyEntity(bytes: Uint8Array): Anomaly | undefined {
  return walkEntity(bytes, () => {});
}

function walkEntity(bytes: Uint8Array, sink: ColumnSink): Anomaly | undefined {
  const cursor = new Cursor(bytes);
  const version = cursor.varint32();
  if (version === undefined) return wrong(0, bytes.length, 'The entity has no version');
  // RocksDB reads version 0 as 1.
  if (version > 2) return wrong(0, cursor.position, `Version ${version} of wide-column entities is unknown`);
  const count = cursor.varint32();
  if (count === undefined)
    return wrong(cursor.position, cursor.remaining, 'The number of columns is cut off');
  return version === 2 ? walkSplit(cursor, count, sink) : walkInterleaved(cursor, count, sink);
}

function walkInterleaved(cursor: Cursor, count: number, sink: ColumnSink): Anomaly | undefined {
  const index = new Cursor(cursor.bytes, cursor.position);
  for (let i = 0; i < count; i++) {
    const start = cursor.position;
    if (!skipString(cursor) || cursor.varint32() === undefined)
      return wrong(start, cursor.end - start, `The index of ${count} columns ends in column ${i}`);
  }
  const names = new Names(cursor.bytes);
  for (let i = 0; i < count; i++) {
    const length = index.varint32()!;
    const name = index.position;
    index.position += length;
    const size = index.varint32()!;
    const anomaly = names.check(name, length) ?? takeValue(cursor, i, size);
    if (anomaly !== undefined) return anomaly;
    sink(name, name + length, cursor.position - size, cursor.position, TYPE_INLINE);
  }
  return rest(cursor);
}

function walkSplit(cursor: Cursor, count: number, sink: ColumnSink): Anomaly | undefined {
  const { bytes } = cursor;
  const nameSizesBytes = cursor.varint32();
  const valueSizesBytes = cursor.varint32();
  const namesBytes = cursor.varint32();
  const types = cursor.position;
  if (nameSizesBytes === undefined || valueSizesBytes === undefined || namesBytes === undefined)
    return wrong(types, cursor.remaining, 'The sizes of the lists are cut off');
  if (count > cursor.remaining) return wrong(types, cursor.remaining, 'The column types are cut off');
  for (let i = 0; i < count; i++) {
    const type = bytes[types + i];
    if (type !== TYPE_INLINE && type !== TYPE_BLOB_INDEX)
      return wrong(types + i, 1, `Column ${i} has type ${type}, which does not exist`);
  }
  const nameSizes = new Cursor(bytes, types + count);
  const valueSizes = new Cursor(bytes, nameSizes.position + nameSizesBytes);
  let name = valueSizes.position + valueSizesBytes;
  const values = new Cursor(bytes, name + namesBytes);
  if (
    values.position > bytes.length ||
    skipNumbers(new Cursor(bytes, nameSizes.position), count) !== valueSizes.position ||
    skipNumbers(new Cursor(bytes, valueSizes.position), count) !== name
  )
    return wrong(types, cursor.remaining, 'The column sizes do not fill their place');
  const namesStart = name;
  const names = new Names(bytes);
  for (let i = 0; i < count; i++) {
    const length = nameSizes.varint32()!;
    const size = valueSizes.varint32()!;
    if (name + length > namesStart + namesBytes)
      return wrong(namesStart, namesBytes, 'The column names do not fill their place');
    const anomaly = names.check(name, length) ?? takeValue(values, i, size);
    if (anomaly !== undefined) return anomaly;
    sink(name, name + length, values.position - size, values.position, bytes[types + i]);
    name += length;
  }
  if (name !== namesStart + namesBytes)
    return wrong(namesStart, namesBytes, 'The column names do not fill their place');
  return rest(values);
}

/** Sees that names ascend. */
class Names {
  private start = -1;
  private end = -1;

  constructor(private readonly bytes: Uint8Array) {}

  check(start: number, length: number): Anomaly | undefined {
    const end = start + length;
    if (this.start >= 0 && !ascends(this.bytes, this.start, this.end, start, end))
      return wrong(start, length, 'Wide columns out of order');
    this.start = start;
    this.end = end;
    return undefined;
  }
}

function ascends(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  const common = Math.min(aEnd - a, bEnd - b);
  for (let i = 0; i < common; i++) {
    if (bytes[a + i] !== bytes[b + i]) return bytes[a + i] < bytes[b + i];
  }
  return aEnd - a < bEnd - b;
}

function skipString(cursor: Cursor): boolean {
  const length = cursor.varint32();
  if (length === undefined || length > cursor.remaining) return false;
  cursor.position += length;
  return true;
}

/** Where `count` varint32 end, -1 when they do not. */
function skipNumbers(cursor: Cursor, count: number): number {
  for (let i = 0; i < count; i++) if (cursor.varint32() === undefined) return -1;
  return cursor.position;
}

function takeValue(cursor: Cursor, column: number, size: number): Anomaly | undefined {
  const { position, remaining } = cursor;
  if (size > remaining)
    return wrong(position, remaining, `Column ${column} has ${size} bytes of value, ${remaining} are there`);
  cursor.position += size;
  return undefined;
}

function rest(cursor: Cursor): Anomaly | undefined {
  const { position, remaining } = cursor;
  return remaining > 0 ? wrong(position, remaining, `${remaining} bytes after the last column`) : undefined;
}

function wrong(offset: number, length: number, message: string): Anomaly {
  return { rule: 'batch/malformed-entity', offset, length, message };
}
