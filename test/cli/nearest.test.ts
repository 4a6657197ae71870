import { expect, it } from 'vitest';
import { nearest } from '../../src/cli/nearest.js';

const rules = [
  'wal/checksum-mismatch',
  'wal/torn-tail',
  'sst/block-checksum',
  'batch/wrong-count',
  'manifest/torn-tail',
];

it.each([
  ['wal/checksum-missmatch', ['wal/checksum-mismatch']],
  ['torn-tial', ['wal/torn-tail', 'manifest/torn-tail']],
  ['Wrong-Count', ['batch/wrong-count']],
  ['something-else-altogether', []],
])('%s', (typed, expected) => {
  expect(nearest(typed, rules)).toEqual(expected);
});
