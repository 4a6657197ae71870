// A WriteBatch, the payload of a logical WAL record (rocksdb db/write_batch.cc, leveldb db/write_batch.cc):
//
//   +-------------------+---------------+------------+
//   | u64 sequence      | u32 count     | operations |
//   +-------------------+---------------+------------+
//   0                   8              12
//
//   operation: u8 tag | varint32 column family (its forms only) | operands, mostly varint32 length + bytes
//
// Operation i takes the sequence number `sequence` + the operations before it that take one. What takes one differs with
// the transaction policy: never derive the next record's sequence from `sequence` + `count` alone.

import { Cursor } from '../../bytes/cursor.js';
import type { EvidenceValue } from '../../finding/evidence.js';
import { decodeBlobIndex } from '../blob/blob-index.js';
import { type DialectName, dialectNamed } from '../dialect.js';
import { MAX_SEQUENCE } from '../sst/internal-key.js';
import { type BatchOp, WRONG_COUNT, type WriteBatch } from './batch.js';
import { verifyEntity } from './entity.js';
import { BATCH_HEADER, Shape, type TagSpec } from './tags.js';

interface DecodeBatchOptions {
  /** Bytes of timestamp at the end of each key, by column family, as the log's own records say. */
  timestampSizes?: ReadonlyMap<number, number>;
  /** Default: RocksDB's. */
  dialect?: DialectName;
  /** Keep at most so many operations in `ops`; the rest is checked and counted all the same. Default: `MAX_OPERATIONS`. */
  maxOps?: number;
}

/** Operations of one batch that are taken apart, of some 350 bytes of memory each: where there are more, `isCut` says so. */
export const MAX_OPERATIONS = 250_000;

/** Anomalies of one batch that are kept. */
const MAX_ANOMALIES = 10_000;

/** `ops` lacks operations that decode. */
export function isCut({ ops, operations }: WriteBatch): boolean {
  return operations > ops.length;
}

const NOTHING = new Uint8Array(0);

/**
 * Every operation of a batch with its offset, and everything that is wrong with it. Keys and values are views into
 * `bytes`. Where the parser loses step (an unknown tag, an operand that does not fit) it stops, as the engine does; values
 * that do not decode do not stop it.
 */
export function decodeBatch(bytes: Uint8Array, options: DecodeBatchOptions = {}): WriteBatch {
  const batch: WriteBatch = {
    sequence: 0n,
    count: 0,
    ops: [],
    operations: 0,
    counted: 0,
    anomalies: [],
    decodedLength: 0,
  };
  if (bytes.length < BATCH_HEADER) {
    batch.engineError = { kind: 'malformed-batch', message: 'log record too small' };
    note(batch, 'batch/too-short', 0, bytes.length, `${bytes.length} bytes, a WriteBatch has at least 12`);
    return batch;
  }
  const cursor = new Cursor(bytes);
  batch.sequence = cursor.u64()!;
  batch.count = cursor.u32()!;
  batch.decodedLength = BATCH_HEADER;
  if (batch.sequence > MAX_SEQUENCE)
    note(batch, 'batch/sequence-too-large', 0, 8, `Sequence number ${batch.sequence} does not fit 56 bits`);
  decodeOps(batch, cursor, options);
  return batch;
}

function decodeOps(batch: WriteBatch, cursor: Cursor, options: DecodeBatchOptions): void {
  const { specs } = dialectNamed(options.dialect).batch;
  const maxOps = options.maxOps ?? MAX_OPERATIONS;
  let beginPrepare = -1;
  for (let index = 0; cursor.remaining > 0; index++) {
    const start = cursor.position;
    const tag = cursor.u8()!;
    const spec = specs.get(tag);
    if (spec === undefined) {
      unknownTag(batch, start, tag, index);
      return;
    }
    const op = decodeOperands(cursor, spec, start);
    if (op === undefined) {
      truncated(batch, cursor, start, spec, index);
      return;
    }
    if (op.counted) batch.counted++;
    batch.operations++;
    if (batch.ops.length < maxOps) batch.ops.push(op);
    checkOperands(batch, op, spec.shape, options.timestampSizes);
    if (spec.kind === 'end-prepare') {
      if (beginPrepare < 0)
        unbalanced(batch, op.offset, op.length, 'A prepared section ends that did not begin');
      beginPrepare = -1;
    } else if (isBegin(spec)) {
      if (beginPrepare >= 0)
        unbalanced(batch, op.offset, op.length, 'A prepared section begins inside another');
      beginPrepare = op.offset;
    }
    batch.decodedLength = cursor.position;
  }
  if (beginPrepare >= 0)
    unbalanced(batch, beginPrepare, 1, 'The prepared section that begins here does not end');
  if (batch.counted === batch.count) return;
  batch.engineError = WRONG_COUNT;
  const message = `The header says ${batch.count} operations, ${batch.counted} are there`;
  note(batch, 'batch/wrong-count', 8, 4, message, { stored: batch.count, found: batch.counted });
}

