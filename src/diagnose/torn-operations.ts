import type { BatchOp } from '../format/batch/batch.js';
import { decodeBatch, isCut } from '../format/batch/decode.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import type { DialectName } from '../format/dialect.js';
import { realign } from './realign.js';

/** What can be read of a batch that another writer wrote into. */
export interface TornOperations {
  /** Up to the place where the parser loses step; all of them where it does not. */
  before: readonly BatchOp[];
  /** Those after it that decode to the end of the batch. Their offsets do not count. */
  behind: readonly BatchOp[];
}

/** The operations on both sides of the place where a batch loses step. `columnFamilies`: those that operations may name. */
export function tornOperations(
  bytes: Uint8Array,
  columnFamilies: ReadonlySet<number>,
  dialect?: DialectName,
): TornOperations {
  const batch = decodeBatch(bytes, { dialect });
  const { ops, decodedLength } = batch;
  if (decodedLength >= bytes.length || isCut(batch)) return { before: ops, behind: [] };
  const families = new Set([0, ...columnFamilies, ...ops.map(({ columnFamily }) => columnFamily)]);
  const last = ops.at(-1);
  const rest = realign(bytes, last === undefined ? decodedLength : last.offset + 1, families, dialect);
  if (rest === undefined) return { before: ops, behind: [] };
  const remainder = new Uint8Array(BATCH_HEADER + bytes.length - rest.offset);
  remainder.set(bytes.subarray(rest.offset), BATCH_HEADER);
  return {
    before: withoutSwallowed(ops, decodedLength - rest.offset),
    behind: decodeBatch(remainder, { dialect }).ops,
  };
}

/** The last operation took `count` bytes for its own that are read after it. */
function withoutSwallowed(ops: readonly BatchOp[], count: number): readonly BatchOp[] {
  const last = ops.at(-1);
  if (last === undefined || count <= 0) return ops;
  const { value = new Uint8Array(0) } = last;
  const first = ops.slice(0, -1);
  return value.length < count
    ? first
    : [...first, { ...last, value: value.subarray(0, value.length - count) }];
}
