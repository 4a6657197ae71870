import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBatch } from '../../../src/encode/batch/encode.js';
import { decodeBatch } from '../../../src/format/batch/decode.js';
import { BatchTally } from '../../../src/format/batch/tally.js';
import { verifyBatch } from '../../../src/format/batch/verify.js';
import { batchInput, mutate, mutation } from './arbitrary.js';

/** Both readers on the same bytes; the fast one gets them inside a larger array. */
function both(batch: Uint8Array): { fast: boolean; slow: boolean; tally: BatchTally } {
  const around = new Uint8Array(batch.length + 20).fill(0x01);
  around.set(batch, 9);
  const tally = new BatchTally();
  const fast = verifyBatch(around, 9, 9 + batch.length, tally);
  return { fast, slow: decodeBatch(batch).anomalies.length === 0, tally };
}

describe('the fast reader agrees with the slow one', () => {
  test('on batches as they are written', () => {
    fc.assert(
      fc.property(batchInput, (input) => {
        const { fast, slow, tally } = both(encodeBatch(input));
        const blobs = input.ops.some((op) => op.kind === 'blob-index');
        if (!blobs) expect(fast).toBe(true);
        expect(fast).toBe(slow);
        expect(tally.sequence).toBe(input.sequence);
        if (!fast) return;
        const counted = tally.columnFamilies().reduce((sum, family) => sum + family.operations, 0);
        expect(counted).toBe(tally.count);
      }),
      { numRuns: 500 },
    );
  });

  test('on changed and truncated ones', () => {
    fc.assert(
      fc.property(batchInput, mutation, fc.option(fc.nat(60)), (input, changes, cut) => {
        const whole = mutate(encodeBatch(input), changes);
        const { fast, slow, tally } = both(cut === null ? whole : whole.subarray(0, whole.length - cut));
        expect(fast).toBe(slow);
        if (!fast) expect(tally.columnFamilies()).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });

  test('on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const { fast, slow } = both(bytes);
        expect(fast).toBe(slow);
      }),
      { numRuns: 2000 },
    );
  });
});

test('operations add up over batches, by column family', () => {
  const key = new Uint8Array([0x6b]);
  const tally = new BatchTally();
  for (const columnFamily of [0, 3, 3, 5000]) {
    const bytes = encodeBatch({ sequence: 7n, ops: [{ kind: 'delete', columnFamily, key }] });
    expect(verifyBatch(bytes, 0, bytes.length, tally)).toBe(true);
  }
  expect(tally.columnFamilies()).toEqual([
    { id: 0, operations: 1 },
    { id: 3, operations: 2 },
    { id: 5000, operations: 1 },
  ]);
});

test.each([
  ['two puts', ['put', 'put'], 2],
  ['a range delete that holds nothing', ['range-delete'], 0],
  ['a noop: the policy decides', ['noop', 'put'], 0],
] as const)('sequence numbers that are taken for sure: %s', (_name, kinds, consumed) => {
  const key = new Uint8Array([0x6b]);
  const bytes = encodeBatch({
    sequence: 1n,
    ops: kinds.map((kind) => ({ kind, columnFamily: 0, key, value: key })),
  });
  const tally = new BatchTally();
  expect(verifyBatch(bytes, 0, bytes.length, tally)).toBe(true);
  expect(tally.consumed).toBe(consumed);
});
