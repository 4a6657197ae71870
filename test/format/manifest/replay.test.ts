import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ManifestReplay, replayManifest } from '../../../src/format/manifest/replay.js';
import { openSource } from '../../../src/io/source.js';
import { fixture, fixtureNames } from '../../support/files.js';
import {
  blob,
  deleted,
  edit,
  garbage,
  manifest,
  preamble,
  replayBytes,
  table,
  wal,
} from '../../support/manifest.js';

const replay = (...edits: Parameters<typeof manifest>) => replayBytes(manifest(...edits));
const levels = (result: ManifestReplay, family = 0) =>
  [...(result.version.columnFamilies.get(family)?.tables.values() ?? [])].map((t) => [t.number, t.level]);

describe('replay', () => {
  it('leads to the counters and tables of the last edits', async () => {
    const bytes = manifest(
      edit({ newFiles: [table(8, 0, 'a', 'm'), table(9, 0, 'b', 'c')], lastSequence: 1200n }),
      edit({ deletedFiles: [deleted(0, 8)], newFiles: [table(12, 1, 'a', 'm')], nextFileNumber: 120n }),
      edit({ logNumber: 3n, minLogNumberToKeep: 7n }),
      edit({ logNumber: 11n, minLogNumberToKeep: 5n }),
    );
    const result = await replayBytes(bytes);
    expect(result).toMatchObject({
      complete: true,
      anomalies: [],
      records: 6,
      logicalEnd: bytes.length,
      tail: { state: 'clean' },
      version: { lastSequence: 1200n, nextFileNumber: 120n, minLogNumberToKeep: 7n },
    });
    expect(levels(result)).toEqual([
      [9n, 0],
      [12n, 1],
    ]);
    expect(result.version.columnFamilies.get(0)).toMatchObject({
      name: 'default',
      comparator: 'leveldb.BytewiseComparator',
      logNumber: 11n,
    });
  });

  it('knows where in the file each table is written', async () => {
    const bytes = manifest(edit({ newFiles: [table(8, 0, 'a', 'm')], columnFamily: 0 }));
    const [found] = (await replayBytes(bytes)).version.columnFamilies.get(0)!.tables.values();
    const entry = bytes.subarray(found.entry.offset, found.entry.offset + found.entry.length);
    expect(entry.subarray(0, 3)).toEqual(Buffer.from([103, 0, 8]));
    expect(found.entry.offset + found.entry.length).toBe(bytes.length);
  });

  it('moves a table when one edit deletes and adds it, whatever the order', async () => {
    const result = await replay(
      edit({ newFiles: [table(8, 0, 'a', 'm')] }),
      edit({ deletedFiles: [deleted(0, 8)], newFiles: [table(8, 1, 'a', 'm')] }),
    );
    expect(result.anomalies).toEqual([]);
    expect(levels(result)).toEqual([[8n, 1]]);
  });

  it('adds and drops column families, their files with them', async () => {
    const result = await replay(
      edit({ columnFamily: 1, columnFamilyAdd: 'users', comparator: 'leveldb.BytewiseComparator' }),
      edit({ columnFamily: 2, columnFamilyAdd: 'gone' }),
      edit({ columnFamily: 1, newFiles: [table(8, 0, 'a', 'm')] }),
      edit({ columnFamily: 2, newFiles: [table(9, 0, 'a', 'm')] }),
      edit({ columnFamily: 2, columnFamilyDrop: true }),
    );
    expect([...result.version.columnFamilies.values()].map((f) => f.name)).toEqual(['default', 'users']);
    expect(result.version.droppedColumnFamilies).toEqual(new Map([[2, 'gone']]));
    expect(levels(result, 1)).toEqual([[8n, 0]]);
  });

  it('tracks WALs until they are forgotten', async () => {
    const result = await replay(
      edit({ walAdditions: [wal(7)] }),
      edit({ walAdditions: [wal(7, 100), wal(8)] }),
      edit({ walAdditions: [wal(9, 5)] }),
      edit({ walDeletion: 8n }),
      edit({ walAdditions: [wal(6, 1)] }),
    );
    expect(result.anomalies).toEqual([]);
    expect(result.version.trackedWals).toEqual(
      new Map([
        [8n, undefined],
        [9n, 5n],
      ]),
    );
  });

  it('keeps the blob files that something links to or that are not all garbage', async () => {
    const result = await replay(
      edit({ blobFileAdditions: [blob(10, 5, 500), blob(11, 5, 500), blob(12, 5, 500), blob(13, 5, 500)] }),
      edit({ newFiles: [table(20, 0, 'a', 'm', [1, 1], { oldestBlobFile: 11n })] }),
      edit({ blobFileGarbages: [garbage(11, 5, 500), garbage(12, 5, 500), garbage(13, 4, 400)] }),
    );
    // 10 is older than any link, 12 is all garbage without one; 11 is linked, 13 has a live blob
    expect([...result.version.columnFamilies.get(0)!.blobFiles.keys()]).toEqual([11n, 13n]);
  });

  it('applies an atomic group when it is whole, and says when the file ends in one', async () => {
    const one = edit({ newFiles: [table(8, 0, 'a', 'm')], remainingInGroup: 1 });
    const two = edit({ newFiles: [table(9, 0, 'a', 'm')], remainingInGroup: 0 });
    expect(levels(await replay(one, two))).toHaveLength(2);
    const open = await replay(one);
    expect(levels(open)).toEqual([]);
    expect(open).toMatchObject({ complete: true, openGroup: { edits: 1 } });
    expect(open.logicalEnd).toBe(open.openGroup?.offset);
  });
});

