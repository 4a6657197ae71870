import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDirectory, type DirectoryCircumstances } from '../../../src/check/directory/directory.js';
import { checkTable } from '../../../src/check/sst/table.js';
import type { UnitFacts } from '../../../src/check/unit.js';
import { encodeLogRecords } from '../../../src/encode/log/writer.js';
import { encodeVersionEdit } from '../../../src/encode/manifest/edit.js';
import { snapshotEdits } from '../../../src/encode/manifest/snapshot.js';
import { type Database, readDatabase } from '../../../src/engine/database.js';
import { emptyEdit } from '../../../src/format/manifest/edit.js';
import { openSource } from '../../../src/io/source.js';
import { withDatabase } from '../../support/database.js';
import { fixture } from '../../support/files.js';

async function check(dir: string, circumstances: Partial<DirectoryCircumstances> = {}) {
  return checkDirectory(await readDatabase(dir), { atRest: false, owned: false, ...circumstances });
}

/** `error rule file offset+length` for each finding, notes left out unless asked for. */
async function lines(
  name: string,
  patches: readonly string[],
  circumstances: Partial<DirectoryCircumstances> & { notes?: boolean } = {},
) {
  return withDatabase(name, patches, async (dir) => {
    const { findings } = await check(dir, circumstances);
    return findings
      .filter((f) => circumstances.notes || f.severity !== 'note')
      .map((f) => {
        const place = f.offset === undefined ? '' : ` ${f.offset}+${f.length}`;
        return `${f.severity} ${f.rule} ${f.file}${place}`;
      });
  });
}

const manifestSize = fixture('basic-7.8').get('MANIFEST-000005')!.length;

describe('a healthy database', () => {
  it.each(['basic-6.17', 'basic-7.8', 'basic-9.7', 'blob-7.8', 'kvrocks-backup', 'wal-recycled-11.9'])(
    '%s gives no findings',
    async (name) => {
      const atRest = name === 'kvrocks-backup';
      expect(await lines(name, [], { notes: true, atRest })).toEqual([]);
    },
  );
});

describe('CURRENT', () => {
  it.each([
    [['remove CURRENT'], ['error directory/current-missing CURRENT']],
    [['truncate CURRENT 15'], ['error directory/current-no-newline CURRENT 0+15']],
    [['create CURRENT "MANIFEST-000005\\r\\n"'], ['error directory/current-malformed CURRENT 0+17']],
    [['create CURRENT "MANIFEST-000099\\n"'], ['error directory/missing-manifest MANIFEST-000099']],
    [['remove MANIFEST-000005'], ['error directory/missing-manifest MANIFEST-000005']],
  ])('%j', async (patches, expected) => expect(await lines('basic-7.8', patches)).toEqual(expected));

  it('missing: says which MANIFEST it would name', () =>
    withDatabase('basic-7.8', ['remove CURRENT'], async (dir) => {
      const [finding] = (await check(dir)).findings;
      expect(finding.message).toContain('MANIFEST-000005 is whole');
    }));

  it('naming an empty MANIFEST beside the old one', () =>
    withDatabase('basic-7.8', ['create CURRENT "MANIFEST-000001\\n"'], async (dir) => {
      const fresh = {
        ...(await readDatabase(dir)).version!,
        columnFamilies: new Map(),
        databaseId: undefined,
      };
      const edits = snapshotEdits(fresh, { nextFileNumber: 2n }).map(encodeVersionEdit);
      const seed = encodeVersionEdit({
        ...emptyEdit(),
        comparator: 'leveldb.BytewiseComparator',
        logNumber: 0n,
      });
      fs.writeFileSync(path.join(dir, 'MANIFEST-000001'), encodeLogRecords([seed, ...edits]));
      const rules = (await check(dir)).findings.filter((f) => f.severity === 'error').map((f) => f.rule);
      expect(rules).toEqual(['directory/current-names-empty-manifest']);
    }));
});

