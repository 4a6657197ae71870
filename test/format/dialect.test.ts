import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { dialectNamed } from '../../src/format/dialect.js';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

test('the dialect of files that nothing is known of is RocksDB’s', () => {
  expect(dialectNamed()).toBe(dialectNamed('rocksdb'));
  expect(dialectNamed('leveldb').names).toEqual({ engine: 'LevelDB', table: '.ldb' });
});

test('LevelDB knows a part of what RocksDB knows', () => {
  const [rocksdb, leveldb] = [dialectNamed('rocksdb'), dialectNamed('leveldb')];
  expect([...leveldb.batch.specs.keys()]).toEqual([0, 1]);
  for (const [tag, spec] of leveldb.batch.specs) expect(rocksdb.batch.specs.get(tag)).toEqual(spec);
  expect(leveldb.manifest.tags?.has(100)).toBe(false);
  expect(rocksdb.manifest.tags).toBeUndefined();
});

test('only dialect.ts names the tables of one engine', () => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const naming = files.filter((file) =>
    /\b(?:rocksdb|leveldb)(?:Wal|Batch)\b/.test(readFileSync(join(src, file), 'utf8')),
  );
  expect(naming.sort()).toEqual(['format/batch/tags.ts', 'format/dialect.ts', 'format/log/types.ts']);
});
