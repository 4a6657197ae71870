import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeBatch, setBatchHeader } from '../../../src/encode/batch/encode.js';
import { decodeBatch } from '../../../src/format/batch/decode.js';
import { batchInput } from '../../format/batch/arbitrary.js';

test('a batch that is decoded and encoded again has the same bytes', () => {
  fc.assert(
    fc.property(batchInput, (input) => {
      const bytes = encodeBatch(input);
      const { sequence, ops } = decodeBatch(bytes);
      expect(sequence).toBe(input.sequence);
      expect(ops.map((op) => op.kind)).toEqual(input.ops.map((op) => op.kind));
      expect(Buffer.compare(encodeBatch({ sequence, ops }), bytes)).toBe(0);
    }),
    { numRuns: 1000 },
  );
});

test('column family 0 takes the short form, a tag that is given is kept', () => {
  const op = { kind: 'delete', columnFamily: 0, key: new Uint8Array([0x6b]) } as const;
  const hex = (ops: Parameters<typeof encodeBatch>[0]['ops']) =>
    Buffer.from(encodeBatch({ sequence: 1n, ops }))
      .toString('hex')
      .slice(24);
  expect(hex([op])).toBe('00016b');
  expect(hex([{ ...op, tag: 0x04 }])).toBe('0400016b');
  expect(hex([{ ...op, columnFamily: 300 }])).toBe('04ac02016b');
});

test('the header of a batch can be put right in place', () => {
  const bytes = encodeBatch({ sequence: 9n, count: 4, ops: [] });
  expect(decodeBatch(bytes).anomalies).toHaveLength(1);
  setBatchHeader(bytes, { count: 0, sequence: 10n });
  expect(decodeBatch(bytes)).toMatchObject({ sequence: 10n, count: 0, anomalies: [] });
});
