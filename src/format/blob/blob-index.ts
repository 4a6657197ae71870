import { Cursor } from '../../bytes/cursor.js';

/*
 * The reference that a table holds to a value in a blob file (value type 0x11; rocksdb db/blob/blob_index.h):
 *
 *   kind 0  | 00 | expiration varint64 | value …                                                            (BlobDB)
 *   kind 1  | 01 | file number varint64 | offset varint64 | size varint64 | compression u8 |
 *   kind 2  | 02 | expiration varint64 | file number varint64 | offset varint64 | size varint64 | compression u8 |  (BlobDB)
 *
 * Titan's, a fork of the idea that TiKV uses (tikv/titan src/blob_format.h), is of kind 1 and has no byte of compression; its files lie in
 * titandb/.
 *
 * The offset is the value's own, past the record's header and key. File number 0 is the table itself (embedded blobs).
 */
type BlobIndex =
  | { kind: 'inlined'; expiration: bigint; value: Uint8Array }
  | {
      kind: 'blob';
      fileNumber: bigint;
      /** File offset of the value, bytes. */
      offset: bigint;
      /** Bytes as stored. */
      size: bigint;
      /** Type byte. Must be the blob file's. */
      compression: number;
      expiration?: bigint;
    }
  /** The offset is that of a record in a blob file of Titan's, the size that of all of it. */
  | { kind: 'titan'; fileNumber: bigint; offset: bigint; size: bigint };

/** Decodes a blob index from `bytes[start, end)`; an error text says what is wrong with it. */
export function decodeBlobIndex(
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): BlobIndex | { kind: 'malformed'; error: string } {
  const malformed = (error: string) => ({ kind: 'malformed' as const, error });
  const cursor = new Cursor(bytes, start, end);
  const type = cursor.u8();
  if (type === undefined) return malformed('the blob index is empty');
  if (type > 2) return malformed(`the blob index has the unknown kind ${type}`);
  const expiration = type === 1 ? undefined : cursor.varint64();
  if (type !== 1 && expiration === undefined) return malformed('the expiration is cut off');
  if (type === 0)
    return { kind: 'inlined', expiration: expiration!, value: bytes.subarray(cursor.position, end) };

  const fileNumber = cursor.varint64();
  const offset = cursor.varint64();
  const size = cursor.varint64();
  if (fileNumber === undefined || offset === undefined || size === undefined) {
    return malformed('file number, offset or size is cut off');
  }
  if (type === 1 && cursor.remaining === 0) return { kind: 'titan', fileNumber, offset, size };
  if (cursor.remaining !== 1)
    return malformed(`${cursor.remaining} bytes where one of compression should be`);
  return { kind: 'blob', fileNumber, offset, size, compression: bytes[end - 1], expiration };
}
