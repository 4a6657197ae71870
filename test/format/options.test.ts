import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { databaseOptions } from '../../src/format/database-options.js';
import { parseOptions, parseStruct } from '../../src/format/options.js';

const healthy = `# This is a RocksDB option file.

[Version]
  rocksdb_version=9.7.4
  options_file_version=1.1

[DBOptions]
  wal_dir=/mnt/wal # on another disk
  wal_recovery_mode=kAbsoluteConsistency
  recycle_log_file_num=4
  wal_compression=kZSTD
  max_open_files=5000
  allow_2pc=true
  db_log_dir=
  wal_filter=nullptr

[CFOptions "default"]
  comparator=leveldb.BytewiseComparator
  merge_operator={id=StringAppendOperator;delimiter=,;}
  prefix_extractor=nullptr
  compaction_options_fifo={allow_compaction=false;nested={a=1;b=2;};}

[TableOptions/BlockBasedTable "default"]
  block_size=4096

[CFOptions "we\\#ird \\"name\\""]
  comparator=rocksdb.ReverseBytewiseComparator.u64ts
  prefix_extractor=rocksdb.FixedPrefix.8

[TableOptions/BlockBasedTable "we\\#ird \\"name\\""]
  block_size=8192
  
`;

const parse = (text: string) => parseOptions(Buffer.from(text));

describe('parseOptions', () => {
  it('reads sections, comments, escapes and nested values', () => {
    const file = parse(healthy);
    expect(file.anomalies).toEqual([]);
    expect(file.sections.map((s) => s.title)).toEqual([
      'Version',
      'DBOptions',
      'CFOptions',
      'TableOptions/BlockBasedTable',
      'CFOptions',
      'TableOptions/BlockBasedTable',
    ]);
    expect(file.sections[4].argument).toContain('we#ird');
    expect(file.sections[1].values.get('wal_dir')).toBe('/mnt/wal');
  });

  it('gives the typed view, with defaults where the file is silent', () => {
    const options = databaseOptions(parse(healthy));
    expect(options).toMatchObject({
      rocksdbVersion: '9.7.4',
      walDir: '/mnt/wal',
      dbLogDir: undefined,
      walRecoveryMode: 'absolute-consistency',
      walRecoveryModeStated: true,
      recycleLogFileNum: 4,
      walCompression: 'kZSTD',
      maxOpenFiles: 5000,
      allow2pc: true,
      paranoidChecks: true,
    });
    const family = options.columnFamilies.get('default');
    expect(family?.mergeOperator).toEqual({
      id: 'StringAppendOperator',
      fields: new Map([
        ['id', 'StringAppendOperator'],
        ['delimiter', ','],
      ]),
    });
    expect(family?.prefixExtractor).toBeUndefined();
    expect([...options.columnFamilies.values()][1].prefixExtractor?.id).toBe('rocksdb.FixedPrefix.8');
  });

  it('knows the mode only when the file states it', () => {
    expect(databaseOptions(undefined)).toMatchObject({
      walRecoveryMode: 'point-in-time',
      walRecoveryModeStated: false,
    });
  });

  it('says where a cut file ends', () => {
    const at = healthy.indexOf('we\\#ird') - 20;
    const cut = parse(healthy.slice(0, at));
    expect(cut.anomalies).toMatchObject([{ rule: 'directory/options-truncated' }]);
    const [{ offset, length }] = cut.anomalies;
    expect(offset + length).toBe(at);
    expect(healthy.slice(offset).startsWith('  block_size=4096')).toBe(true);
  });

  it('notices a cut at a line end between a column family and its table options', () => {
    const cut = parse(healthy.slice(0, healthy.indexOf('[TableOptions')));
    expect(cut.anomalies).toMatchObject([{ rule: 'directory/options-truncated' }]);
  });

  it('names what is missing, doubled and not a statement', () => {
    expect(parse('').anomalies.map((a) => a.evidence?.section)).toEqual([
      '[DBOptions]',
      '[CFOptions "default"]',
    ]);
    const noise = healthy.replace('  allow_2pc=true', '  allow_2pc').replace('[Version]', '[DBOptions]');
    expect(parse(noise).anomalies.map((a) => [a.rule, a.message])).toEqual([
      ['directory/options-malformed', 'a line is not of the form name=value'],
      ['directory/options-malformed', 'section [DBOptions] stands twice'],
    ]);
  });

  it('never throws and keeps offsets inside the file', () => {
    const bytes = Buffer.from(healthy);
    fc.assert(
      fc.property(fc.nat(bytes.length), fc.nat(bytes.length - 1), fc.nat(255), (size, at, value) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = value;
        const cut = damaged.subarray(0, size);
        const { anomalies } = parseOptions(cut);
        for (const { offset, length } of anomalies) expect(offset + length).toBeLessThanOrEqual(size);
        databaseOptions(parseOptions(cut));
      }),
    );
  });
});

it('parseStruct splits nested values one level deep', () => {
  expect([...parseStruct('{a=1;b={c=2;d=3;};e=;}')]).toEqual([
    ['a', '1'],
    ['b', '{c=2;d=3;}'],
    ['e', ''],
  ]);
  expect(parseStruct('nullptr').size).toBe(0);
});
