/*
 * A blob index: what the table holds where the value is in a blob file (rocksdb db/blob/blob_index.h):
 *
 *   | kind u8 | [expiration varint64: kinds 0 and 2] | file varint64 | offset varint64 | size varint64 | compression u8 |
 *
 * Kind 0 holds the value itself behind the expiration. `offset` points at the value, past the record's header and key.
 * File number 0 means the table itself: an embedded blob, protected like a block.
 */
import { NumberReader } from './handle.js';

const KIND = { inlined: 0, blob: 1, blobWithExpiration: 2 };

export interface BlobIndex {
  /** Blob file number, 0 for the table itself, undefined where the value is inlined. */
  file?: number;
  offset: number;
  size: number;
  compression: number;
}

/** Decodes the blob index in `bytes[start, end)`; undefined when it is not one. */
export function decodeBlobIndex(bytes: Uint8Array, start: number, end: number): BlobIndex | undefined {
  if (start >= end) return undefined;
  const kind = bytes[start];
  if (kind > KIND.blobWithExpiration) return undefined;
  const reader = new NumberReader(bytes, start + 1, end);
  if (kind !== KIND.blob) reader.varint(10);
  if (kind === KIND.inlined) {
    if (reader.failed) return undefined;
    return { offset: reader.position - start, size: end - reader.position, compression: 0 };
  }
  const file = reader.varint(10);
  const offset = reader.varint(10);
  const size = reader.varint(10);
  if (reader.failed || reader.position !== end - 1) return undefined;
  return { file, offset, size, compression: bytes[end - 1] };
}
