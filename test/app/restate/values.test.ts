import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFlexBuffer } from '../../../src/app/restate/flexbuffers.js';
import { decodeLogState, mergedLogState } from '../../../src/app/restate/log-state.js';
import {
  decodeHardState,
  decodeLogRecord,
  decodeMarker,
  decodeNodeId,
  decodeOffset,
  decodeRaftSnapshot,
  decodeRestateEntry,
  decodeVoters,
} from '../../../src/app/restate/log-values.js';

const bytes = (...values: number[]) => Uint8Array.from(values);
const u64 = (value: number) => [value, 0, 0, 0, 0, 0, 0, 0];

describe('a FlexBuffer', () => {
  it.each([
    ['a number', [5, 2 << 2, 1], 5n],
    ['a list', [2, 1, 2, 2 << 2, 2 << 2, 4, 10 << 2, 1], [1n, 2n]],
    ['a record', [0x6b, 0, 1, 3, 1, 1, 1, 7, 2 << 2, 2, 9 << 2, 1], new Map([['k', 7n]])],
    ['a width that does not exist', [5, 2 << 2, 3], undefined],
    ['a list that would begin before the buffer', [2, 1, 2, 8, 8, 40, 10 << 2, 1], undefined],
  ])('of %s', (_, buffer, value) => {
    expect(decodeFlexBuffer(bytes(...buffer))).toEqual(value);
  });
});

describe('the state of a local loglet', () => {
  it('only moves forward', () => {
    const at = (released: bigint, trimPoint: bigint, sealed = false) => ({ released, trimPoint, sealed });
    expect(mergedLogState([at(5n, 1n), at(3n, 2n, true), at(4n, 0n)])).toEqual(at(5n, 2n, true));
    expect(mergedLogState([at(5n, 1n), undefined])).toBeUndefined();
  });

  it('is none of another codec, or of another length than it says', () => {
    expect(decodeLogState(bytes(1, 3, 0, 0, 0, 5, 8, 1))).toBeUndefined();
    expect(decodeLogState(bytes(2, 4, 0, 0, 0, 5, 8, 1))).toBeUndefined();
  });
});

describe('values of a log server', () => {
  it.each([
    ['without keys', [1, 0, 0, 0, ...u64(5), 9, 9], { createdAt: 5n, keys: [], range: false, payload: 2 }],
    [
      'of one key',
      [1, 1, ...u64(7), 0, 0, ...u64(5)],
      { createdAt: 5n, keys: [7n], range: false, payload: 0 },
    ],
    [
      'of a range',
      [1, 3, ...u64(1), ...u64(9), 1, 0, ...u64(5)],
      { keys: [1n, 9n], range: true, payload: 0 },
    ],
    ['of a newer format', [2, 0, 0, 0, ...u64(5)], undefined],
    ['that ends in its time', [1, 0, 0, 0, 5], undefined],
  ])('record %s', (_, record, value) => {
    expect(decodeLogRecord(bytes(...record))).toEqual(value);
  });

  it('name nodes and offsets', () => {
    expect(decodeNodeId(bytes(0, 0, 0, 1, 0, 0, 0, 3))).toBe('N1:3');
    expect(decodeOffset(bytes(0, 0, 1, 0))).toBe(256n);
    expect(decodeOffset(bytes(0, 0, 0, 0, 0, 0, 1, 0))).toBe(256n);
    expect(decodeOffset(bytes(1))).toBeUndefined();
    expect(decodeMarker(Buffer.from('{"id": 4}'))).toBe(4);
    expect(decodeMarker(Buffer.from('{"id": "4"}'))).toBeUndefined();
    expect(decodeMarker(Buffer.from('null'))).toBeUndefined();
  });
});

it('no bytes make a decoder throw', () => {
  const decoders = [
    decodeFlexBuffer,
    decodeLogState,
    decodeLogRecord,
    decodeOffset,
    decodeNodeId,
    decodeMarker,
    decodeRestateEntry,
    decodeHardState,
    decodeRaftSnapshot,
    decodeVoters,
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (any) => {
      for (const decode of decoders) decode(any);
    }),
    { numRuns: 2000 },
  );
});
