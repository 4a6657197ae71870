// Payloads of the records that are not data (rocksdb db/log_writer.cc, util/udt_util.h, db/wal_edit.h). They are never
// compressed and never fragmented.
//
//   set compression  (9)         u32 algorithm: 0 none, 7 ZSTD. First record of its file.
//   timestamp sizes  (10, 11)    n × | u32 column family | u16 bytes of timestamp |. For all later batches of the file.
//   predecessor      (130, 131)  u64 log number | u64 file size | u64 header sequence of its last batch, 0 when it has none

import { Cursor } from '../../bytes/cursor.js';
import { RecordKind } from './types.js';

export const WAL_ZSTD = 7;

/** A payload that does not decode gives what RocksDB says about it. */
type Metadata<T> = { value: T; error?: undefined } | { value?: undefined; error: string };

export function decodeCompression(payload: Uint8Array): Metadata<number> {
  const algorithm = new Cursor(payload).u32();
  return algorithm === 0 || algorithm === WAL_ZSTD
    ? { value: algorithm }
    : { error: 'could not decode SetCompressionType record' };
}

/** Adds the sizes in one record to the sizes recorded so far. */
export function decodeTimestampSizes(
  payload: Uint8Array,
  recorded: ReadonlyMap<number, number>,
): Metadata<Map<number, number>> {
  const sizes = new Map(recorded);
  if (payload.length % 6 !== 0) return { error: 'could not decode user-defined timestamp size record' };
  const cursor = new Cursor(payload);
  while (cursor.remaining > 0) {
    const columnFamily = cursor.u32()!;
    const size = cursor.u16()!;
    if (size === 0) return { error: 'User-defined timestamp size record contains zero timestamp size.' };
    if (sizes.has(columnFamily))
      return { error: 'User-defined timestamp size record contains update to recorded column family.' };
    sizes.set(columnFamily, size);
  }
  return { value: sizes };
}

/** What a WAL says of the one before it. */
export interface Predecessor {
  number: bigint;
  /** Bytes on disk. */
  size: bigint;
  /** Header sequence of its last batch: of that batch's first operation. 0 when it has no batch. */
  lastSequence: bigint;
}

export function decodePredecessor(payload: Uint8Array): Metadata<Predecessor> {
  const cursor = new Cursor(payload);
  const number = cursor.u64();
  const size = cursor.u64();
  const lastSequence = cursor.u64();
  if (number === undefined || size === undefined || lastSequence === undefined)
    return { error: 'could not decode PredecessorWALInfoType record' };
  return { value: { number, size, lastSequence } };
}

/** A record that is not data. `error`: what RocksDB says of a payload that does not decode; then there is no `value`. */
interface MetadataOf<Kind, T> {
  kind: Kind;
  /** As stored. */
  type: number;
  value?: T;
  error?: string;
}

export type LogMetadata =
  | MetadataOf<'compression', number>
  /** All that the file has stated so far. */
  | MetadataOf<'timestamp-sizes', ReadonlyMap<number, number>>
  | MetadataOf<'predecessor', Predecessor>
  /** Not known, and marked as safe to skip. */
  | MetadataOf<'ignorable', undefined>;

/** `kind`: a `RecordKind`. `recorded`: timestamp sizes that earlier records of the file state. */
export function decodeLogMetadata(
  kind: number,
  type: number,
  payload: Uint8Array,
  recorded: ReadonlyMap<number, number>,
): LogMetadata {
  switch (kind) {
    case RecordKind.compression:
      return { kind: 'compression', type, ...decodeCompression(payload) };
    case RecordKind.timestampSizes:
      return { kind: 'timestamp-sizes', type, ...decodeTimestampSizes(payload, recorded) };
    case RecordKind.predecessor:
      return { kind: 'predecessor', type, ...decodePredecessor(payload) };
    default:
      return { kind: 'ignorable', type };
  }
}
