import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDatabase } from '../../../src/engine/database.js';
import { DirectorySink } from '../../../src/io/directory-sink.js';
import { makePlan } from '../../../src/repair/method.js';
import { Pace } from '../../../src/repair/pace.js';
import { restoreBackup } from '../../../src/repair/restore-backup.js';
import { planFrom } from '../../../src/repair/strategies/twins/plan.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { carryOut } from '../../support/carry-out.js';
import {
  type FileSet,
  fixture,
  readFileSet,
  withTemporaryDirectory,
  writeFileSet,
} from '../../support/files.js';
import { applyPatches } from '../../support/patch.js';
import { inRepository } from '../../support/repository.js';
import { repaired } from '../../support/second-source.js';

const damagedBy = (base: string, patches: readonly string[]) => applyPatches(fixture(base), patches);

const given: [string, string, ...string[]][] = [
  ['a data block', 'basic-7.8', 'zero 000018.sst 0x40 60'],
  ['a block and its checksum', 'basic-7.8', 'zero 000018.sst 0 400'],
  ['a footer', 'basic-7.8', 'zero 000018.sst end-53 53'],
  ['a cut table', 'basic-7.8', 'truncate 000018.sst 700'],
  ['a table with bytes after its end', 'basic-7.8', 'append 000018.sst 00ff00ff'],
  ['a table that is gone', 'basic-7.8', 'remove 000018.sst'],
  ['an empty table', 'basic-7.8', 'truncate 000018.sst 0'],
  ['a table in the place of another', 'basic-7.8', 'copy 000014.sst 000018.sst'],
  ['a blob file', 'blob-7.8', 'zero 000010.blob 40 200'],
  ['a blob file that is gone', 'blob-7.8', 'remove 000010.blob'],
  ['a WAL record', 'basic-7.8', 'zero 000017.log 0x60 64'],
  ['a cut WAL', 'basic-7.8', 'truncate 000017.log 200'],
  ['the newest WAL, cut', 'basic-7.8', 'truncate 000019.log 300'],
  ['an empty newest WAL', 'basic-7.8', 'truncate 000019.log 0'],
  ['a cut recycled WAL', 'wal-recycled-11.9', 'truncate 000027.log 150'],
  ['an empty recycled WAL', 'wal-recycled-11.9', 'truncate 000027.log 0'],
  ['an empty WAL before another', 'basic-7.8', 'truncate 000017.log 0'],
  ['a record over two blocks', 'wal-large-7.8', 'zero 000004.log 0x8010 2000'],
  ['a MANIFEST record', 'basic-7.8', 'zero MANIFEST-000005 0x60 16'],
  ['a cut MANIFEST', 'basic-7.8', 'truncate MANIFEST-000005 300'],
  ['a MANIFEST that is gone', 'basic-7.8', 'remove MANIFEST-000005'],
  ['CURRENT', 'basic-7.8', 'write CURRENT 0 4d00'],
  ['CURRENT that is gone', 'basic-7.8', 'remove CURRENT'],
  ['a cut OPTIONS file', 'basic-7.8', 'truncate OPTIONS-000011 900'],
  [
    'several files',
    'basic-7.8',
    'remove MANIFEST-000005',
    'zero 000018.sst 0 400',
    'zero 000017.log 0x60 64',
  ],
  ['a table of Pebble', 'pebble-stores/cosmos', 'zero 000010.sst 20 60'],
  ['a table of Pebble that is gone', 'pebble-stores/cosmos', 'remove 000010.sst'],
  ['a WAL record of Pebble', 'pebble-stores/cosmos', 'zero 000012.log 30 10'],
  ['a segment of a log of Pebble', 'pebble-stores/failover', 'zero secondary/000002-001.log 3000 400'],
  ['a segment that is gone', 'pebble-stores/failover', 'remove secondary/000002-001.log'],
  ['a first segment that is gone', 'pebble-stores/failover', 'remove 000002.log'],
  ['a segment that is empty', 'pebble-stores/failover', 'truncate secondary/000002-001.log 0'],
  ['a segment that is cut', 'pebble-stores/failover', 'truncate secondary/000002-001.log 4000'],
  ['a first segment that is damaged', 'pebble-stores/failover', 'zero 000002.log 4 400'],
  ['a MANIFEST of Pebble', 'pebble-stores/cosmos', 'zero MANIFEST-000013 20 10'],
  ['a table of LevelDB', 'leveldb', 'write 000005.ldb 0x10 ffffff'],
  ['a MANIFEST of LevelDB that is gone', 'leveldb', 'remove MANIFEST-000002'],
  ['a table of LevelDB that is gone', 'leveldb', 'remove 000005.ldb'],
  [
    'a MANIFEST of LevelDB that is wrong under a right checksum',
    'leveldb',
    'write MANIFEST-000002 0x40 14',
    'fix-record MANIFEST-000002 0x32',
  ],
  [
    'an index of LevelDB that is wrong under a right checksum',
    'leveldb',
    'write 000005.ldb 0x2dd 61',
    'fix-block 000005.ldb 0x2da 28',
  ],
  ['a CURRENT of LevelDB that names no MANIFEST', 'leveldb', 'replace CURRENT "2" "9"'],
];

