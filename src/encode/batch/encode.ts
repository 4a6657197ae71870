import type { BatchOp, OpKind } from '../../format/batch/batch.js';
import { BATCH_HEADER, type BatchDialect, Shape, type TagSpec } from '../../format/batch/tags.js';
import { type DialectName, dialectNamed } from '../../format/dialect.js';
import { putVarint32, varint32Length } from '../varint.js';

/** An operation to encode: what `decodeBatch` yields, or the same without offsets. */
export type BatchOpInput = Pick<BatchOp, 'kind' | 'columnFamily' | 'key'> &
  Partial<Pick<BatchOp, 'value' | 'writeTime' | 'tag'>>;

export interface BatchInput {
  sequence: bigint;
  ops: readonly BatchOpInput[];
  /** Default: the operations that count. Another number makes a batch that no engine accepts. */
  count?: number;
}

const NOTHING = new Uint8Array(0);

/**
 * The bytes of a WriteBatch. An operation with a `tag` keeps it, so that a decoded batch gives back its own bytes; without
 * one, column family 0 takes the short form as RocksDB's writer does. Throws on an operation that the dialect has no tag
 * for: that is a mistake of the caller, not of the input.
 */
export function encodeBatch(batch: BatchInput, engine?: DialectName): Uint8Array {
  const dialect = dialectNamed(engine).batch;
  const specs = batch.ops.map((op) => specOf(op, dialect));
  let size = BATCH_HEADER;
  for (const [i, op] of batch.ops.entries()) size += encodedLength(op, specs[i]);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, batch.sequence, true);
  view.setUint32(8, batch.count ?? specs.filter((spec) => spec.counted).length, true);
  let at = BATCH_HEADER;
  for (const [i, op] of batch.ops.entries()) at = putOp(bytes, view, at, op, specs[i]);
  return bytes;
}

/** Puts another sequence or count into the header of a batch, in place. */
export function setBatchHeader(bytes: Uint8Array, header: { sequence?: bigint; count?: number }): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (header.sequence !== undefined) view.setBigUint64(0, header.sequence, true);
  if (header.count !== undefined) view.setUint32(8, header.count, true);
}

function specOf(op: BatchOpInput, dialect: BatchDialect): TagSpec {
  if (op.tag !== undefined) {
    const spec = dialect.specs.get(op.tag);
    if (spec !== undefined) return spec;
  }
  let found: TagSpec | undefined;
  for (const spec of dialect.specs.values()) {
    if (spec.kind !== op.kind) continue;
    if (spec.columnFamily === (op.columnFamily !== 0)) return spec;
    // A marker has one form only, whatever the column family says.
    if (spec.shape === Shape.none || !spec.counted) found = spec;
  }
  if (found === undefined) throw new RangeError(unencodable(op.kind, op.columnFamily, dialect));
  return found;
}

function unencodable(kind: OpKind, columnFamily: number, dialect: BatchDialect): string {
  return `${dialect.name} has no ${kind} in column family ${columnFamily}`;
}

/** The strings of an operation, in the order in which they are stored. */
function operands(op: BatchOpInput, shape: number): Uint8Array[] {
  const value = op.value ?? NOTHING;
  if (shape === Shape.none) return [];
  if (shape === Shape.key || shape === Shape.logData || shape === Shape.xid) return [op.key];
  return shape === Shape.timestampXid ? [value, op.key] : [op.key, value];
}

function encodedLength(op: BatchOpInput, spec: TagSpec): number {
  let length = 1 + (spec.columnFamily ? varint32Length(op.columnFamily) : 0);
  const strings = operands(op, spec.shape);
  for (const [i, string] of strings.entries()) {
    const size = string.length + (i === 1 && spec.shape === Shape.timedPut ? 8 : 0);
    length += varint32Length(size) + size;
  }
  return length;
}

function putOp(bytes: Uint8Array, view: DataView, start: number, op: BatchOpInput, spec: TagSpec): number {
  let at = start;
  bytes[at++] = spec.tag;
  if (spec.columnFamily) at = putVarint32(bytes, at, op.columnFamily);
  for (const [i, string] of operands(op, spec.shape).entries()) {
    const timed = i === 1 && spec.shape === Shape.timedPut;
    at = putVarint32(bytes, at, string.length + (timed ? 8 : 0));
    bytes.set(string, at);
    at += string.length;
    if (timed) {
      view.setBigUint64(at, op.writeTime ?? 0n, true);
      at += 8;
    }
  }
  return at;
}
