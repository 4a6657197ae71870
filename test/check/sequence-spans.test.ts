import { expect, it } from 'vitest';
import { isOlderTable } from '../../src/check/sequence-spans.js';

/* A MANIFEST with log number 12, and a log with the sequences 692 to 1032. */
const logs = [{ first: 692n, last: 1032n }];

it.each([
  ['after the log was begun', { number: 13n, last: 600n }, false],
  ['before it', { number: 11n, last: 600n }, true],
  ['of logs that the open before it has read', { number: 11n, last: 691n }, false],
])('a table that was written %s', (_, table, isOlder) => {
  expect(isOlderTable(table, 12n, logs)).toBe(isOlder);
});