describe('a copy that is whole', () => {
  test.each(given)('gives back %s', async (_, base, ...patches) => {
    const clean = fixture(base);
    const { after, plan } = await repaired(await damagedBy(base, patches), [clean]);
    expect(after).toEqual(clean);
    expect(plan.loss).toEqual([]);
    expect(plan.steps.every(({ changes }) => changes.length > 0)).toBe(true);
  });

  test('changes nothing of a database that is whole', async () => {
    for (const base of ['basic-7.8', 'leveldb']) {
      const { plan } = await repaired(fixture(base), [fixture(base)]);
      expect(plan.steps).toEqual([]);
    }
  });

  test('gives back no more than what is damaged', async () => {
    const { plan } = await repaired(await damagedBy('basic-7.8', ['zero 000018.sst 0x40 60']), [
      fixture('basic-7.8'),
    ]);
    const [{ changes }] = plan.steps;
    // zeros over zeros differ in nothing: one damage is one range all the same
    expect(changes).toHaveLength(1);
    for (const { kind, offset, length } of changes) {
      expect(kind).toBe('rewrite');
      expect(offset).toBeGreaterThanOrEqual(0x40);
      expect(offset + length).toBeLessThanOrEqual(0x40 + 60);
    }
  });
});

describe('a MANIFEST beside a table that it cannot know yet', () => {
  const beside = (table: Uint8Array): FileSet => new Map(fixture('basic-7.8')).set('000099.sst', table);
  const gone = 'remove MANIFEST-000005';

  test('comes back where a compaction made that table of those that it names', async () => {
    const clean = beside(fixture('basic-7.8').get('000018.sst')!);
    const { after } = await repaired(await applyPatches(new Map(clean), [gone]), [clean]);
    expect(after).toEqual(clean);
  });

  test('does not where the table holds anything else: a lost edit may have named it', async () => {
    const clean = beside(fixture('checksummed-7.8').get('000011.sst')!);
    const { plan } = await repaired(await applyPatches(new Map(clean), [gone]), [clean]);
    expect(plan.steps).toEqual([]);
  });
});

test('what a source gave back stays while the rest is repaired without it', async () => {
  const damaged = await damagedBy('basic-7.8', ['zero 000018.sst 0 400', 'flip 000017.log 0x60.2']);
  const source = await damagedBy('basic-7.8', ['remove 000017.log', 'remove 000019.log']);
  await withTemporaryDirectory(async (parent) => {
    const [dir, from] = ['db', 'source'].map((name) => path.join(parent, name));
    writeFileSet(damaged, dir);
    writeFileSet(source, from);
    const { findings } = await scanTarget(dir, { jobs: 1 });
    const way = { strategy: 'auto', from: [from], onLostTombstones: 'refuse' } as const;
    const { plan } = await makePlan(await readDatabase(dir), way, { findings, pace: new Pace() });
    expect(plan.loss).toEqual([]);
    expect(plan.steps.map((step) => step.path).sort()).toEqual(['000017.log', '000018.sst']);
    await carryOut(plan, dir);
    expect(readFileSet(dir)).toEqual(fixture('basic-7.8'));
  });
});