describe('what the engine refuses', () => {
  const add = edit({ newFiles: [table(8, 0, 'a', 'm')] });
  it.each([
    [
      'MANIFEST adding the same column family twice: users',
      [
        edit({ columnFamily: 1, columnFamilyAdd: 'users' }),
        edit({ columnFamily: 1, columnFamilyAdd: 'users' }),
      ],
    ],
    ['MANIFEST - dropping non-existing column family', [edit({ columnFamily: 3, columnFamilyDrop: true })]],
    ['MANIFEST record referencing unknown column family', [edit({ columnFamily: 3, lastSequence: 9n })]],
    [
      'VersionBuilder: Cannot delete table file #77 from level 1 since it is not in the LSM tree',
      [edit({ deletedFiles: [deleted(1, 77)] })],
    ],
    [
      'VersionBuilder: Cannot delete table file #8 from level 1 since it is on level 0',
      [add, edit({ deletedFiles: [deleted(1, 8)] })],
    ],
    [
      'VersionBuilder: Cannot add table file #8 to level 1 since it is already in the LSM tree on level 0',
      [add, edit({ newFiles: [table(8, 1, 'a', 'm')] })],
    ],
    [
      'VersionBuilder: Blob file #5 already added',
      [edit({ blobFileAdditions: [blob(5, 1, 1)] }), edit({ blobFileAdditions: [blob(5, 1, 1)] })],
    ],
    ['VersionBuilder: Blob file #5 not found', [edit({ blobFileGarbages: [garbage(5, 1, 1)] })]],
    [
      'VersionBuilder: Garbage overflow for blob file #5',
      [edit({ blobFileAdditions: [blob(5, 1, 9)] }), edit({ blobFileGarbages: [garbage(5, 2, 9)] })],
    ],
    [
      'WalSet::AddWal: WAL 7 is created more than once',
      [edit({ walAdditions: [wal(7)] }), edit({ walAdditions: [wal(7)] })],
    ],
    ['corrupted atomic group', [edit({ remainingInGroup: 2 }), edit({ remainingInGroup: 0 })]],
    ['corrupted atomic group', [edit({ remainingInGroup: 2 }), edit({ lastSequence: 9n })]],
  ])('%s', async (engine, edits) => {
    const bytes = manifest(...edits);
    const result = await replayBytes(bytes);
    expect(result.error).toBe(`Corruption: ${engine}`);
    expect(result.complete).toBe(false);
    const [{ offset, length }] = result.anomalies;
    expect(offset + length).toBe(bytes.length);
  });

  it.each([
    [[], 'log_file_number, next_file_number, last_sequence'],
    [[edit({ lastSequence: 1n, logNumber: 4n })], 'next_file_number'],
  ])('a MANIFEST without its basic entries', async (edits, missing) => {
    const bytes = edits.length === 0 ? Buffer.alloc(0) : manifest(...edits).subarray(manifest().length);
    expect((await replayBytes(bytes)).error).toBe(`Corruption: no ${missing} entry in MANIFEST`);
  });

  it('files in an edit that adds a column family vanish without a word', async () => {
    const result = await replay(
      edit({ columnFamily: 1, columnFamilyAdd: 'users', newFiles: [table(8, 0, 'a', 'm')] }),
    );
    expect(levels(result, 1)).toEqual([]);
    expect(result.error).toBeUndefined();
    expect(result.anomalies).toMatchObject([{ rule: 'manifest/ignored-file' }]);
  });
});

