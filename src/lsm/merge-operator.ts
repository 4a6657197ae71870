import type { NamedObject } from '../format/database-options.js';

/**
 * Merge operators as RocksDB ships them (rocksdb utilities/merge_operators/). Operands come oldest first; `base` is absent
 * when the key had no value, or a deleted one.
 */
export interface MergeOperator {
  name: string;
  merge(base: Uint8Array | undefined, operands: readonly Uint8Array[]): Uint8Array;
}

/** `base,operand,operand`: StringAppendOperator and StringAppendTESTOperator. */
function stringAppend(name: string, delimiter: string): MergeOperator {
  const between = new TextEncoder().encode(delimiter);
  return {
    name,
    merge(base, operands) {
      const parts = base === undefined ? operands : [base, ...operands];
      let size = between.length * (parts.length - 1);
      for (const part of parts) size += part.length;
      const result = new Uint8Array(size);
      let at = 0;
      for (const [i, part] of parts.entries()) {
        if (i > 0) {
          result.set(between, at);
          at += between.length;
        }
        result.set(part, at);
        at += part.length;
      }
      return result;
    },
  };
}

/** Sums u64 LE modulo 2^64; a value or operand that is not 8 bytes long counts as 0, as in the engine. */
const uint64Add: MergeOperator = {
  name: 'UInt64AddOperator',
  merge(base, operands) {
    const number = (bytes: Uint8Array): bigint =>
      bytes.length === 8 ? new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true) : 0n;
    let sum = base === undefined ? 0n : number(base);
    for (const operand of operands) sum += number(operand);
    const result = new Uint8Array(8);
    new DataView(result.buffer).setBigUint64(0, BigInt.asUintN(64, sum), true);
    return result;
  },
};

const put: MergeOperator = {
  name: 'PutOperator',
  merge: (_base, operands) => operands[operands.length - 1],
};

/** The bytewise largest. */
const max: MergeOperator = {
  name: 'MaxOperator',
  merge(base, operands) {
    let largest = base ?? new Uint8Array(0);
    for (const operand of operands) if (Buffer.compare(largest, operand) < 0) largest = operand;
    return largest;
  },
};

const bytesXor: MergeOperator = {
  name: 'BytesXOR',
  merge(base, operands) {
    const parts = base === undefined ? operands : [base, ...operands];
    const result = new Uint8Array(Math.max(...parts.map((part) => part.length)));
    for (const part of parts) for (let i = 0; i < part.length; i++) result[i] ^= part[i];
    return result;
  },
};

const builtIn = new Map<string, (delimiter: string) => MergeOperator>([
  ['StringAppendOperator', (delimiter) => stringAppend('StringAppendOperator', delimiter)],
  ['stringappend', (delimiter) => stringAppend('StringAppendOperator', delimiter)],
  ['StringAppendTESTOperator', (delimiter) => stringAppend('StringAppendTESTOperator', delimiter)],
  ['stringappendtest', (delimiter) => stringAppend('StringAppendTESTOperator', delimiter)],
  // Pebble's own, unless the program brings another
  ['pebble.concatenate', () => stringAppend('pebble.concatenate', '')],
  ['UInt64AddOperator', () => uint64Add],
  ['uint64add', () => uint64Add],
  ['PutOperator', () => put],
  ['put', () => put],
  ['put_v1', () => put],
  ['MaxOperator', () => max],
  ['max', () => max],
  ['BytesXOR', () => bytesXor],
  ['bytesxor', () => bytesXor],
]);

/**
 * The operator that OPTIONS names, with `,` as the default delimiter. `undefined` for an application's own operator: its
 * operands can be shown, but not merged.
 */
export function mergeOperator({ id, fields }: NamedObject): MergeOperator | undefined {
  const delimiter = fields.get('delimiter') ?? ',';
  // a delimiter that would be taken for syntax stands in braces
  const bare = delimiter.startsWith('{') && delimiter.endsWith('}') ? delimiter.slice(1, -1) : delimiter;
  return builtIn.get(id)?.(bare);
}
