import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeLogRecords } from '../../src/encode/log/writer.js';
import { detectTarget } from '../../src/engine/detect.js';
import { sniffFile } from '../../src/engine/file-type.js';
import { takeInventory } from '../../src/io/inventory.js';
import { diskReader } from '../../src/io/reader.js';
import { withDatabase } from '../support/database.js';
import { fixture, withTemporaryDirectory } from '../support/files.js';

const detect = async (dir: string) => detectTarget(await takeInventory(dir), diskReader(dir));

describe('detectTarget', () => {
  it.each([
    ['basic-7.8', [], 'database', 'rocksdb'],
    ['basic-6.17', [], 'database', 'rocksdb'],
    ['kvrocks-backup', [], 'checkpoint', 'rocksdb'],
    ['backup-7.8', [], 'backup', 'rocksdb'],
    ['leveldb', [], 'database', 'leveldb'],
    ['pebble', [], 'database', 'pebble'],
    [
      'basic-7.8',
      ['remove OPTIONS-000009', 'remove OPTIONS-000011', 'remove IDENTITY'],
      'database',
      'rocksdb',
    ],
    ['basic-7.8', ['remove CURRENT'], 'database', 'rocksdb'],
    ['basic-7.8', ['remove CURRENT', 'remove MANIFEST-000005'], 'database', 'rocksdb'],
    ['leveldb', ['remove CURRENT', 'remove MANIFEST-000002'], 'loose-files', 'leveldb'],
    [
      'pebble-stores/cosmos',
      ['remove OPTIONS-000014', 'remove MANIFEST-000006', 'remove MANIFEST-000013'],
      'database',
      'pebble',
    ],
  ] as const)('%s %j is a %s of %s', (name, patches, kind, engine) =>
    withDatabase(name, patches, async (dir) => {
      const detection = await detect(dir);
      expect(detection).toMatchObject({ kind, engine });
      expect(detection.evidence.join()).not.toBe('');
    }),
  );

  // what RocksDB 7.8 writes before the first table, and LevelDB: no tag in it is RocksDB's own
  it.each([
    ['rocksdb', [[1], [2, 4], [9, 3, 4]]],
    ['rocksdb', [[2, 3, 4]]],
    ['leveldb', [[1, 2, 3, 4]]],
    ['leveldb', [[1], [2, 9, 3, 4]]],
  ] as const)('knows %s by its edits %j alone', (engine, edits) =>
    withTemporaryDirectory(async (dir) => {
      const name = Buffer.from('leveldb.BytewiseComparator');
      const payloads = edits.map((edit) =>
        Buffer.concat(
          edit.map((tag) => (tag === 1 ? Buffer.from([1, name.length, ...name]) : Buffer.from([tag, 5]))),
        ),
      );
      fs.writeFileSync(path.join(dir, 'MANIFEST-000005'), encodeLogRecords(payloads));
      fs.writeFileSync(path.join(dir, 'CURRENT'), 'MANIFEST-000005\n');
      fs.writeFileSync(path.join(dir, '000004.log'), '');
      expect(await detect(dir)).toMatchObject({ engine });
    }),
  );

  it('finds the databases of a server in its data directory', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      const server = path.dirname(dir);
      fs.mkdirSync(path.join(server, 'a', 'b'), { recursive: true });
      fs.cpSync(dir, path.join(server, 'a', 'b', 'db2'), { recursive: true });
      fs.symlinkSync(server, path.join(server, 'a', 'loop'));
      expect(await detect(server)).toMatchObject({
        kind: 'container',
        databases: ['a/b/db2', 'db'],
      });
    }));

  it('does not take an empty or a foreign directory for a database', () =>
    withTemporaryDirectory(async (dir) => {
      expect((await detect(dir)).kind).toBe('empty');
      fs.writeFileSync(path.join(dir, 'notes.txt'), 'hello');
      expect(await detect(dir)).toMatchObject({
        kind: 'not-a-database',
        evidence: ["holds notes.txt, none of them a database's"],
      });
    }));
});

describe('sniffFile', () => {
  const sniff = (name: string, file: string) => {
    const bytes = new Uint8Array(fixture(name).get(file)!);
    return sniffFile(bytes.subarray(0, 65536), bytes.subarray(-8));
  };

  it.each([
    ['basic-7.8', '000014.sst', 'table', 'rocksdb'],
    ['leveldb', '000005.ldb', 'table', undefined],
    ['basic-7.8', 'CURRENT', 'current', undefined],
    ['basic-7.8', 'OPTIONS-000009', 'options', undefined],
    ['basic-7.8', 'MANIFEST-000005', 'manifest', undefined],
    ['leveldb', 'MANIFEST-000002', 'manifest', undefined],
    ['basic-7.8', '000017.log', 'wal', undefined],
  ] as const)('knows %s/%s by its bytes', (name, file, kind, engine) => {
    expect(sniff(name, file)).toMatchObject({ kind });
    expect(sniff(name, file)?.engine).toBe(engine);
  });

  it.each([1n, 257n, 0x1a01n])(
    'takes no WAL whose first batch has sequence %s for a MANIFEST',
    (sequence) => {
      const batch = Buffer.alloc(12 + 40, 0x61);
      batch.writeBigUInt64LE(sequence);
      batch.writeUInt32LE(1, 8);
      expect(sniffFile(encodeLogRecords([batch]), new Uint8Array(0))).toMatchObject({ kind: 'wal' });
    },
  );

  it('knows a blob file, and does not guess', () => {
    const [blob] = [...fixture('blob-7.8').keys()].filter((name) => name.endsWith('.blob'));
    expect(sniff('blob-7.8', blob)).toMatchObject({ kind: 'blob' });
    expect(sniffFile(new Uint8Array(100), new Uint8Array(8))).toBeUndefined();
    expect(sniffFile(new Uint8Array(0), new Uint8Array(0))).toBeUndefined();
  });
});
