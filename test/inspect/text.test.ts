import path from 'node:path';
import { expect, test } from 'vitest';
import { fakeHost, kvdoctor } from '../cli/host.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { applyPatches } from '../support/patch.js';

/** A command as typed in a copy of a fixture, after damage, and what it prints: golden/NAME.txt. */
interface Golden {
  name: string;
  base: string;
  damage?: string[];
  command: string;
  columns?: number;
  status?: number;
}

const goldens: Golden[] = [
  { name: 'wal-80', base: 'basic-7.8', command: '000017.log --records --limit 1', columns: 80 },
  { name: 'wal-160', base: 'basic-7.8', command: '000017.log --records --limit 1', columns: 160 },
  {
    name: 'wal-colour',
    base: 'basic-7.8',
    damage: ['flip 000017.log 0xc8.3'],
    command: '000017.log --limit 2 --color always',
    columns: 120,
    status: 1,
  },
  { name: 'wal-brief', base: 'basic-7.8', command: '000019.log --records --brief --limit 3' },
  {
    name: 'wal-fragments',
    base: 'wal-large-7.8',
    damage: ['flip 000004.log 0x9000.0'],
    command: '000004.log --limit 8',
    columns: 100,
    status: 1,
  },
  { name: 'wal-compressed', base: 'wal-compressed-7.8', command: '000012.log --records --limit 2' },
  { name: 'table-80', base: 'basic-7.8', command: '000018.sst --limit 1', columns: 80 },
  { name: 'table-160', base: 'basic-7.8', command: '000018.sst --entries --limit 2', columns: 160 },
  {
    name: 'table-damaged',
    base: 'basic-7.8',
    damage: ['zero 000014.sst 0x300 64', 'flip 000014.sst 0xa80.1'],
    command: '000014.sst --limit 3',
    columns: 120,
    status: 1,
  },
  { name: 'table-properties', base: 'format-7-11.9', command: '000011.sst --properties --brief' },
  { name: 'table-snappy', base: 'basic-6.17', command: '000011.sst --entries --limit 1 --brief' },
  { name: 'manifest-pebble', base: 'pebble-stores/virtual', command: 'MANIFEST-000001 --records --brief' },
  { name: 'manifest', base: 'basic-7.8', command: 'MANIFEST-000005 --records --limit 5', columns: 120 },
  { name: 'manifest-brief', base: 'checksummed-7.8', command: 'MANIFEST-000005 --brief', columns: 120 },
  {
    name: 'blob',
    base: 'blob-7.8',
    damage: ['flip 000010.blob 0x200.0'],
    command: '000010.blob --limit 2',
    columns: 120,
    status: 1,
  },
  {
    name: 'blob-pebble',
    base: 'pebble-stores/values',
    damage: ['flip 000006.blob 1100.3'],
    command: '000006.blob --limit 2 --records --brief',
    columns: 120,
    status: 1,
  },
  { name: 'table-pebble', base: 'pebble-stores/values', command: '000016.sst --limit 4 --entries --brief' },
  { name: 'options', base: 'blob-7.8', command: 'OPTIONS-000007', columns: 100 },
  { name: 'backup-meta', base: 'backup-7.8', command: 'meta/2', columns: 100 },
  { name: 'current', base: 'basic-7.8', damage: ['truncate CURRENT 15'], command: 'CURRENT', status: 1 },
  { name: 'json', base: 'basic-7.8', command: '000017.log --records --limit 1 --format json' },
];

async function inFixture(
  base: string,
  damage: string[] | undefined,
  command: string,
  columns = 100,
): Promise<{ status: number; out: string; err: string }> {
  return withTemporaryDirectory(async (dir) => {
    const files = fixture(base);
    if (damage) await applyPatches(files, damage);
    writeFileSet(files, dir);
    const [file, ...options] = command.split(' ');
    const line = ['inspect', path.join(dir, file), ...options].join(' ');
    const { status, out, err } = await kvdoctor(line, fakeHost({ env: { COLUMNS: String(columns) } }));
    return { status, out: out.replaceAll(`${dir}/`, ''), err: err.replaceAll(`${dir}/`, '') };
  });
}

test.each(goldens)(
  '$name: inspect $command',
  async ({ name, base, damage, command, columns, status = 0 }) => {
    const shown = await inFixture(base, damage, command, columns);
    expect(shown.err).toBe('');
    expect(shown.status).toBe(status);
    await expect(shown.out).toMatchFileSnapshot(`golden/${name}.txt`);
  },
);

test('reads the files of a LevelDB as LevelDB does', async () => {
  // an edit tag that RocksDB skips and LevelDB refuses; a level that only RocksDB has
  const damage = ['append-record MANIFEST-000002 1 80400100'];
  const { status, out } = await inFixture('leveldb', damage, 'MANIFEST-000002 --records --brief');
  expect({ status, refused: out.includes('unknown tag') || out.includes('tag 8192') }).toEqual({
    status: 1,
    refused: true,
  });
});

test.each(goldens.filter(({ columns, command }) => columns && !command.includes('always')))(
  'no line of $name is wider than the terminal',
  async ({ base, damage, command, columns }) => {
    const { out } = await inFixture(base, damage, command, columns);
    expect(out.split('\n').filter((line) => line.length > columns!)).toEqual([]);
  },
);
