import { describe, expect, test } from 'vitest';
import { emptyEdit, type VersionEdit } from '../../src/format/manifest/edit.js';
import { simulateTarget } from '../../src/repair/simulate-target.js';
import type { TargetReport } from '../../src/report/report.js';
import { withDatabase } from '../support/database.js';
import { rewriteManifest, shown } from '../support/pebble.js';

async function simulate(base: string, patches: readonly string[] = [], engineVersion?: string) {
  return withDatabase(`pebble-stores/${base}`, patches, (dir) =>
    simulateTarget(dir, { digest: true, ...(engineVersion !== undefined && { engineVersion }) }),
  );
}

function state({ recovery = [] }: TargetReport) {
  const [{ mode, opens, error, columnFamilies }] = recovery;
  const family = columnFamilies?.[0];
  return { mode, opens, ...(error && { error }), n: family?.entries, fnv: family?.fnv1a64 };
}

// what Pebble 1.1.5 itself showed
describe('an open of Pebble shows what the engine shows', () => {
  test.each([
    ['cosmos', [], 941, '1ca97d616838b00f'],
    ['virtual', [], 307, 'b3b89ff5a9e4bd89'],
    ['rangekeys', [], 338, 'ee2007791fa64d2b'],
    ['valueblocks', [], 619, 'f9b3a668c540d988'],
    ['cosmos', ['write 000012.log 288 27'], 641, 'f09dec556a3452fa'],
    // the sequence of the second batch lies far ahead: what the last batch does not reach is not seen
    ['cosmos', ['write 000012.log 0x1e6 0f', 'fix-record 000012.log 0x1d9'], 941, '01f178f1c7655a77'],
    [
      'rangekeys',
      ['move marker.format-version.000015.016 marker.format-version.000007.008'],
      338,
      'ee2007791fa64d2b',
    ],
  ] as const)('%s %j', async (base, patches, n, fnv) => {
    expect(state(await simulate(base, patches))).toEqual({ mode: 'default', opens: true, n, fnv });
  });
});

describe('a table on two levels', () => {
  /** Puts table 10 of cosmos, which stands on level 6, on another one, too. */
  const onTwoLevels = <T>(
    body: (dir: string) => Promise<T>,
    more: (edits: VersionEdit[]) => void = () => {},
  ) =>
    withDatabase('pebble-stores/cosmos', [], async (dir) => {
      await rewriteManifest(dir, (edits) => {
        const file = edits.flatMap(({ newFiles }) => newFiles).find(({ number }) => number === 10n)!;
        file.level = 5;
        edits.push({ ...emptyEdit(), newFiles: [{ ...file, level: 6 }] });
        more(edits);
      });
      return body(dir);
    });
  const left = (level: number) => (edits: VersionEdit[]) =>
    edits.push({ ...emptyEdit(), deletedFiles: [{ level, number: 10n, offset: 0, length: 0 }] });

  test('is shown twice', async () => {
    await onTwoLevels(async (dir) => {
      const report = await simulateTarget(dir, { digest: true });
      // Pebble 1.1.5
      expect(state(report)).toMatchObject({ n: 1582, fnv: 'd1219b5595b7482f' });
      expect(report.recovery?.[0].columnFamilies?.[0].shownAgain).toBe(641);
    });
  });

  test.each([5, 6])('that goes from level %i is shown once', async (level) => {
    await onTwoLevels(async (dir) => {
      expect(await shown(dir)).toBe('941 1ca97d616838b00f');
    }, left(level));
  });
});

test('a deletion of a range that stands above newer keys hides them or not: nothing is counted', async () => {
  const levels = (upper: bigint) =>
    withDatabase('pebble-stores/columns-v5', [], async (dir) => {
      await rewriteManifest(dir, (edits) => {
        for (const file of edits.flatMap(({ newFiles }) => newFiles))
          file.level = file.number === upper ? 5 : 6;
      });
      const { recovery, unchecked } = await simulateTarget(dir, { digest: true });
      return { families: recovery?.[0].columnFamilies, unchecked };
    });
  // Pebble 2.1.7 shows 222 keys of the one, and 242 of the other
  expect(await levels(5n)).toMatchObject({ families: undefined, unchecked: [{ file: '000007.sst' }] });
  expect(await levels(7n)).toMatchObject({ families: [{ entries: 242 }], unchecked: [] });
});

