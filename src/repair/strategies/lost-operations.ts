import { Cursor } from '../../bytes/cursor.js';
import { tornOperations } from '../../diagnose/torn-operations.js';
import type { BatchOp } from '../../format/batch/batch.js';
import { decodeBatch } from '../../format/batch/decode.js';
import { BATCH_HEADER } from '../../format/batch/tags.js';
import { type DialectName, dialectNamed } from '../../format/dialect.js';
import type { Mended } from './mend-batch.js';
import type { NamedOperation } from './operation-facts.js';

/** What a salvage does not keep of a batch. */
export interface LostOperations {
  /** Operations that the header counts and that are not kept; 0 where the header cannot be right. */
  count: number;
  /** Those whose column family and key can still be read, for a person. */
  operations: NamedOperation[];
  /** Operations that decode completely. */
  ops: readonly BatchOp[];
}

/** A delete of the empty key takes two bytes, and no operation takes less. */
const SHORTEST_OPERATION = 2;

/** The operations of a batch that `mended` leaves out, as far as they can be told. `families`: those that it may name. */
export function lostOperations(
  batch: Uint8Array,
  { counted, operations, end = BATCH_HEADER, zerosAt, batch: usable }: Mended,
  fits: boolean,
  families: ReadonlySet<number>,
  dialect?: DialectName,
): LostOperations {
  if (batch.length < BATCH_HEADER) return { count: 0, operations: [], ops: [] };
  const plausible = counted * SHORTEST_OPERATION <= batch.length - BATCH_HEADER;
  const count = plausible ? Math.max(0, counted - operations) : 0;
  // kept to its end: nothing that decodes is left out
  if (fits && usable?.length === batch.length) return { count: 0, operations: [], ops: [] };
  const { before, behind } =
    zerosAt < batch.length
      ? { before: decodeBatch(batch, { dialect }).ops, behind: [] }
      : tornOperations(batch, families, dialect);
  const from = fits ? end : BATCH_HEADER;
  const whole = [
    ...before.filter(({ offset, length }) => offset >= from && offset + length <= zerosAt),
    ...behind,
  ];
  const named: NamedOperation[] = whole.filter((op) => op.counted);
  const next = before
    .filter(({ offset }) => offset >= from)
    .find(({ offset, length }) => offset + length > zerosAt);
  const broken = operationAt(
    batch,
    next?.offset ?? decodedEnd(before, from),
    Math.min(zerosAt, batch.length),
    dialect,
  );
  if (broken !== undefined && behind.length === 0) named.push(broken);
  return { count, operations: named, ops: whole };
}

function decodedEnd(ops: readonly BatchOp[], from: number): number {
  return ops.reduce((end, { offset, length }) => Math.max(end, offset + length), from);
}

/** What an operation that is not whole begins with: its kind, column family and as much of its key as stands before `limit`. */
function operationAt(
  batch: Uint8Array,
  offset: number,
  limit: number,
  dialect: DialectName | undefined,
): NamedOperation | undefined {
  if (offset >= limit) return undefined;
  const cursor = new Cursor(batch.subarray(0, limit), offset);
  const spec = dialectNamed(dialect).batch.specs.get(cursor.u8() ?? -1);
  if (spec === undefined || !spec.counted) return undefined;
  const columnFamily = spec.columnFamily ? cursor.varint32() : 0;
  const length = columnFamily === undefined ? undefined : cursor.varint32();
  if (columnFamily === undefined || length === undefined || length === 0) return undefined;
  const from = cursor.position;
  const key = batch.slice(from, Math.min(from + length, limit));
  return { kind: spec.kind, columnFamily, key, ...(key.length < length && { cut: true as const }) };
}
