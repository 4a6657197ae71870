/** Keys and values as Restate writes them (src/app/restate), and the column families that it writes them to. */
import type { Bytes, EngineStep } from './engine.js';

const big = (number: number | bigint, bytes = 8): Buffer =>
  Buffer.from(
    BigInt(number)
      .toString(16)
      .padStart(bytes * 2, '0'),
    'hex',
  );

export function varint(number: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(number);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

const named = (letters: string, ...parts: Uint8Array[]) => Buffer.concat([Buffer.from(letters), ...parts]);
const integer = (field: number, value: number | bigint) =>
  BigInt(value) === 0n ? Buffer.alloc(0) : Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field: number, value: Uint8Array) =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
const text = (value: string) => Buffer.concat([varint(value.length), Buffer.from(value)]);

export const keys = {
  entry: (index: number | bigint) => named('l', big(index)),
  record: (loglet: number | bigint, offset: number | bigint) => named('d', big(loglet), big(offset)),
  trimPoint: (loglet: number | bigint) => named('t', big(loglet)),
  globalTail: (loglet: number | bigint) => named('g', big(loglet)),
  sequencer: (loglet: number | bigint) => named('s', big(loglet)),
  seal: (loglet: number | bigint) => named('Z', big(loglet)),
  logletState: (loglet: number | bigint) => named('m', big(loglet), Buffer.from([1])),
  variable: (partition: number, variable: number) => named('fs', big(partition), big(variable)),
  journal: (hash: number, invocation: Uint8Array, index: number) =>
    named('j2', big(hash), invocation, big(index, 4)),
  state: (hash: number, service: string, key: string, state: string) =>
    named('st', big(hash), text(service), text(key), text(state)),
  timer: (partition: number, at: number, invocation: Uint8Array) =>
    named('ti', big(partition), big(at), Buffer.from([3]), invocation),
  deduplication: (partition: number, producer: string) =>
    named('de', big(partition), Buffer.from([1]), text(producer)),
};

export const values = {
  entry: (index: number, term = 2, data = `command ${index}`) =>
    Buffer.concat([integer(2, term), integer(3, index), bytes(4, Buffer.from(data))]),
  hardState: (commit: number, term = 2) =>
    Buffer.concat([integer(1, term), integer(2, 1), integer(3, commit)]),
  snapshot: (index: number, term = 2) =>
    Buffer.concat([
      bytes(1, Buffer.from('snapshot')),
      bytes(2, Buffer.concat([integer(2, index), integer(3, term)])),
    ]),
  confState: (...voters: number[]) => Buffer.concat(voters.map((voter) => integer(1, voter))),
  record: (body: string, ...ofKeys: bigint[]) => {
    const numbers = ofKeys.map((key) => big(key).reverse());
    const time = big(1_744_620_000_000_000_000n).reverse();
    return Buffer.concat([
      Buffer.from([1, ofKeys.length]),
      ...numbers,
      Buffer.alloc(2),
      time,
      Buffer.from(body),
    ]);
  },
  offset: (offset: number) => big(offset, 4),
  marker: (id: number) => Buffer.from(JSON.stringify({ id, created_at: '2026-11-28T17:27:48.290370178Z' })),
  /** An operand of a local loglet's state, as a FlexBuffer: see src/app/restate/log-state.ts. */
  released: (offset: number) => {
    const map = Buffer.from([1, 0x10, 1, 1, 1, offset, 8, 1, 3, 0x24, 1, 0x22]);
    const root = Buffer.from([1, 1, 1, 7, 0x28, 2, 0x24, 1]);
    const body = Buffer.concat([Buffer.from('updates\0ReleasePointer\0'), map, root]);
    return Buffer.concat([Buffer.from([2]), big(body.length, 4).reverse(), body]);
  },
  node: (id: number, generation: number) => Buffer.concat([big(id, 4), big(generation, 4)]),
};

/** Column families of each of a node's databases. */
export const columnFamilies = {
  'metadata-server': ['default', 'data', 'metadata'],
  'log-server': ['default', 'data', 'metadata'],
  'local-loglet': ['default', 'logstore_data', 'logstore_metadata'],
  'partition-store': ['default', 'data-0', 'data-1'],
  'local-metadata-store': ['default', 'kv_pairs'],
} as const;

/** Bytes as a script of the engine has them. */
export const base64 = (value: Uint8Array): Bytes => ({ base64: Buffer.from(value).toString('base64') });

/** Puts, in one batch, by column family. */
export function puts(column: string, entries: readonly (readonly [Uint8Array, Uint8Array])[]): EngineStep {
  return {
    op: 'batch',
    ops: entries.map(([key, value]) => ({ type: 'put', key: base64(key), value: base64(value), column })),
  };
}