describe('live files', () => {
  it.each([
    ['basic-7.8', ['remove 000015.sst'], ['error directory/missing-table 000015.sst']],
    ['basic-7.8', ['move 000015.sst 000015.ldb'], []],
    ['basic-7.8', ['truncate 000015.sst 4096'], ['error directory/wrong-table-size 000015.sst 4096+0']],
    ['basic-7.8', ['append 000015.sst 0000'], ['error directory/wrong-table-size 000015.sst 5975+2']],
    ['blob-7.8', ['remove 000010.blob'], ['error directory/missing-blob 000010.blob']],
    ['blob-7.8', ['truncate 000010.blob 4000'], ['error directory/wrong-blob-size 000010.blob 4000+0']],
  ] as const)('%s %j', async (name, patches, expected) => {
    expect(await lines(name, patches)).toEqual(expected);
  });

  it('a link to nowhere is a missing table', () =>
    withDatabase('basic-7.8', ['remove 000015.sst'], async (dir) => {
      fs.symlinkSync('/nowhere/000015.sst', path.join(dir, '000015.sst'));
      const [finding] = (await check(dir)).findings;
      expect(finding).toMatchObject({ rule: 'directory/missing-table', file: '000015.sst' });
      expect(finding.message).toContain('symbolic link');
    }));

  it('what the MANIFEST does not name is a note', async () => {
    expect(
      await lines('basic-7.8', ['copy 000015.sst 000044.sst', 'create 000045.dbtmp ""'], { notes: true }),
    ).toEqual(['note directory/orphan-table 000044.sst', 'note directory/stale-temporary 000045.dbtmp']);
  });

  it('blames the MANIFEST for the size of a table that is whole, and the table when it is not', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      const { database, entry } = await withSizeChanged(dir, 15n);
      const facts = new Map<string, UnitFacts>([['000015.sst', await tableFacts(database, 15n)]]);
      const { findings } = await checkDirectory(database, { atRest: false, owned: false, facts });
      expect(findings).toMatchObject([
        { severity: 'error', rule: 'manifest/wrong-table-size', file: 'MANIFEST-000005', ...entry },
      ]);
      const without = await checkDirectory(database, { atRest: false, owned: false });
      expect(without.findings.map((f) => f.rule)).toEqual(['directory/wrong-table-size']);
    }));
});

describe('the end of the MANIFEST', () => {
  const torn = `truncate MANIFEST-000005 ${manifestSize - 3}`;
  const tail = async (patches: string[], circumstances: Partial<DirectoryCircumstances> = {}) =>
    (await lines('basic-7.8', patches, { ...circumstances, notes: true })).filter((line) =>
      /MANIFEST/.test(line),
    );

  it('torn: a warning in a database that was killed, an error in a copy at rest, a note under a running process', async () => {
    expect(await tail([torn])).toMatchObject([expect.stringMatching(/^warning manifest\/torn-tail/)]);
    expect(await tail([torn], { atRest: true })).toMatchObject([expect.stringMatching(/^error/)]);
    expect(await tail([torn], { owned: true })).toMatchObject([expect.stringMatching(/^note/)]);
  });

  it('torn: an error when something that is named is gone', async () => {
    expect(await tail([torn, 'remove 000015.sst'])).toMatchObject([expect.stringMatching(/^error/)]);
    expect(await tail([torn], { lost: ['column family 7 (000019.log)'] })).toMatchObject([
      expect.stringMatching(/^error/),
    ]);
  });

  it('zeros are a note', async () => {
    expect(await tail(['append MANIFEST-000005 000000000000000000'])).toEqual([
      `note manifest/zero-tail MANIFEST-000005 ${manifestSize}+9`,
    ]);
  });

  it('damage: an error, and what may have been dropped by a lost edit is only suspicious', async () => {
    const found = await lines('basic-7.8', ['flip MANIFEST-000005 end-5.3', 'remove 000015.sst']);
    expect(found).toMatchObject([
      expect.stringMatching(/^error manifest\/checksum-mismatch/),
      'warning directory/missing-table 000015.sst',
    ]);
  });
});

