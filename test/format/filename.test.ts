import { describe, expect, it } from 'vitest';
import { fileName, parseFileName } from '../../src/format/filename.js';

describe('parseFileName', () => {
  it.each([
    ['CURRENT', 'current', undefined],
    ['MANIFEST-000005', 'manifest', 5n],
    ['MANIFEST-25', 'manifest', 25n],
    ['/MANIFEST-000025', 'manifest', 25n],
    ['MANIFEST-000005.bak', 'other', undefined],
    ['MANIFEST-', 'other', undefined],
    ['000012.log', 'wal', 12n],
    ['1234567890123.log', 'wal', 1234567890123n],
    ['000012.sst', 'table', 12n],
    ['000012.ldb', 'table', 12n],
    ['000008.sst.bak', 'other', undefined],
    ['000012.blob', 'blob', 12n],
    ['000012.dbtmp', 'temporary', 12n],
    ['OPTIONS-000007', 'options', 7n],
    ['OPTIONS-000001.bak', 'options', 1n],
    ['OPTIONS-000007.dbtmp', 'temporary', 7n],
    ['IDENTITY', 'identity', undefined],
    ['LOCK', 'lock', undefined],
    ['LOG', 'info-log', undefined],
    ['LOG.old', 'info-log', undefined],
    ['LOG.old.1700000000000000', 'info-log', undefined],
    ['data_db_LOG', 'info-log', undefined],
    ['data_db_LOG.old.17', 'info-log', undefined],
    ['000012.sst.trash', 'trash', undefined],
    ['000012.sst.trash3', 'trash', undefined],
    ['COMPACTION_PROGRESS-17', 'compaction-progress', 17n],
    ['COMPACTION_PROGRESS-17.dbtmp', 'temporary', 17n],
    ['METADB-3', 'metadb', 3n],
    ['CURRENT.tmp', 'temporary', undefined],
    ['MANIFEST-000005.tmp', 'temporary', 5n],
    ['temporary.000007.dbtmp', 'temporary', 7n],
    ['000004-002.log', 'wal', 4n],
    ['000006.blobmeta.4096', 'pebble-blob-metadata', 6n],
    ['REMOTE-OBJ-CATALOG-000003', 'pebble-remote-catalog', 3n],
    ['18446744073709551616.sst', 'other', undefined],
    ['constructor', 'other', undefined],
    ['7.constructor', 'other', undefined],
    ['', 'other', undefined],
  ])('%s is %s', (name, kind, number) => {
    expect(parseFileName(name)).toMatchObject({ kind, ...(number === undefined ? {} : { number }) });
    expect(parseFileName(name).number).toBe(number);
  });

  it('keeps what stands after the digits', () => {
    expect(parseFileName('OPTIONS-000001.bak').suffix).toBe('.bak');
    expect(parseFileName('000004-002.log').suffix).toBe('002');
  });

  it('reads the value out of a pebble marker', () => {
    expect(parseFileName('marker.manifest.000003.MANIFEST-000012')).toEqual({
      kind: 'pebble-marker',
      marker: { name: 'manifest', iteration: 3n, value: 'MANIFEST-000012' },
    });
  });
});

it.each([
  ['manifest', 5n, 'MANIFEST-000005'],
  ['options', 7n, 'OPTIONS-000007'],
  ['wal', 12n, '000012.log'],
  ['table', 1234567n, '1234567.sst'],
  ['blob', 3n, '000003.blob'],
  ['temporary', 9n, '000009.dbtmp'],
] as const)('fileName(%s, %s) is %s, and parses back', (kind, number, name) => {
  expect(fileName(kind, number)).toBe(name);
  expect(parseFileName(name)).toEqual({ kind, number });
});
