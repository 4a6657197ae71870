import fc from 'fast-check';
import { expect, test } from 'vitest';
import { databaseOptions } from '../../../src/format/database-options.js';
import { parsePebbleOptions } from '../../../src/format/pebble-options.js';
import { fixture } from '../../support/files.js';

const parse = (text: string) => parsePebbleOptions(Buffer.from(text));

test('a real file', () => {
  const file = parsePebbleOptions(fixture('pebble-stores/virtual').get('OPTIONS-000003')!);
  expect(file.anomalies).toEqual([]);
  expect(file.sections.map(({ title, argument }) => argument ?? title).slice(0, 4)).toEqual([
    'Version',
    'Options',
    '0',
    '1',
  ]);
  expect(databaseOptions(file).pebble).toEqual({
    comparer: 'leveldb.BytewiseComparator',
    merger: 'pebble.concatenate',
    strictWalTail: true,
    formatVersion: 16,
    walDir: undefined,
  });
});

test('a line without an equals sign refuses, comments and blank lines do not', () => {
  expect(parse('[Options]\n\n; x\n# y\n  a=\n').anomalies).toEqual([]);
  expect(parse('[Options]\n  garbage\n').anomalies).toMatchObject([
    { rule: 'directory/options-line', offset: 10, length: 9 },
  ]);
  expect(parse('').anomalies).toMatchObject([{ rule: 'directory/options-missing-section' }]);
});

test('any bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parsePebbleOptions(bytes)));
});
