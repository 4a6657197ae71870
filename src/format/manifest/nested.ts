/**
 * Payloads inside version edits (rocksdb db/blob/blob_file_addition.cc, blob_file_garbage.cc, db/wal_edit.cc):
 *
 *   blob addition  number v64 | total count v64 | total bytes v64 | method | checksum | { id v32 | value }… | 0
 *   blob garbage   number v64 | count v64 | bytes v64 | { id v32 | value }… | 0
 *   WAL addition   number v64 | 2 | synced size v64 | 1        or without a size: number v64 | 1
 *
 * `method`, `checksum` and `value` stand after a varint32 length. A string says what is wrong, in the engine's words.
 */
import { Cursor } from '../../bytes/cursor.js';
import type { BlobFileAddition, BlobFileGarbage, WalAddition } from './edit.js';
import { CUSTOM_NOT_IGNORABLE } from './tags.js';

/** A varint64 that fills a field; what stands after it is ignored, as the engine does. */
export function toVarint64(value: Uint8Array): bigint | undefined {
  return new Cursor(value).varint64();
}

export function fixed64(value: Uint8Array): bigint | undefined {
  return new Cursor(value).u64();
}

/** A field of one byte that is true when it is 1. */
export function bool1(value: Uint8Array): boolean | undefined {
  return value.length === 1 ? value[0] === 1 : undefined;
}

/** Reads `{ id | value }… 0`. The ids are all unknown so far; those with bit 0x40 set are fatal. */
function readTrailer(cursor: Cursor, who: string): string | undefined {
  for (;;) {
    const id = cursor.varint32();
    if (id === undefined) return `${who}: Error decoding custom field tag`;
    if (id === 0) return undefined;
    if ((id & CUSTOM_NOT_IGNORABLE) !== 0) return `${who}: Forward incompatible custom field encountered`;
    if (cursor.lengthPrefixed() === undefined) return `${who}: Error decoding custom field value`;
  }
}

export function readBlobFileAddition(cursor: Cursor, offset: number): BlobFileAddition | string {
  const who = 'BlobFileAddition';
  const number = cursor.varint64();
  if (number === undefined) return `${who}: Error decoding blob file number`;
  const totalCount = cursor.varint64();
  if (totalCount === undefined) return `${who}: Error decoding total blob count`;
  const totalBytes = cursor.varint64();
  if (totalBytes === undefined) return `${who}: Error decoding total blob bytes`;
  const method = cursor.lengthPrefixed();
  if (method === undefined) return `${who}: Error decoding checksum method`;
  const checksum = cursor.lengthPrefixed();
  if (checksum === undefined) return `${who}: Error decoding checksum value`;
  const wrong = readTrailer(cursor, who);
  if (wrong !== undefined) return wrong;
  return {
    number,
    totalCount,
    totalBytes,
    checksumMethod: Buffer.from(method).toString('utf8'),
    checksum: checksum.slice(),
    offset,
    length: cursor.position - offset,
  };
}

export function readBlobFileGarbage(cursor: Cursor, offset: number): BlobFileGarbage | string {
  const who = 'BlobFileGarbage';
  const number = cursor.varint64();
  if (number === undefined) return `${who}: Error decoding blob file number`;
  const garbageCount = cursor.varint64();
  if (garbageCount === undefined) return `${who}: Error decoding garbage blob count`;
  const garbageBytes = cursor.varint64();
  if (garbageBytes === undefined) return `${who}: Error decoding garbage blob bytes`;
  const wrong = readTrailer(cursor, who);
  if (wrong !== undefined) return wrong;
  return { number, garbageCount, garbageBytes, offset, length: cursor.position - offset };
}

const walTags = { terminate: 1, syncedSize: 2 } as const;

export function readWalAddition(cursor: Cursor, offset: number): WalAddition | string {
  const number = cursor.varint64();
  if (number === undefined) return 'WalAddition: Error decoding WAL log number';
  const addition: WalAddition = { number, offset, length: 0 };
  for (;;) {
    const tag = cursor.varint32();
    if (tag === undefined) return 'WalAddition: Error decoding tag';
    if (tag === walTags.terminate) break;
    if (tag !== walTags.syncedSize) return `WalAddition: Unknown tag ${tag}`;
    addition.syncedSize = cursor.varint64();
    if (addition.syncedSize === undefined) return 'WalAddition: Error decoding WAL file size';
  }
  addition.length = cursor.position - offset;
  return addition;
}
