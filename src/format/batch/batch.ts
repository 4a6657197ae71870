import type { Anomaly } from '../../finding/finding.js';

/** What an operation of a WriteBatch does. */
export type OpKind =
  | 'put'
  | 'delete'
  | 'single-delete'
  | 'merge'
  | 'range-delete'
  | 'blob-index'
  | 'entity'
  | 'timed-put'
  | 'log-data'
  | 'noop'
  | 'sized-delete'
  | 'range-key-set'
  | 'range-key-unset'
  | 'range-key-delete'
  | 'ingest'
  | 'excise'
  | 'begin-prepare'
  | 'begin-persisted-prepare'
  | 'begin-unprepare'
  | 'end-prepare'
  | 'commit'
  | 'commit-with-timestamp'
  | 'rollback';

/** One operation or marker. Offsets are in the batch's own bytes (its logical record). */
export interface BatchOp {
  /** The tag byte as stored. */
  tag: number;
  kind: OpKind;
  /** 0 for the short forms and for markers. */
  columnFamily: number;
  /** The key; the begin of a range delete; the XID of a marker; the blob of log data. Empty for noop and begin markers. */
  key: Uint8Array;
  /** Value, merge operand, end key of a range delete, blob index, entity; the timestamp of commit-with-timestamp. */
  value?: Uint8Array;
  /** Write time of a timed put, seconds since 1970. */
  writeTime?: bigint;
  /** True when it adds one to the batch's count. */
  counted: boolean;
  offset: number;
  length: number;
}

/** What RocksDB says of a batch that it does not decode. */
export interface BatchError {
  kind: 'malformed-batch' | 'unknown-tag' | 'wrong-count';
  message: string;
}

export const WRONG_COUNT: BatchError = { kind: 'wrong-count', message: 'WriteBatch has wrong count' };

export interface WriteBatch {
  sequence: bigint;
  /** Operations as the header says. */
  count: number;
  /** The first of them, as many as were asked for. */
  ops: BatchOp[];
  /** Operations found, markers included. */
  operations: number;
  /** Counted operations found. */
  counted: number;
  /** In the order in which the parser met them, by offset in the batch. */
  anomalies: Anomaly[];
  /**
   * What RocksDB's decoding of the batch fails with, without `Corruption: `; since 7.4 no recovery mode gets past it.
   * Absent when it decodes there, which does not mean that it has no anomalies.
   */
  engineError?: BatchError;
  /** Bytes decoded before the parser gave up; the length of the batch when all of it decodes. */
  decodedLength: number;
}