describe('damage in the middle', async () => {
  const bytes = manifest(
    edit({ newFiles: [table(8, 0, 'a', 'm')] }),
    edit({ newFiles: [table(9, 0, 'n', 'z')] }),
    edit({ deletedFiles: [deleted(0, 9)], newFiles: [table(10, 1, 'n', 'z')] }),
  );
  const firstEdit = manifest().length;
  const damaged = Buffer.from(bytes);
  damaged[firstEdit + 20] ^= 1;
  const result = await replayBytes(damaged);

  it('is reported once, and what is whole after it still applied', async () => {
    expect(result.anomalies.map((a) => a.rule)).toEqual(['manifest/checksum-mismatch']);
    expect(result.complete).toBe(false);
    expect(result.logicalEnd).toBe(firstEdit);
    expect(levels(result)).toEqual([[10n, 1]]);
  });

  it('what no longer fits after it is no news', async () => {
    const lost = Buffer.from(bytes);
    lost[firstEdit + 60] ^= 1;
    expect((await replayBytes(lost)).anomalies.map((a) => a.rule)).toEqual(['manifest/checksum-mismatch']);
  });
});

it('reads on over the chunks that the file is read in', async () => {
  const many = Array.from({ length: 3000 }, (_, i) =>
    edit({ newFiles: [table(i + 100, 1, `${i}`.padEnd(200, 'k'), `${i}`.padEnd(200, 'z'))] }),
  );
  const bytes = manifest(...many);
  expect(bytes.length).toBeGreaterThan(1 << 20);
  const { version, anomalies, records, logicalEnd } = await replayBytes(bytes);
  expect({ anomalies, records, logicalEnd }).toEqual({
    anomalies: [],
    records: 3002,
    logicalEnd: bytes.length,
  });
  const tables = [...version.columnFamilies.get(0)!.tables.values()];
  expect(tables).toHaveLength(3000);
  for (const [i, { entry, smallest }] of tables.entries()) {
    expect(Buffer.from(smallest).toString().startsWith(`${i}k`)).toBe(true);
    expect(bytes[entry.offset]).toBe(103);
  }
});

it('takes a file that shrank for one that ends there', async () => {
  const bytes = manifest(edit({ newFiles: [table(8, 0, 'a', 'm')] }));
  const shrunk = await openSource({ kind: 'memory', bytes: bytes.subarray(0, bytes.length - 5) });
  const source = { ...shrunk, size: bytes.length, read: shrunk.read.bind(shrunk) };
  expect((await replayManifest(source)).tail.state).toBe('torn');
});

it('replays every shipped database without an anomaly', async () => {
  for (const name of fixtureNames().filter((n) => !/pebble|leveldb/.test(n))) {
    for (const [file, bytes] of fixture(name)) {
      if (!/MANIFEST-\d+$/.test(file)) continue;
      const { anomalies, complete, tail } = await replayBytes(bytes);
      expect({ name, file, anomalies, complete, state: tail.state }).toEqual({
        name,
        file,
        anomalies: [],
        complete: true,
        state: 'clean',
      });
    }
  }
});

it('never throws on mutations after a right checksum', async () => {
  const payloads = [...preamble, edit({ newFiles: [table(8, 0, 'a', 'm')], remainingInGroup: 0 })];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), async (records) => {
      const unknown = records.map((value) => edit({ unknown: [{ tag: 16383, value }] }));
      const bytes = manifest(...payloads, ...unknown);
      expect((await replayBytes(bytes)).records).toBe(payloads.length + unknown.length + 2);
    }),
  );
});
