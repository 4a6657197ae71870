import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeVersionEdit } from '../../../src/format/manifest/decode.js';

const comparator = '011a6c6576656c64622e4279746577697365436f6d70617261746f72';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const decode = (hex: string) => decodeVersionEdit(bytes(hex));
const text = (key: Uint8Array) => Buffer.from(key.subarray(0, -8)).toString();

describe('records that real engines wrote', () => {
  it('a column family of 9.7.4, its id after the comparator', () => {
    const { edit, anomalies } = decode(`${comparator} c801 01 c901 05 7573657273 8940 01 01`);
    expect(anomalies).toEqual([]);
    expect(edit).toMatchObject({
      comparator: 'leveldb.BytewiseComparator',
      columnFamily: 1,
      columnFamilyAdd: 'users',
      timestampsPersisted: true,
    });
  });

  it('a flushed table of 9.7.4 with its custom fields', () => {
    const { edit, anomalies, fields } = decode(
      '02050900030b04d804670008f6160a643001020000000000000b64393901c800000000000002d8040505dd9488d806' +
        '0601000d010107000807556e6b6e6f776e0c10ede3de6153a46134d68beb783804a05a0f02fe0b01',
    );
    expect(anomalies).toEqual([]);
    expect(edit).toMatchObject({
      logNumber: 5n,
      previousLogNumber: 0n,
      nextFileNumber: 11n,
      lastSequence: 600n,
    });
    const [file] = edit.newFiles;
    expect(file).toMatchObject({
      tag: 103,
      level: 0,
      number: 8n,
      size: 2934n,
      smallestSequence: 2n,
      largestSequence: 600n,
      oldestAncestorTime: 1795295837n,
      creationTime: 0n,
      epoch: 1n,
      fileChecksumFunction: 'Unknown',
      tailSize: 1534n,
      offset: 9,
    });
    expect([text(file.smallest), text(file.largest)]).toEqual(['d0', 'd99']);
    expect(file.uniqueId).toHaveLength(16);
    expect(fields.map((f) => f.tag)).toEqual([2, 9, 3, 4, 103]);
    expect(fields.at(-1)).toEqual({ tag: 103, offset: 9, length: file.length });
  });

  it('a move to level 1 by 7.8.3, with a file checksum', () => {
    const { edit } = decode(
      '0900031c0404060008670108d407096101010000000000000961010100000000000001010505f59488d8060601' +
        '00070493c69554081246696c65436865636b73756d4372633332630c10eb1d30d85b26aa87571553b96bb3a79a01',
    );
    expect(edit.deletedFiles).toMatchObject([{ level: 0, number: 8n }]);
    expect(edit.newFiles).toMatchObject([
      { level: 1, number: 8n, size: 980n, fileChecksumFunction: 'FileChecksumCrc32c' },
    ]);
    expect(Buffer.from(edit.newFiles[0].fileChecksum!).toString('hex')).toBe('93c69554');
  });

  it('a blob file and garbage in it', () => {
    expect(decode('9003 0e 01 db17 00 00 00').edit.blobFileAdditions).toMatchObject([
      { number: 14n, totalCount: 1n, totalBytes: 3035n, checksumMethod: '' },
    ]);
    expect(decode('9103 0e 01 db17 00').edit.blobFileGarbages).toMatchObject([
      { number: 14n, garbageCount: 1n, garbageBytes: 3035n },
    ]);
  });

  it('WALs forgotten, a column family dropped', () => {
    expect(decode('0900 0325 0a20 0407 8840 01 20').edit).toMatchObject({
      nextFileNumber: 37n,
      minLogNumberToKeep: 32n,
      lastSequence: 7n,
      walDeletion: 32n,
    });
    expect(decode('032b cb0101 0407 c80101 ca01').edit).toMatchObject({
      nextFileNumber: 43n,
      maxColumnFamily: 1,
      columnFamily: 1,
      columnFamilyDrop: true,
    });
  });

  it('a table of LevelDB', () => {
    const record = bytes('0204090003060432070205bf060c6b30303001010000000000000c6b3034390132000000000000');
    for (const dialect of ['leveldb', 'rocksdb'] as const) {
      const { edit, anomalies } = decodeVersionEdit(record, dialect);
      expect(anomalies).toEqual([]);
      expect(edit.newFiles).toMatchObject([{ tag: 7, level: 2, number: 5n, size: 831n }]);
    }
  });
});