describe('an open of Pebble', () => {
  test('is not harmless where a batch lies above the sequence that is seen', async () => {
    const patches = ['write 000012.log 0x1e6 0f', 'fix-record 000012.log 0x1d9'];
    expect((await simulate('cosmos', patches)).recovery?.[0]).toMatchObject({ opens: true, harmless: false });
  });

  test('fails in 1.x where range keys go into tables of a format version that has none', async () => {
    const lowered = (to: string) =>
      simulate('rangekeys', [`move marker.format-version.000015.016 marker.format-version.${to}`]);
    const message = (format: string) =>
      `running compaction during WAL replay: table format version ${format} is less than the minimum required version (Pebble,v2) for range keys`;
    expect(state(await lowered('000004.005')).error).toBe(message('(Pebble,v1)'));
    expect(state(await lowered('000003.004')).error).toBe(message('(RocksDB,v2)'));
  });

  test('of a directory in which nothing names a MANIFEST makes a new database', async () => {
    const report = await simulate('cosmos', ['remove CURRENT', 'remove 000012.log']);
    expect(state(report)).toMatchObject({ opens: true, n: 0 });
    expect(report.recovery?.[0].harmless).toBe(false);
    expect(report.recommendation?.reason).toMatch(/^Do not open it: .* deletes 000010\.sst, 000011\.sst/);
  });

  test('ends the MANIFEST at its first damage, and deletes the rest', async () => {
    const report = await simulate('virtual', ['flip MANIFEST-000001 0x48.2']);
    expect(report.recommendation?.reason).toMatch(
      /^Do not open it: .*end its MANIFEST at the damage, and delete .*\.sst/,
    );
  });

  test('refuses what its names, tables and logs do not allow', async () => {
    const errors = async (patches: readonly string[], engine?: string) =>
      state(await simulate('virtual', patches, engine)).error;
    expect(await errors(['create marker.x ""'])).toContain('invalid marker filename');
    expect(await errors(['remove 000006.sst'])).toContain('unknown to the objstorage provider');
    expect(await errors(['remove 000010.sst'])).toContain('error when looking up ingested SSTs');
    expect(await errors(['copy 000005.sst 000010.sst'])).toContain('external sstable has non-zero seqnum');
    expect(await errors(['move marker.format-version.000015.016 marker.format-version.000015.013'])).toBe(
      'pebble: error when loading flushable ingest files: pebble: table format (Pebble,v4) is not within range supported at DB format major version 13, ((Pebble,v1),(Pebble,v3))',
    );
    expect(await errors(['append 000005.sst 00'])).toContain('object size mismatch');
    expect(await errors(['append OPTIONS-000003 "x\\n"'])).toContain('invalid key=value syntax');
    expect(await errors(['flip 000004.log 0x30.1'])).toContain('pebble/record: invalid chunk');
    expect(
      await errors(['move marker.format-version.000015.016 marker.format-version.000015.019'], '1.1'),
    ).toContain('format major version 19');
    expect(
      await errors(['move marker.format-version.000015.016 marker.format-version.000009.010'], '2.0'),
    ).toContain('no longer supported');
  });
});

describe('a directory of format version 1 in a release from 2.0 on', () => {
  test.each(['2.0.7', '2.1.4'])('%s makes a new database, and stops at the first record', async (release) => {
    const report = await simulate('cosmos', [], release);
    expect(state(report).error).toContain('not pristine');
    expect(report.recommendation?.reason).toMatch(/^Do not open it: Pebble .* makes a new database/);
    const flushed = await simulate('cosmos', ['truncate 000012.log 0'], release);
    expect(state(flushed)).toMatchObject({ opens: true, n: 0 });
    expect(flushed.recovery?.[0].deletes).toEqual(
      expect.arrayContaining(['000010.sst', '000011.sst', '000012.log', 'OPTIONS-000014']),
    );
  });

  test.each(['2.0.8', '2.1.5'])('%s refuses', async (release) => {
    const report = await simulate('cosmos', ['truncate 000012.log 0'], release);
    expect(state(report).error).toContain('format major version 1, which is no longer supported');
    expect(report.recommendation?.reason).not.toContain('Do not open it');
  });
});

describe('an open deletes', () => {
  test('what the version does not name and what it has written anew', async () => {
    const { recovery } = await simulate('cosmos');
    expect(recovery?.[0].deletes).toEqual(['000012.log', 'MANIFEST-000006', 'OPTIONS-000014']);
  });

  test('nothing where 1.1 panics over a new database that has a WAL', async () => {
    const { recovery } = await simulate('cosmos', ['remove CURRENT']);
    expect(recovery?.[0]).toMatchObject({ opens: false, errorKind: 'crash' });
  });
});
