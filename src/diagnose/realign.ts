import { Cursor } from '../bytes/cursor.js';
import type { OpKind } from '../format/batch/batch.js';
import { type BatchDialect, Shape } from '../format/batch/tags.js';
import { type DialectName, dialectNamed } from '../format/dialect.js';

/** Where a batch that lost step can be read again. */
export interface Realigned {
  /** Position in the batch of the first operation of the remainder. */
  offset: number;
  /** Its operations, to the end of the batch. */
  operations: { offset: number; length: number; kind: OpKind; columnFamily: number; counted: boolean }[];
  /** `high` where chance would hardly chain so many operations that end exactly where the batch does. */
  confidence: 'high' | 'medium' | 'low';
}

/** Longer remainders are not searched. Bytes. */
const LONGEST = 1 << 20;

interface Step {
  next: number;
  kind: OpKind;
  columnFamily: number;
  counted: boolean;
}

/**
 * Finds the longest chain of operations that ends exactly at the end of the batch and begins at `from` or after it: what
 * one writer left intact after the place where another wrote over it. Operations must name one of `columnFamilies` and
 * have a key. Worked out from the end, each position once.
 */
export function realign(
  batch: Uint8Array,
  from: number,
  columnFamilies: ReadonlySet<number>,
  engine?: DialectName,
): Realigned | undefined {
  const dialect = dialectNamed(engine).batch;
  const length = batch.length - from;
  if (length <= 0 || length > LONGEST) return undefined;
  const chained = new Uint32Array(length + 1);
  let best = -1;
  for (let at = batch.length - 1; at >= from; at--) {
    const step = operationAt(batch, at, columnFamilies, dialect);
    if (step === undefined) continue;
    const isEnd = step.next === batch.length;
    if (!isEnd && chained[step.next - from] === 0) continue;
    chained[at - from] = 1 + (isEnd ? 0 : chained[step.next - from]);
    // of chains as long, the one that leaves less unexplained
    if (best < 0 || chained[at - from] >= chained[best - from]) best = at;
  }
  if (best < 0) return undefined;
  const operations: Realigned['operations'] = [];
  for (let at = best; at < batch.length; ) {
    const { next, ...operation } = operationAt(batch, at, columnFamilies, dialect) as Step;
    operations.push({ offset: at, length: next - at, ...operation });
    at = next;
  }
  const confidence = operations.length >= 4 ? 'high' : operations.length >= 2 ? 'medium' : 'low';
  return { offset: best, operations, confidence };
}

function operationAt(
  batch: Uint8Array,
  at: number,
  columnFamilies: ReadonlySet<number>,
  dialect: BatchDialect,
): Step | undefined {
  const spec = dialect.specs.get(batch[at]);
  // a byte alone is no operation that could be told from chance
  if (spec === undefined || spec.shape === Shape.none) return undefined;
  const cursor = new Cursor(batch, at + 1);
  const columnFamily = spec.columnFamily ? cursor.varint32() : 0;
  if (columnFamily === undefined || (spec.counted && !columnFamilies.has(columnFamily))) return undefined;
  const key = cursor.lengthPrefixed();
  if (key === undefined || (spec.counted && key.length === 0)) return undefined;
  const one = spec.shape === Shape.key || spec.shape === Shape.logData || spec.shape === Shape.xid;
  if (!one && cursor.lengthPrefixed() === undefined) return undefined;
  return { next: cursor.position, kind: spec.kind, columnFamily, counted: spec.counted };
}
