import type { Anomaly } from '../finding/finding.js';
import type { BatchOp, OpKind, WriteBatch } from '../format/batch/batch.js';
import { decodeBatch } from '../format/batch/decode.js';
import { BATCH_HEADER, Shape } from '../format/batch/tags.js';
import { dialectNamed } from '../format/dialect.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { Fields } from './fields.js';
import { batchSaid, operationSaid } from './key-names.js';
import { type Detail, more, type Node, type NodePlace, type Words } from './node.js';
import { valueFields, valueWords } from './values.js';

/** The value type that an operation of the kind gets in memtables and tables; markers get none. */
const typeOfKind: Partial<Record<OpKind, number>> = {
  put: VALUE_TYPE.put,
  delete: VALUE_TYPE.delete,
  'single-delete': VALUE_TYPE.singleDelete,
  merge: VALUE_TYPE.merge,
  'range-delete': VALUE_TYPE.rangeDelete,
  'blob-index': VALUE_TYPE.blobIndex,
  entity: VALUE_TYPE.entity,
  'timed-put': VALUE_TYPE.timedPut,
};

/** Operations of a batch that are held: for its summary, and to be shown. */
const MOST_OPERATIONS = 100_000;

/**
 * A WriteBatch at `place`. `detail.records` takes it apart into operations. The sequence of an operation is given where it
 * is one for each: not in batches of transactions, where it depends on the write policy and on the commit.
 */
export function batchNode(
  bytes: Uint8Array,
  place: NodePlace,
  detail: Detail,
  timestampSizes?: ReadonlyMap<number, number>,
): Node {
  const batch = decodeBatch(bytes, { timestampSizes, maxOps: MOST_OPERATIONS, dialect: detail.dialect });
  const said = batchSaid(detail.keyNames, batch);
  const node: Node = { name: 'batch', at: place, text: summary(bytes, batch), ...said };
  if (!detail.records) {
    return { ...node, bytes, problems: batch.anomalies.map(({ message }) => message) };
  }
  return { ...node, transparent: true, children: () => operations(bytes, batch, place, detail) };
}

/** `197–202, 6 operations: 2 put, 1 merge …`. */
function summary(bytes: Uint8Array, batch: WriteBatch): Words {
  if (bytes.length < BATCH_HEADER) return `${bytes.length} bytes, no batch`;
  const { sequence, count } = batch;
  const range =
    count > 1 && isPlain(batch) ? `${sequence}–${sequence + BigInt(count) - 1n}` : String(sequence);
  const kinds = new Map<OpKind, number>();
  for (const { kind } of batch.ops) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  if (batch.ops.length === 1 && batch.ops[0].counted)
    return [`${range}: ${batch.ops[0].kind}`, ...words(batch.ops[0], undefined)];
  const said = [...kinds].map(([kind, times]) => (times === 1 ? kind : `${times} ${kind}`)).join(', ');
  return `${range}: ${count === 1 ? '1 operation' : `${count} operations`}${said === '' ? '' : ` (${said})`}`;
}

/** Each operation takes the next sequence number: true without markers of transactions. */
function isPlain({ ops }: WriteBatch): boolean {
  return ops.every(({ counted, kind }) => counted || kind === 'log-data');
}

function* operations(
  bytes: Uint8Array,
  batch: WriteBatch,
  place: NodePlace,
  { limit = Number.POSITIVE_INFINITY, keyNames }: Detail,
): Generator<Node> {
  const { space, offset: base } = place;
  const fields = new Fields(space, base, bytes);
  fields.u64('sequence');
  fields.u32('count');
  const about = (from: number, to: number) =>
    batch.anomalies.filter(({ offset }) => offset >= from && offset < to).map(({ message }) => message);
  for (const field of fields.nodes) {
    const from = (field.at?.offset ?? 0) - base;
    const problems = about(from, from + (field.at?.length ?? 0));
    yield problems.length > 0 ? { ...field, problems: [...(field.problems ?? []), ...problems] } : field;
  }
  const plain = isPlain(batch);
  let sequence = batch.sequence;
  for (const [index, op] of batch.ops.entries()) {
    if (index === limit) {
      yield more(limit);
      return;
    }
    const own = plain && op.counted ? sequence++ : undefined;
    const node = operationNode(bytes, op, place, own);
    node.index = index;
    Object.assign(node, operationSaid(keyNames, op));
    if (batch.anomalies.length > 0) node.problems = about(op.offset, op.offset + op.length);
    yield node;
  }
  if (batch.operations > batch.ops.length) {
    const unsupported = `no more than the first ${MOST_OPERATIONS} of its ${batch.operations} operations are shown`;
    yield { name: 'operations', unsupported };
  }
  const left = leftOver(bytes, batch, batch.anomalies);
  if (left > 0 && batch.decodedLength >= BATCH_HEADER) {
    const from = batch.decodedLength;
    yield {
      name: 'undecoded',
      at: { space, offset: base + from, length: left },
      problems: about(from, bytes.length),
      bytes: bytes.subarray(from),
    };
  }
}

function leftOver(bytes: Uint8Array, { decodedLength }: WriteBatch, anomalies: readonly Anomaly[]): number {
  return anomalies.length === 0 ? 0 : bytes.length - decodedLength;
}

function words(op: BatchOp, sequence: bigint | undefined): (string | Uint8Array)[] {
  const { kind, key, value, columnFamily } = op;
  const type = typeOfKind[kind];
  const list: (string | Uint8Array)[] = [];
  if (key.length > 0 || type !== undefined) list.push(' ', key);
  if (sequence !== undefined) list.push(` @${sequence}`);
  if (columnFamily !== 0) list.push(` cf ${columnFamily}`);
  if (value === undefined || type === undefined) return list;
  if (kind === 'range-delete') return [...list, ' to ', value];
  if (kind === 'timed-put') return [...list, ' = ', value, ` at ${op.writeTime}`];
  return [...list, ' = ', ...valueWords(type, value)];
}

/** Names of the two operands, by the shape that the tag gives them. */
function operandNames(shape: number): [string, string] {
  if (shape === Shape.range) return ['begin key', 'end key'];
  if (shape === Shape.xid) return ['transaction', ''];
  if (shape === Shape.timestampXid) return ['timestamp', 'transaction'];
  return shape === Shape.logData ? ['data', ''] : ['key', 'value'];
}

function operationNode(bytes: Uint8Array, op: BatchOp, place: NodePlace, sequence: bigint | undefined): Node {
  const { space, offset: base } = place;
  return {
    name: op.kind,
    at: { space, offset: base + op.offset, length: op.length },
    text: words(op, sequence).slice(1),
    encoding: true,
    children() {
      const spec = dialectNamed().batch.specs.get(op.tag);
      const fields = new Fields(space, base, bytes, op.offset, op.offset + op.length);
      fields.u8('tag', () => op.kind);
      if (spec === undefined) return fields.nodes;
      if (spec.columnFamily) fields.varint32('column family');
      const [first, second] = operandNames(spec.shape);
      if (spec.shape !== Shape.none) fields.lengthPrefixed(first);
      if (fields.remaining > 0) {
        fields.lengthPrefixed(second, (value) => {
          const start = base + value.byteOffset - bytes.byteOffset;
          const inner = valueFields(typeOfKind[op.kind] ?? -1, value, space, start, 'write time');
          return inner === undefined ? undefined : { children: () => inner };
        });
      }
      return fields.nodes;
    },
  };
}