test('a BackupEngine directory gives back tables, MANIFEST and WAL of the database that it is of', async () => {
  const backup = inRepository('fixtures', 'backup-7.8');
  await withTemporaryDirectory(async (parent) => {
    const restored = path.join(parent, 'restored');
    const sink = await DirectorySink.create(restored);
    await restoreBackup(backup, 2, sink);
    await sink.commit();
    const clean = readFileSet(restored);
    const table = [...clean.keys()].find((name) => name.endsWith('.sst'))!;
    const manifest = [...clean.keys()].find((name) => name.startsWith('MANIFEST'))!;
    for (const patch of [
      `zero ${table} 10 300`,
      `remove ${table}`,
      `truncate ${table} 1000`,
      `zero ${manifest} 0x60 16`,
    ]) {
      const { after } = await repaired(await applyPatches(new Map(clean), [patch]), [backup]);
      expect(after, patch).toEqual(clean);
    }
  });
});

describe('two copies that are damaged in different places', () => {
  test.each([
    ['a table', 'basic-7.8', 'zero 000018.sst 0 200', 'zero 000018.sst end-100 100'],
    ['a blob file', 'blob-7.8', 'zero 000010.blob 40 200', 'zero 000010.blob end-20 20'],
    ['a WAL', 'basic-7.8', 'zero 000017.log 0x60 64', 'truncate 000017.log end-20'],
  ])('make one whole: %s', async (_, base, mine, its) => {
    const { after } = await repaired(await damagedBy(base, [mine]), [await damagedBy(base, [its])]);
    expect(after).toEqual(fixture(base));
  });

  test('make one whole where the file itself is gone', async () => {
    const { after } = await repaired(await damagedBy('basic-7.8', ['remove 000018.sst']), [
      await damagedBy('basic-7.8', ['zero 000018.sst 0 200']),
      await damagedBy('basic-7.8', ['zero 000018.sst end-100 100']),
    ]);
    expect(after).toEqual(fixture('basic-7.8'));
  });
});

const harms = given.filter(([, base]) => base === 'basic-7.8');

describe('a source that is not what is missing', () => {
  test.each(harms)('gives nothing where it has the same damage: %s', async (_, base, ...patches) => {
    const damaged = await damagedBy(base, patches);
    const { after, plan } = await repaired(damaged, [new Map(damaged)]);
    expect(plan.steps).toEqual([]);
    expect(after).toEqual(damaged);
  });

  test.each(harms)('gives nothing where it is another database: %s', async (_, base, ...patches) => {
    const damaged = await damagedBy(base, patches);
    // another database whose files have all the same names
    const other: FileSet = new Map();
    for (const name of fixture(base).keys()) {
      const like = [...fixture('versions-7.8')].find(
        ([each]) => path.extname(each) === path.extname(name) && each.slice(0, 3) === name.slice(0, 3),
      );
      if (like !== undefined) other.set(name, like[1]);
    }
    const { after } = await repaired(damaged, [other]);
    const clean = fixture(base);
    for (const [name, bytes] of after)
      expect([damaged.get(name), clean.get(name)], name).toContainEqual(bytes);
  });

  test('says which table is of another life', async () => {
    const damaged = await damagedBy('basic-7.8', ['zero 000018.sst 0 400']);
    // whole, and as large: only the session that it was written in is another
    const later = await damagedBy('basic-7.8', [
      'replace 000018.sst "0ELUP7F5VHADA5Q292JI" "0ELUP7F5VHADA5Q292JJ"',
      'fix-block 000018.sst 0x315 903',
    ]);
    const { plan, after } = await repaired(damaged, [later]);
    expect(after).toEqual(damaged);
    expect(plan.remarks.join('\n')).toMatch(/000018\.sst is not taken: it is of another life/);
    // nor where the table is gone
    const gone = await damagedBy('basic-7.8', ['remove 000018.sst']);
    expect((await repaired(gone, [later])).after).toEqual(gone);
  });

  test('takes no table of LevelDB where no other file shows that it is of the same life', async () => {
    const other = await damagedBy('leveldb', ['write 000004.log 0xc0 58', 'fix-record 000004.log 0xa0']);
    for (const patch of ['remove 000005.ldb', 'truncate 000005.ldb 20']) {
      const damaged = await damagedBy('leveldb', [patch]);
      const { after, plan } = await repaired(damaged, [other]);
      expect(after, patch).toEqual(damaged);
      expect(plan.remarks.join('\n')).toContain('nothing proves that it is the file that was here');
      expect((await repaired(damaged, [fixture('leveldb')])).after, patch).toEqual(fixture('leveldb'));
    }
  });

  test('says which table has another size', async () => {
    const damaged = await damagedBy('basic-7.8', ['zero 000018.sst 0 400']);
    const other = await damagedBy('basic-7.8', ['copy 000014.sst 000018.sst']);
    const { plan, after } = await repaired(damaged, [other]);
    expect(after).toEqual(damaged);
    expect(plan.remarks.join('\n')).toMatch(/000018\.sst is not taken: it has \d+ bytes/);
  });

  test('takes no end of a WAL from another life of the database', async () => {
    const damaged = await damagedBy('basic-7.8', ['truncate 000019.log 300']);
    const { after, plan } = await repaired(damaged, [
      await damagedBy('basic-7.8', ['remove MANIFEST-000005', 'remove CURRENT']),
    ]);
    expect(after).toEqual(damaged);
    expect(plan.remarks.join('\n')).toContain('nothing proves that its end is the one that is missing');
  });

  test('takes nothing where a block that holds has other bytes than the source', async () => {
    // one letter of a value in the data block, under a checksum that is right again; the filter is damaged here
    const other = await damagedBy('leveldb', ['write 000005.ldb 32 64', 'fix-block 000005.ldb 0 0x252']);
    const damaged = await damagedBy('leveldb', ['write 000005.ldb 0x260 ffffff']);
    const right = await repaired(damaged, [fixture('leveldb')]);
    expect(Buffer.from(right.after.get('000005.ldb')!).equals(fixture('leveldb').get('000005.ldb')!)).toBe(
      true,
    );
    const { after, plan } = await repaired(damaged, [other]);
    expect(plan.remarks.join('\n')).toContain('at 32 it has other bytes than 000005.ldb');
    expect(after).toEqual(damaged);
  });
});

