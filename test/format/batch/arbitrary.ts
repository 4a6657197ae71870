import fc from 'fast-check';
import type { BatchInput, BatchOpInput } from '../../../src/encode/batch/encode.js';

const string = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.integer({ min: 0, max: 400 }).map((length) => new Uint8Array(length).fill(0x61)),
);
const columnFamily = fc.oneof(fc.nat(3), fc.constantFrom(127, 128, 255, 256, 70_000, 0xffffffff));

const op: fc.Arbitrary<BatchOpInput> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('put' as const, 'merge' as const, 'range-delete' as const, 'blob-index' as const),
    columnFamily,
    key: string,
    value: string,
  }),
  fc.record({
    kind: fc.constantFrom('delete' as const, 'single-delete' as const),
    columnFamily,
    key: string,
  }),
  fc.record({
    kind: fc.constant('timed-put' as const),
    columnFamily,
    key: string,
    value: string,
    writeTime: fc.bigInt(0n, (1n << 64n) - 1n),
  }),
  fc.record({
    kind: fc.constantFrom('log-data' as const, 'commit' as const, 'rollback' as const),
    columnFamily: fc.constant(0),
    key: string,
  }),
  fc.record({
    kind: fc.constant('commit-with-timestamp' as const),
    columnFamily: fc.constant(0),
    key: string,
    value: string,
  }),
  fc.constant({ kind: 'noop' as const, columnFamily: 0, key: new Uint8Array(0) }),
);

/** Batches as a writer could make them, blob indexes aside, whose values are arbitrary bytes. */
export const batchInput: fc.Arbitrary<BatchInput> = fc.record({
  sequence: fc.bigInt(0n, (1n << 56n) - 1n),
  ops: fc.array(op, { maxLength: 12 }),
});

/** Bytes to change in a batch: position as a fraction, new value. */
export const mutation = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
  minLength: 1,
  maxLength: 4,
});

/** `bytes` with the mutation done to a copy. */
export function mutate(bytes: Uint8Array, changes: [number, number][]): Uint8Array {
  const copy = bytes.slice();
  for (const [where, value] of changes)
    copy[Math.min(Math.floor(where * copy.length), copy.length - 1)] = value;
  return copy;
}
