import { expect, test } from 'vitest';
import {
  decodeCompression,
  decodePredecessor,
  decodeTimestampSizes,
} from '../../../src/format/log/metadata.js';
import { bytesOf } from './listing.js';

test('compression', () => {
  expect(decodeCompression(bytesOf('07000000'))).toEqual({ value: 7 });
  expect(decodeCompression(bytesOf('00000000'))).toEqual({ value: 0 });
  for (const payload of ['04000000', '0700'])
    expect(decodeCompression(bytesOf(payload)).error).toBe('could not decode SetCompressionType record');
});

test('timestamp sizes add up over a file', () => {
  const first = decodeTimestampSizes(bytesOf('01000000 0800 03000000 0800'), new Map());
  const second = decodeTimestampSizes(bytesOf('05000000 0800'), first.value!);
  expect([...second.value!]).toEqual([
    [1, 8],
    [3, 8],
    [5, 8],
  ]);
});

test.each([
  ['01000000 08', 'could not decode user-defined timestamp size record'],
  ['01000000 0000', 'User-defined timestamp size record contains zero timestamp size.'],
  ['07000000 0800', 'User-defined timestamp size record contains update to recorded column family.'],
])('timestamp sizes %s', (payload, error) => {
  expect(decodeTimestampSizes(bytesOf(payload), new Map([[7, 8]]))).toEqual({ error });
});

test('predecessor', () => {
  expect(decodePredecessor(bytesOf('0400000000000000 3300000000000000 0200000000000000'))).toEqual({
    value: { number: 4n, size: 51n, lastSequence: 2n },
  });
  expect(decodePredecessor(bytesOf('0400000000000000')).error).toBe(
    'could not decode PredecessorWALInfoType record',
  );
});