describe('what nothing proves', () => {
  const cut = ['truncate 000019.log 300'];
  const nameless = () => damagedBy('basic-7.8', ['remove MANIFEST-000005', 'remove CURRENT']);

  test('is named, and taken when it is asked for only, with its age', async () => {
    const damaged = await damagedBy('basic-7.8', cut);
    const offered = await repaired(damaged, [await nameless()]);
    expect(offered.after).toEqual(damaged);
    expect(offered.plan.unproven).toBeUndefined();
    expect(offered.plan.remarks.at(-1)).toContain('--accept-unproven');
    const { after, plan } = await repaired(damaged, [await nameless()], { acceptUnproven: true });
    expect(after).toEqual(fixture('basic-7.8'));
    expect(plan.unproven).toMatchObject([
      { file: '000019.log', facts: { bytes: 4689, modified: expect.stringMatching(/^\d{4}-/) } },
    ]);
  });

  test('is not what a proven source has', async () => {
    const damaged = await damagedBy('basic-7.8', cut);
    const { after, plan } = await repaired(damaged, [fixture('basic-7.8')], { acceptUnproven: true });
    expect(after).toEqual(fixture('basic-7.8'));
    expect(plan.unproven).toBeUndefined();
  });

  test('is never a MANIFEST, a file of another life, or a log that is not here', async () => {
    const later = await damagedBy('basic-7.8', [
      'replace 000018.sst "0ELUP7F5VHADA5Q292JI" "0ELUP7F5VHADA5Q292JJ"',
      'fix-block 000018.sst 0x315 903',
    ]);
    for (const [base, patches, source] of [
      ['basic-7.8', ['remove 000018.sst'], later],
      ['basic-7.8', ['remove 000019.log'], await nameless()],
      ['leveldb', ['zero MANIFEST-000002 0 200'], await damagedBy('leveldb', ['truncate 000005.ldb 0'])],
    ] as const) {
      const damaged = await damagedBy(base, patches);
      const { after } = await repaired(damaged, [source], { acceptUnproven: true });
      expect(after, patches[0]).toEqual(damaged);
    }
  });
});

test('tells a source that is the same file', async () => {
  await withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    const link = path.join(parent, 'link');
    writeFileSet(await damagedBy('basic-7.8', ['zero 000018.sst 0 400']), dir);
    fs.mkdirSync(link);
    for (const name of fs.readdirSync(dir)) fs.linkSync(path.join(dir, name), path.join(link, name));
    const { findings } = await scanTarget(dir, { jobs: 1 });
    const { plan } = await planFrom(await readDatabase(dir), { from: [link], findings });
    expect(plan.steps).toEqual([]);
    expect(plan.remarks.join('\n')).toContain('is the same file as 000018.sst');
  });
});
