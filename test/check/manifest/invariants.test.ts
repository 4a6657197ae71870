import { describe, expect, it } from 'vitest';
import { checkInvariants } from '../../../src/check/manifest/invariants.js';
import type { VersionEdit } from '../../../src/format/manifest/edit.js';
import { internalKey, MAX_SEQUENCE, VALUE_TYPE } from '../../../src/format/sst/internal-key.js';
import { blob, edit, garbage, manifest, replayBytes, table } from '../../support/manifest.js';

const context = { manifest: 'MANIFEST-000005', stackedBlobs: false };

async function check(...edits: VersionEdit[]) {
  const { version, anomalies } = await replayBytes(manifest(...edits));
  expect(anomalies).toEqual([]);
  return checkInvariants(version, context);
}

const rules = async (...edits: VersionEdit[]) => (await check(...edits)).map((f) => f.rule);
const files = (...newFiles: VersionEdit['newFiles']) => edit({ newFiles });

describe('levels', () => {
  it('neighbours may share a user key, at another sequence', async () => {
    expect(await rules(files(table(8, 1, 'a', 'm', [5, 9]), table(9, 1, 'm', 'z', [1, 4])))).toEqual([]);
  });

  it('tables on level 1 must not overlap; the later edit is blamed, in its own bytes', async () => {
    const findings = await check(files(table(8, 1, 'a', 'm')), files(table(9, 1, 'c', 'd')));
    expect(findings).toMatchObject([
      {
        rule: 'manifest/overlapping-tables',
        severity: 'error',
        message: 'tables 8 and 9 overlap on level 1 of column family default',
      },
    ]);
    const bytes = manifest(files(table(8, 1, 'a', 'm')), files(table(9, 1, 'c', 'd')));
    expect(findings[0].offset! + findings[0].length!).toBe(bytes.length);
  });

  it('tables on level 0 may', async () => {
    expect(await rules(files(table(8, 0, 'a', 'm'), table(9, 0, 'a', 'z')))).toEqual([]);
  });

  it('unless both have the same epoch', async () => {
    const epoch = { epoch: 3n };
    expect(
      await rules(files(table(8, 0, 'a', 'm', [1, 1], epoch), table(9, 0, 'm', 'z', [1, 1], epoch))),
    ).toEqual(['manifest/level-0-order']);
    expect(
      await rules(files(table(8, 0, 'a', 'k', [1, 1], epoch), table(9, 0, 'm', 'z', [1, 1], epoch))),
    ).toEqual([]);
  });

  it('epochs are for all tables or none', async () => {
    expect(await rules(files(table(8, 0, 'a', 'm', [1, 1], { epoch: 3n }), table(9, 0, 'm', 'z')))).toEqual([
      'manifest/partial-epochs',
    ]);
  });

  it('the order of keys is that of the comparator', async () => {
    const reverse = edit({ comparator: 'rocksdb.ReverseBytewiseComparator' });
    expect(await rules(reverse, files(table(8, 1, 'z', 'n'), table(9, 1, 'm', 'a')))).toEqual([]);
    expect(await rules(reverse, files(table(8, 1, 'a', 'm')))).toEqual(['manifest/table-bounds']);
  });

  it('an unknown comparator is not second-guessed', async () => {
    const own = edit({ comparator: 'my.Comparator' });
    expect(await rules(own, files(table(8, 1, 'z', 'a'), table(9, 1, 'b', 'y')))).toEqual([]);
  });
});

describe('numbers', () => {
  it('bounds the wrong way round', async () => {
    expect(await rules(files(table(8, 1, 'm', 'a')))).toEqual(['manifest/table-bounds']);
    expect(await rules(files(table(8, 1, 'a', 'm', [9, 5])))).toEqual(['manifest/table-bounds']);
  });

  it('bounds of nothing but range tombstones that end before they begin', async () => {
    const begin = internalKey(Buffer.from('m'), 7n, VALUE_TYPE.rangeDelete);
    const end = internalKey(Buffer.from('a'), MAX_SEQUENCE, VALUE_TYPE.rangeDelete);
    const bounds = { smallest: begin, largest: end };
    expect(await check(files(table(8, 0, 'm', 'a', [7, 7], bounds)))).toMatchObject([
      { rule: 'manifest/empty-tombstones', severity: 'note' },
    ]);
    expect(await rules(files(table(8, 0, 'm', 'a', [9, 5], bounds)))).toEqual(['manifest/table-bounds']);
    expect(await rules(files(table(8, 0, 'm', 'a', [7, 7], { largest: end })))).toEqual([
      'manifest/table-bounds',
    ]);
  });

  it('a live file that has not been given out', async () => {
    expect(await rules(files(table(100, 1, 'a', 'm')))).toEqual(['manifest/file-number']);
  });

  it('column family ids and names', async () => {
    const users = (id: number) => edit({ columnFamily: id, columnFamilyAdd: 'users' });
    expect(await rules(users(1), users(2), edit({ maxColumnFamily: 1 }))).toEqual([
      'manifest/column-family-id',
    ]);
    expect(await rules(users(3), edit({ maxColumnFamily: 2 }))).toEqual(['manifest/column-family-id']);
  });
});

describe('blob files', () => {
  const linked = (number: number) => files(table(8, 1, 'a', 'm', [1, 1], { oldestBlobFile: BigInt(number) }));

  it('a table that needs one that is not there, unless the values lie in a stacked BlobDB', async () => {
    expect(await rules(linked(12))).toEqual(['manifest/blob-link']);
    const { version } = await replayBytes(manifest(linked(12)));
    expect(checkInvariants(version, { ...context, stackedBlobs: true })).toEqual([]);
  });

  it('one that is linked and all garbage', async () => {
    const add = edit({ blobFileAdditions: [blob(12, 5, 500)] });
    expect(await rules(add, linked(12))).toEqual([]);
    expect(await rules(add, linked(12), edit({ blobFileGarbages: [garbage(12, 5, 500)] }))).toEqual([
      'manifest/blob-link',
    ]);
  });
});