describe('forms that are rare', () => {
  it.each([
    [
      'WAL synced up to 4096',
      '8740 05 0c 02 8020 01',
      { walAdditions: [{ number: 12n, syncedSize: 4096n }] },
    ],
    [
      'the same without a length',
      '8440 0c 02 8020 01',
      { walAdditions: [{ number: 12n, syncedSize: 4096n }] },
    ],
    ['a WAL of unknown size', '8740 02 0c 01', { walAdditions: [{ number: 12n }] }],
    ['WAL deletion without a length', '8540 20', { walDeletion: 32n }],
    ['one edit to follow in the group', 'ac02 01', { remainingInGroup: 1 }],
    ['size of the last compacted MANIFEST', '8b40 02 9221', { lastCompactedManifestSize: 4242n }],
    [
      'an unknown tag that may be skipped',
      'ff7f 03 010203 0407',
      { lastSequence: 7n, unknown: [{ tag: 16383 }] },
    ],
    ['an empty record', '', { columnFamily: 0 }],
  ])('%s', (_what, hex, expected) => {
    const { edit, anomalies } = decode(hex);
    expect(anomalies).toEqual([]);
    expect(edit).toMatchObject(expected);
  });
});

describe('what the engine stops at', () => {
  const table = '67 00 08 f616 0a 6430 0102000000000000 0b 643939 01c8000000000000 02 d804';
  it.each([
    ['0f00', 'unknown tag', 'manifest/unknown-tag'],
    ['0407 80', 'invalid tag', 'manifest/malformed-edit'],
    ['0105 6161', 'comparator name', 'manifest/malformed-edit'],
    ['02 ff', 'log number', 'manifest/malformed-edit'],
    ['0a', 'min log number to kee', 'manifest/malformed-edit'],
    ['06 00', 'deleted file', 'manifest/malformed-edit'],
    ['05 01 03 616161', 'compaction cursor', 'manifest/malformed-edit'],
    [table.replace('0102000000000000', '0302000000000000'), 'new-file4 entry', 'manifest/malformed-edit'],
    [table, 'new-file4 custom field', 'manifest/malformed-edit'],
    [`${table} 41 02 0000`, 'path_id field wrong size', 'manifest/malformed-edit'],
    [`${table} 41 01 04`, 'path_id wrong vaue', 'manifest/malformed-edit'],
    [`${table} 0c 01 00`, 'invalid unique id', 'manifest/malformed-edit'],
    [`${table} 7f 00 01`, 'new-file4 custom field not supported', 'manifest/unknown-tag'],
    [`${table} 0d 05 00`, 'new-file4 custom field length prefixed slice error', 'manifest/malformed-edit'],
    ['ff7f 05 00', 'safely ignoreable tag length error', 'manifest/malformed-edit'],
  ])('%s: %s', (hex, engine, rule) => {
    const { anomalies } = decode(hex);
    expect(anomalies).toMatchObject([{ rule, evidence: { engine: `Corruption: VersionEdit: ${engine}` } }]);
  });

  it('nested entries name themselves', () => {
    expect(decode('8440 0c 07').anomalies[0].evidence?.engine).toBe('Corruption: WalAddition: Unknown tag 7');
  });

  it('the smallest log to keep may hide in a table', () => {
    const { edit } = decode(`${table} 03 08 0f00000000000000 01`);
    expect(edit.minLogNumberToKeep).toBe(15n);
  });

  it('LevelDB takes no other tags and seven levels', () => {
    expect(decodeVersionEdit(bytes('c80101'), 'leveldb').anomalies).toHaveLength(1);
    expect(decodeVersionEdit(bytes('060705'), 'leveldb').anomalies).toHaveLength(1);
    expect(decodeVersionEdit(bytes('060605'), 'leveldb').anomalies).toHaveLength(0);
  });

  it('an unknown custom field without bit 0x40 is kept and skipped', () => {
    const { edit, anomalies } = decode(`${table} 1e 02 aabb 01`);
    expect(anomalies).toEqual([]);
    expect(edit.newFiles[0].unknown).toEqual([{ id: 30, value: Uint8Array.of(0xaa, 0xbb) }]);
  });
});

it('never throws, and keeps every offset inside the record', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (record) => {
      const { anomalies, fields } = decodeVersionEdit(record);
      for (const { offset, length } of [...anomalies, ...fields]) {
        expect(offset + length).toBeLessThanOrEqual(record.length);
      }
    }),
    { numRuns: 2000 },
  );
});

it('keeps no view into the record', () => {
  const record = bytes('67 00 08 f616 0a 6430 0102000000000000 0b 643939 01c8000000000000 02 d804 01');
  const { edit } = decodeVersionEdit(record);
  record.fill(0xff);
  expect(text(edit.newFiles[0].smallest)).toBe('d0');
});