function isBegin(spec: TagSpec): boolean {
  return spec.shape === Shape.none && spec.kind !== 'noop';
}

function decodeOperands(cursor: Cursor, spec: TagSpec, start: number): BatchOp | undefined {
  const columnFamily = spec.columnFamily ? cursor.varint32() : 0;
  if (columnFamily === undefined) return undefined;
  const op: BatchOp = {
    tag: spec.tag,
    kind: spec.kind,
    columnFamily,
    key: NOTHING,
    counted: spec.counted,
    offset: start,
    length: 0,
  };
  if (spec.shape !== Shape.none) {
    const first = cursor.lengthPrefixed();
    if (first === undefined) return undefined;
    op.key = first;
    if (spec.shape !== Shape.key && spec.shape !== Shape.logData && spec.shape !== Shape.xid) {
      const second = cursor.lengthPrefixed();
      if (second === undefined) return undefined;
      op.value = second;
    }
  }
  if (spec.shape === Shape.timestampXid) [op.key, op.value] = [op.value!, op.key];
  op.length = cursor.position - start;
  return op;
}

/** The contents of operands that fit. */
function checkOperands(
  batch: WriteBatch,
  op: BatchOp,
  shape: number,
  timestampSizes: ReadonlyMap<number, number> | undefined,
): void {
  const timestamp = op.counted ? timestampSizes?.get(op.columnFamily) : undefined;
  if (timestamp !== undefined && op.key.length < timestamp)
    note(
      batch,
      'batch/short-key',
      op.offset,
      op.length,
      `The key has ${op.key.length} bytes, its timestamp alone ${timestamp}`,
    );
  const value = op.value;
  if (value === undefined) return;
  if (shape === Shape.timedPut) checkTimedPut(batch, op, value);
  if (shape === Shape.blobIndex && decodeBlobIndex(value).kind === 'malformed')
    note(batch, 'batch/malformed-blob-index', op.offset, op.length, 'The blob index does not decode');
  const inside = shape === Shape.entity ? verifyEntity(value) : undefined;
  if (inside !== undefined) note(batch, 'batch/malformed-entity', op.offset, op.length, inside.message);
}

function checkTimedPut(batch: WriteBatch, op: BatchOp, value: Uint8Array): void {
  const split = value.length - 8;
  if (split < 0) {
    const message = `The value has ${value.length} bytes, its write time alone 8`;
    note(batch, 'batch/short-timed-put', op.offset, op.length, message);
    return;
  }
  op.writeTime = new Cursor(value, split).u64()!;
  op.value = value.subarray(0, split);
}

function unknownTag(batch: WriteBatch, offset: number, tag: number, index: number): void {
  // The engine prints the char sign-extended.
  const shown = tag < 0x80 ? tag : tag + 0xffffff00;
  batch.engineError = { kind: 'unknown-tag', message: `unknown WriteBatch tag: ${shown}` };
  const printable = tag >= 0x20 && tag < 0x7f ? ` (“${String.fromCharCode(tag)}”)` : '';
  const message = `Operation ${index + 1} has tag ${tag}${printable}, which does not exist`;
  note(batch, 'batch/unknown-tag', offset, 1, message, { tag, operation: index });
}

function truncated(batch: WriteBatch, cursor: Cursor, offset: number, spec: TagSpec, index: number): void {
  batch.engineError = { kind: 'malformed-batch', message: spec.complaint };
  const message = `Operation ${index + 1} (${spec.kind}) runs past the end of the batch`;
  const evidence = { tag: spec.tag, operation: index, bytesLeft: cursor.end - offset };
  note(batch, 'batch/truncated-operand', offset, cursor.end - offset, message, evidence);
}

function unbalanced(batch: WriteBatch, offset: number, length: number, message: string): void {
  note(batch, 'batch/unbalanced-prepare', offset, length, message);
}

function note(
  batch: WriteBatch,
  rule: WriteBatch['anomalies'][number]['rule'],
  offset: number,
  length: number,
  message: string,
  evidence?: Record<string, EvidenceValue>,
): void {
  if (batch.anomalies.length < MAX_ANOMALIES)
    batch.anomalies.push({ rule, offset, length, message, ...(evidence && { evidence }) });
}