describe('WALs', () => {
  it('a needed one that was removed', async () => {
    expect(await lines('basic-7.8', ['remove 000017.log'])).toEqual([
      'warning directory/removed-wal 000017.log',
    ]);
    expect(await lines('basic-7.8', ['remove 000019.log'])).toEqual([
      'warning directory/removed-wal 000019.log',
    ]);
  });

  const none = ['remove 000017.log', 'remove 000019.log'];
  const gone = ['000017.log', '000019.log'].map((file) => `warning directory/removed-wal ${file}`);

  it.each([false, true])('none at all in a directory that was in use (at rest: %s)', async (atRest) => {
    expect(await lines('basic-7.8', none, { atRest })).toEqual(gone);
  });

  it('the newest of a directory without LOCK may have been empty, the one before was not', async () => {
    const patches = [...none, 'remove LOCK'];
    expect(await lines('basic-7.8', patches)).toEqual(gone.slice(0, 1));
    expect(await lines('basic-7.8', patches, { notes: true })).toHaveLength(2);
  });

  it('an engine leaves the newest out of its own copies where it is empty', async () => {
    const copy = ['remove LOCK', 'remove IDENTITY', 'remove 000019.log'];
    for (const atRest of [false, true]) {
      const found = await lines('basic-7.8', copy, { atRest, notes: true });
      expect(found.filter((line) => line.includes('wal'))).toEqual([]);
    }
  });

  it('tracked ones that are missing or short', () =>
    withDatabase('basic-7.8', [], async (dir) => {
      const database = await readDatabase(dir);
      database.version!.trackedWals.set(17n, 1_000_000n).set(18n, 5n).set(19n, undefined);
      const { findings } = await checkDirectory(database, { atRest: false, owned: false });
      expect(findings.map((f) => [f.severity, f.rule, f.file])).toEqual([
        ['error', 'directory/short-wal', '000017.log'],
        ['error', 'directory/missing-wal', '000018.log'],
      ]);
    }));
});

describe('OPTIONS and IDENTITY', () => {
  it.each([
    [['truncate OPTIONS-000011 3000'], ['warning directory/options-truncated OPTIONS-000011']],
    [['create IDENTITY ""'], ['warning directory/identity-malformed IDENTITY 0+0']],
    [
      ['replace OPTIONS-000011 "best_efforts_recovery=false" "best_efforts_recovery=true"'],
      ['warning directory/best-efforts-recovery OPTIONS-000011'],
    ],
    [
      ['replace OPTIONS-000011 "leveldb.BytewiseComparator" "my.Comparator"'],
      ['warning directory/options-comparator OPTIONS-000011'],
    ],
  ])('%j', async (patches, expected) => {
    const found = await lines('basic-7.8', patches);
    expect(found.map((line) => line.replace(/(OPTIONS-\d+) .*/, '$1'))).toEqual(expected);
  });

  it.each([
    [['remove OPTIONS-000009', 'remove OPTIONS-000011'], 'directory/options-missing'],
    [
      ['replace OPTIONS-000011 "CFOptions \\"orders\\"" "CFOptions \\"gone\\""'],
      'directory/options-column-families',
    ],
    [['replace OPTIONS-000011 "rocksdb_version=7.8.3" "rocksdb_version=12.1.0"'], 'engine/newer-release'],
  ])('%j is a note', async (patches, rule) => {
    const found = await lines('basic-7.8', patches, { notes: true });
    expect(found).toEqual([expect.stringContaining(`note ${rule}`)]);
  });

  it('IDENTITY of another database', () =>
    withDatabase('basic-9.7', ['create IDENTITY "00000000-0000-0000-0000-000000000000"'], async (dir) => {
      expect((await check(dir)).findings.map((f) => f.rule)).toEqual(['directory/identity-mismatch']);
    }));
});

/** Rewrites the MANIFEST so that it gives a table one byte more than it has. */
async function withSizeChanged(dir: string, number: bigint) {
  const { version } = await readDatabase(dir);
  version!.columnFamilies.get(0)!.tables.get(number)!.size++;
  const edits = snapshotEdits(version!, { nextFileNumber: version!.nextFileNumber! });
  fs.writeFileSync(path.join(dir, 'MANIFEST-000005'), encodeLogRecords(edits.map(encodeVersionEdit)));
  const database = await readDatabase(dir);
  return { database, entry: database.version!.columnFamilies.get(0)!.tables.get(number)!.entry };
}

async function tableFacts(database: Database, number: bigint): Promise<UnitFacts> {
  const entry = database.inventory.entries.find((e) => e.kind === 'table' && e.number === number)!;
  const live = database.version!.columnFamilies.get(0)!.tables.get(number)!;
  const source = await openSource(entry.source);
  const { facts } = await checkTable(source, {
    dialect: 'rocksdb',
    file: entry.file,
    number,
    depth: 'full',
    live,
  });
  await source.close();
  return facts;
}
