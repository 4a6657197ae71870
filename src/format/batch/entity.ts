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

export interface WideColumnEntity {
  version: number;
  columns: WideColumn[];
  /** Offsets are in the entity's own bytes. At most one: reading ends there. */
  anomalies: Anomaly[];
}

const TYPE_INLINE = 1;
const TYPE_BLOB_INDEX = 0x11;

/**
 * The columns of an entity, as views into `bytes`. Damage leaves the columns that could be read whole and one anomaly.
 * RocksDB checks none of this at WAL replay: it comes up when the memtable is flushed or the key is read.
 */
export function decodeEntity(bytes: Uint8Array): WideColumnEntity {
  const cursor = new Cursor(bytes);
  const version = cursor.varint32();
  const entity: WideColumnEntity = { version: version ?? 0, columns: [], anomalies: [] };
  if (version === undefined) return wrong(entity, 0, bytes.length, 'The entity has no version');
  // RocksDB reads version 0 as 1.
  if (version > 2)
    return wrong(entity, 0, cursor.position, `Version ${version} of wide-column entities is unknown`);
  const count = cursor.varint32();
  if (count === undefined)
    return wrong(entity, cursor.position, bytes.length - cursor.position, 'The number of columns is cut off');
  return version === 2 ? decodeSplit(entity, cursor, count) : decodeInterleaved(entity, cursor, count);
}

function decodeInterleaved(entity: WideColumnEntity, cursor: Cursor, count: number): WideColumnEntity {
  const names: Uint8Array[] = [];
  const sizes: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = cursor.position;
    const name = cursor.lengthPrefixed();
    const size = name === undefined ? undefined : cursor.varint32();
    if (name === undefined || size === undefined)
      return wrong(entity, start, cursor.end - start, `The index of ${count} columns ends in column ${i}`);
    names.push(name);
    sizes.push(size);
  }
  return addColumns(entity, cursor, names, sizes);
}

function decodeSplit(entity: WideColumnEntity, cursor: Cursor, count: number): WideColumnEntity {
  const nameSizesBytes = cursor.varint32();
  const valueSizesBytes = cursor.varint32();
  const namesBytes = cursor.varint32();
  const start = cursor.position;
  const types = namesBytes === undefined ? undefined : cursor.take(count);
  if (types === undefined) return wrong(entity, start, cursor.end - start, 'The column types are cut off');
  const oddType = types.findIndex((type) => type !== TYPE_INLINE && type !== TYPE_BLOB_INDEX);
  if (oddType >= 0)
    return wrong(
      entity,
      start + oddType,
      1,
      `Column ${oddType} has type ${types[oddType]}, which does not exist`,
    );
  const nameSizes = sizeList(cursor, count, nameSizesBytes!);
  const valueSizes = nameSizes === undefined ? undefined : sizeList(cursor, count, valueSizesBytes!);
  if (nameSizes === undefined || valueSizes === undefined)
    return wrong(
      entity,
      cursor.position,
      cursor.end - cursor.position,
      'The column sizes do not fill their place',
    );
  const namesStart = cursor.position;
  const names: Uint8Array[] = [];
  for (const size of nameSizes) {
    const name = cursor.take(size);
    if (name === undefined || cursor.position > namesStart + namesBytes!)
      return wrong(entity, namesStart, cursor.end - namesStart, 'The column names do not fill their place');
    names.push(name);
  }
  if (cursor.position !== namesStart + namesBytes!)
    return wrong(entity, namesStart, cursor.end - namesStart, 'The column names do not fill their place');
  return addColumns(entity, cursor, names, valueSizes, types);
}

/** `count` varint32 that together are `bytes` long. */
function sizeList(cursor: Cursor, count: number, bytes: number): number[] | undefined {
  const end = cursor.position + bytes;
  // A size takes a byte at least: nothing is collected for a count that cannot be.
  if (count > bytes || end > cursor.end) return undefined;
  const sizes: number[] = [];
  for (let i = 0; i < count; i++) {
    const size = cursor.varint32();
    if (size === undefined || cursor.position > end) return undefined;
    sizes.push(size);
  }
  return cursor.position === end ? sizes : undefined;
}

function addColumns(
  entity: WideColumnEntity,
  cursor: Cursor,
  names: Uint8Array[],
  sizes: number[],
  types?: Uint8Array,
): WideColumnEntity {
  for (const [i, name] of names.entries()) {
    if (i > 0 && Buffer.compare(names[i - 1], name) >= 0)
      return wrong(
        entity,
        name.byteOffset - cursor.bytes.byteOffset,
        name.length,
        'Wide columns out of order',
      );
    const at = cursor.position;
    const value = cursor.take(sizes[i]);
    if (value === undefined)
      return wrong(
        entity,
        at,
        cursor.end - at,
        `Column ${i} has ${sizes[i]} bytes of value, ${cursor.end - at} are there`,
      );
    entity.columns.push({ name, value, blobIndex: types?.[i] === TYPE_BLOB_INDEX });
  }
  if (cursor.remaining > 0)
    return wrong(
      entity,
      cursor.position,
      cursor.remaining,
      `${cursor.remaining} bytes after the last column`,
    );
  return entity;
}

function wrong(entity: WideColumnEntity, offset: number, length: number, message: string): WideColumnEntity {
  entity.anomalies.push({ rule: 'batch/malformed-entity', offset, length, message });
  return entity;
}
