import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBackupMeta, isRefusal } from '../../src/format/backup.js';
import { parseBackupName } from '../../src/format/backup-name.js';
import { fixture } from '../support/files.js';

const decode = (text: string) => decodeBackupMeta(Buffer.from(text));
const rules = (text: string) =>
  decode(text).anomalies.map(({ rule, offset, length }) => `${rule} ${offset}+${length}`);

const schema1 = [
  '1795295907',
  '4',
  '2',
  'shared_checksum/000008_sH1SLIIL24724MCL748A3_980.sst crc32 2479265108',
  'private/1/CURRENT crc32 238867434',
  '',
].join('\n');

describe('decodeBackupMeta', () => {
  it('reads what RocksDB 7.8 wrote', () => {
    const meta = decodeBackupMeta(fixture('backup-7.8').get('meta/2') ?? new Uint8Array(0));
    expect(meta).toMatchObject({
      schema: '1',
      timestamp: 1795303286,
      sequence: 60n,
      count: 5,
      anomalies: [],
    });
    expect(meta.files.at(-1)).toEqual({
      path: 'private/2/000008.log',
      crc: 388107740,
      excluded: false,
      entry: { offset: 207, length: 37 },
    });
  });

  it('reads schema 2 with its fields and its footer', () => {
    const meta = decode(
      'schema_version 2.1\n1\n2\nmetadata 4A6f\nnews of the future\n1\n' +
        'shared/1.sst crc32 0 size 12 temp kCold later on\nshared/2.sst ni::excluded true\n// FOOTER\nnote bye\n',
    );
    expect(meta.anomalies).toEqual([]);
    expect(meta).toMatchObject({ schema: '2.1', metadata: '4A6f', count: 1 });
    expect(meta.files).toMatchObject([
      { path: 'shared/1.sst', crc: 0, size: 12, temperature: 'kCold', excluded: false },
      { path: 'shared/2.sst', excluded: true },
    ]);
  });

  it('tells where it is cut off', () => {
    expect(decode(schema1.slice(0, -1)).anomalies.some(isRefusal)).toBe(true);
    expect(rules(schema1.slice(0, -1))).toEqual(['backup/meta-truncated 85+33']);
    expect(rules(schema1.slice(0, 85))).toEqual(['backup/meta-truncated 85+0']);
    expect(rules('1\n')).toEqual(['backup/meta-truncated 2+0']);
    expect(rules('')).toEqual(['backup/meta-truncated 0+0']);
  });

  it.each([
    ['a checksum of another kind', schema1.replace('crc32 23', 'crc64 23'), 'backup/meta-malformed 85+34'],
    ['leading zeros', schema1.replace('crc32 23', 'crc32 023'), 'backup/meta-malformed 85+35'],
    ['a field more', schema1.replace('crc32 23', 'crc32 2 3'), 'backup/meta-malformed 85+35'],
    ['no checksum', schema1.replace(' crc32 238867434', ''), 'backup/meta-malformed 85+18'],
    ['a field of schema 2', schema1.replace('\n2\n', '\nnews 1\n2\n'), 'backup/meta-malformed 13+7'],
    ['an unknown schema', `schema_version 3\n${schema1}`, 'backup/meta-malformed 0+17'],
    ['a path that leads out', schema1.replace('private/1', '../../etc'), 'backup/meta-malformed 85+34'],
    ['more files than announced', schema1.replace('\n2\n', '\n1\n'), 'backup/meta-malformed 0+119'],
    [
      'a field that must not be ignored',
      `schema_version 2\n${schema1.replace('434', '434 ni::x 1')}`,
      'backup/meta-malformed 102+42',
    ],
  ])('refuses %s', (_, text, expected) => {
    expect(rules(text)).toEqual([expected]);
  });

  it.each([
    ['NULs after the last line', schema1 + '\0'.repeat(100), '119+100'],
    ['a space after the number of files', schema1.replace('\n2\n', '\n2 \n'), '13+3'],
    ['a space after a checksum', schema1.replace('434\n', '434 \n'), '85+35'],
    ['a timestamp that is none', schema1.replace('1795295907', 'yesterday!'), '0+11'],
    [
      'a file twice',
      schema1.replace('\n2\n', '\n3\n').concat('private/1/CURRENT crc32 238867434\n'),
      '119+34',
    ],
  ])('reads over %s, as the engine does', (_, text, place) => {
    const meta = decode(text);
    expect(rules(text)).toEqual([`backup/meta-unusual ${place}`]);
    expect(meta.anomalies.some(isRefusal)).toBe(false);
    expect(meta.files).toHaveLength(2);
  });

  it('takes any bytes', () => {
    const line = fc.constantFrom(
      ...schema1.split('\n'),
      '// FOOTER',
      'metadata 00',
      'schema_version 2',
      '\0',
    );
    const text = fc.array(fc.oneof(line, fc.string()), { maxLength: 12 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (input) => {
        const bytes = Buffer.from(input);
        const { files, anomalies } = decodeBackupMeta(bytes);
        for (const { offset, length } of [...anomalies, ...files.map(({ entry }) => entry)]) {
          expect(offset + length).toBeLessThanOrEqual(bytes.length);
        }
        for (const { path } of files) expect(path.split('/')).not.toContain('..');
      }),
    );
  });

  it('finds every cut of a meta file', () => {
    fc.assert(
      fc.property(fc.nat(schema1.length - 1), (size) => {
        expect(decode(schema1.slice(0, size)).anomalies).not.toEqual([]);
      }),
    );
  });
});

describe('parseBackupName', () => {
  it.each([
    [
      '000008_sH1SLIIL24724MCL748A3_980.sst',
      { name: '000008.sst', session: 'H1SLIIL24724MCL748A3', size: 980 },
    ],
    ['000008_sH1SLIIL24724MCL748A3.sst', { name: '000008.sst', session: 'H1SLIIL24724MCL748A3' }],
    ['000020_4119255942_3097.blob', { name: '000020.blob', crc: 4119255942, size: 3097 }],
    ['000008.sst', { name: '000008.sst' }],
  ])('%s', (name, expected) => {
    expect(parseBackupName(name)).toEqual(expected);
  });
});
