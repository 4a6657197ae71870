import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
    isCut: false,
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

describe('a line without an equals sign', () => {
  const changesOf = (line: string) =>
    parsePebbleOptions(Buffer.from(`[Options]\n  ${line}\n`)).anomalies.map(
      ({ evidence }) => evidence?.changes,
    );

  test('has one behind a key that one bit leads to', () => {
    expect(changesOf('strict_wal_tail}true')).toEqual([[{ offset: 27, bit: 6 }]]);
    expect(changesOf('wal_dir<')).toEqual([[{ offset: 19, bit: 0 }]]);
  });

  test('does not where the key is none, or the bit another', () => {
    for (const line of ['strict_wal}true', 'strict_wal_tail:true', 'strict_wal_tail', 'to-do'])
      expect(changesOf(line)).toEqual([undefined]);
  });
});
