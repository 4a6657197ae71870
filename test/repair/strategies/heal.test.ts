import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Database, readDatabase } from '../../../src/engine/database.js';
import { applyInPlace } from '../../../src/repair/apply.js';
import { contentOf } from '../../../src/repair/content.js';
import { realDisk } from '../../../src/repair/disk.js';
import type { RepairPlan } from '../../../src/repair/plan.js';
import { replacementsOf } from '../../../src/repair/preview.js';
import { planHeal } from '../../../src/repair/strategies/heal.js';
import { planHealFirst } from '../../../src/repair/strategies/heal-first.js';
import { planWalRepair } from '../../../src/repair/strategies/wal-mode.js';
import { undo } from '../../../src/repair/undo.js';
import { scanTarget } from '../../../src/scan/scan.js';
import {
  type FileSet,
  fixture,
  fixtureNames,
  readFileSet,
  withTemporaryDirectory,
  writeFileSet,
} from '../../support/files.js';
import { applyPatches } from '../../support/patch.js';

/** Runs `body` on a fixture with damage in it. */
async function damaged<T>(
  base: string,
  patches: readonly string[],
  body: (dir: string) => Promise<T>,
): Promise<T> {
  return withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(await applyPatches(fixture(base), patches), dir);
    return body(dir);
  });
}

/** The files of a plan as they will be. */
async function filesOf(plan: RepairPlan): Promise<FileSet> {
  const files: FileSet = new Map();
  for (const step of plan.steps) {
    if (step.action !== 'write') continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of contentOf(plan.target, step.content)) chunks.push(chunk);
    files.set(step.path, Buffer.concat(chunks));
  }
  return files;
}

const heal = (dir: string) => readDatabase(dir).then((database) => planHeal(database, { jobs: 1 }));

/** Damage whose bytes are known, all the same how many bits of them are wrong. */
const healed: [string, string, ...string[]][] = [
  ['a WAL record', 'basic-7.8', 'flip 000017.log 0x60.3'],
  ['the checksum of a WAL record', 'basic-7.8', 'flip 000017.log 0x2.7'],
  ['the length of a WAL record', 'basic-7.8', 'write 000017.log 4 ffff'],
  ['a fragment of a compressed WAL record', 'wal-compressed-7.8', 'flip 000004.log 0x300.1'],
  ['a recycled WAL', 'wal-recycled-11.9', 'flip 000027.log 0x60.1'],
  ['a record over two blocks', 'wal-large-7.8', 'flip 000004.log 0x8010.4'],
  ['a data block', 'basic-7.8', 'flip 000018.sst 0xd8.3'],
  ['a compressed data block', 'formats-7.8', 'flip 000089.sst 0x20.6'],
  ['an index', 'basic-7.8', 'flip 000018.sst 0x2c5.0'],
  ['a filter', 'basic-7.8', 'flip 000018.sst 0x280.6'],
  ['properties', 'basic-7.8', 'flip 000018.sst 0x480.1'],
  ['properties with a global sequence number', 'ingested-7.8', 'flip 000011.sst 0x63f.7'],
  ['range tombstones', 'basic-7.8', 'flip 000018.sst 0x2f0.6'],
  ['a footer with a checksum', 'format-7-11.9', 'flip 000011.sst end-40.1'],
  ['a footer without one', 'basic-7.8', 'flip 000018.sst end-52.0'],
  ['a magic number', 'basic-7.8', 'write 000018.sst end-8 00'],
  ['a footer that is gone', 'format-7-11.9', 'zero 000011.sst end-53 53'],
  ['a MANIFEST record', 'basic-7.8', 'flip MANIFEST-000005 0x300.2'],
  ['the length of a MANIFEST record', 'basic-7.8', 'write MANIFEST-000005 4 ffff'],
  ['a blob', 'blob-7.8', 'flip 000013.blob 0x600.3'],
  ['one byte of a WAL record', 'basic-7.8', 'write 000017.log 0x60 5c'],
  ['one byte of a data block', 'basic-7.8', 'write 000018.sst 0xd8 5c'],
  ['one byte of a MANIFEST record', 'basic-7.8', 'write MANIFEST-000005 0x300 5c'],
  ['one byte of a blob', 'blob-7.8', 'write 000013.blob 0x600 5c'],
  ['line endings of a table', 'basic-7.8', 'crlf 000015.sst'],
  ['line endings of a WAL', 'basic-7.8', 'crlf 000017.log'],
  ['line endings of a blob file', 'blob-zstd-7.8', 'crlf 000010.blob'],
  ['line endings of a MANIFEST', 'basic-7.8', 'crlf MANIFEST-000005'],
  ['the line ending of CURRENT', 'basic-7.8', 'crlf CURRENT'],
  ['bytes after a table', 'basic-7.8', 'append 000018.sst 00000000000000000000'],
  ['bytes put into a table', 'basic-7.8', 'insert 000018.sst 0x80 0001020304'],
  [
    'bytes put into a table that has a flipped bit as well',
    'basic-7.8',
    'insert 000015.sst 0x80 0001020304',
    'flip 000015.sst 0x400.3',
  ],
  ['the header of a blob record', 'blob-7.8', 'flip 000013.blob 0x57b.2'],
  ['the header of a blob file', 'blob-7.8', 'flip 000013.blob 0x1.0'],
  ['the footer of a blob file', 'blob-7.8', 'flip 000013.blob 0x1039.7'],
  ['the newline of CURRENT', 'basic-7.8', 'truncate CURRENT 15'],
  ['a bit of CURRENT', 'basic-7.8', 'flip CURRENT 0x2.1'],
  ['all of CURRENT', 'basic-7.8', 'remove CURRENT'],
  ['a CURRENT that was emptied', 'leveldb', 'truncate CURRENT 0'],
  ['a CURRENT of zeros', 'leveldb', 'zero CURRENT 0 16'],
  ['a CURRENT of something else', 'leveldb', 'write CURRENT 0 "not a manifest\\n"'],
  ['a CURRENT of a newline alone', 'leveldb', 'truncate CURRENT 0', 'append CURRENT 0a'],
  ['a CURRENT that names a table', 'leveldb', 'truncate CURRENT 0', 'append CURRENT "000005.ldb\\n"'],
  ['a CURRENT of LevelDB with the line ending of Windows', 'leveldb', 'crlf CURRENT'],
  [
    'a table whose MANIFEST is damaged, too',
    'basic-7.8',
    'flip MANIFEST-000005 0x300.2',
    'flip 000020.sst 0x20.1',
  ],
  ['a data block after a damaged index', 'basic-7.8', 'flip 000018.sst 0x2c5.0', 'flip 000018.sst 0xd8.3'],
];

describe('healing gives back what was there', () => {
  test.each(healed)('in %s', async (_, base, ...patches) => {
    await damaged(base, patches, async (dir) => {
      const plan = await heal(dir);
      const original = fixture(base);
      const files = await filesOf(plan);
      expect(files.size).toBe(new Set(patches.map((patch) => patch.split(' ')[1])).size);
      for (const [name, bytes] of files) expect(Buffer.compare(bytes, original.get(name)!)).toBe(0);
      expect(plan.loss).toEqual([]);
      const { findings } = await scanTarget(dir, { jobs: 1, instead: replacementsOf(plan) });
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    });
  });
});

describe('healing leaves alone', () => {
  test.each(fixtureNames().filter((name) => !/race|leveldb|pebble|backup/.test(name)))(
    'a healthy %s',
    async (base) => {
      await damaged(base, [], async (dir) => {
        expect((await heal(dir)).steps).toEqual([]);
      });
    },
  );

  test.each([
    ['zeros', 'zero 000018.sst 0x20 100'],
    ['bytes that were written over', 'write 000017.log 0x60 "something else"'],
    ['two flipped bits', 'flip 000018.sst 0xd8.3', 'flip 000018.sst 0x110.1'],
    ['a table that was cut', 'truncate 000018.sst 1000'],
    ['a torn log', 'truncate 000019.log 4950'],
    ['a table that is not there', 'remove 000016.sst'],
    [
      'a batch that was wrong before it was logged',
      'append-record 000019.log 1 9f010000000000000400000001016b0176',
    ],
  ])('%s', async (_, ...patches) => {
    await damaged('basic-7.8', patches, async (dir) => {
      const plan = await heal(dir);
      expect(plan.steps).toEqual([]);
      expect(plan.remarks[0]).toBe('nothing is proven: no byte is changed');
      expect(plan.remarks[1]).toMatch(/^left alone: /);
    });
  });

  test('a record of several fragments of which two are damaged', async () => {
    await damaged('wal-large-7.8', ['zero 000004.log 0x7fc0 0x80'], async (dir) => {
      expect((await heal(dir)).steps).toEqual([]);
    });
  });

  test('blocks under a footer of which several bits are wrong', async () => {
    const base = 'flip 000011.sst end-44.2';
    await damaged('format-7-11.9', [base, 'flip 000011.sst end-20.2'], async (dir) => {
      const plan = await heal(dir);
      const [, table] = [...(await filesOf(plan))][0];
      expect(Buffer.compare(table, fixture('format-7-11.9').get('000011.sst')!)).toBe(0);
    });
  });

  test('a CURRENT that could name two MANIFESTs', async () => {
    await damaged('basic-7.8', ['remove CURRENT', 'copy MANIFEST-000005 MANIFEST-000004'], async (dir) => {
      expect((await heal(dir)).steps).toEqual([]);
    });
  });

  test('a CURRENT whose MANIFEST names a table that is gone', async () => {
    await damaged('basic-7.8', ['remove CURRENT', 'remove 000016.sst'], async (dir) => {
      expect((await heal(dir)).steps).toEqual([]);
    });
  });
});

describe('a healing', () => {
  test('names each byte, and can be taken back', async () => {
    await damaged('basic-7.8', ['flip 000017.log 0x60.3', 'zero 000019.log 0x200 40'], async (dir) => {
      const plan = await heal(dir);
      expect(plan.steps).toMatchObject([
        {
          path: '000017.log',
          action: 'write',
          why: 'the value of one byte is proven',
          changes: [{ kind: 'rewrite', offset: 0x60, length: 1 }],
        },
      ]);
      const [{ detail, bytes }] = plan.steps[0].changes;
      expect(detail).toMatch(/^one flipped bit, 0x60 /);
      const [was, becomes] = [bytes?.was, bytes?.becomes].map((each) =>
        Buffer.from(each?.value.base64 ?? '', 'base64'),
      );
      expect([was.length, becomes.length]).toEqual([1, 1]);
      expect(was[0] ^ becomes[0]).toBe(8);
      expect(plan.remarks).toEqual([
        expect.stringMatching(/^left alone: wal\/checksum-mismatch, 000019.log at/),
      ]);
      const before = readFileSet(dir);
      const journal = path.join(path.dirname(dir), 'journal');
      const checkOwner = async () => {};
      await applyInPlace(plan, { disk: realDisk, journal, checkOwner, tool: 'test', now: new Date(0) });
      expect(readFileSync(path.join(dir, '000017.log'))).toEqual(fixture('basic-7.8').get('000017.log'));
      await undo(realDisk, journal, checkOwner, { target: dir });
      expect(readFileSet(dir)).toEqual(before);
    });
  });

  test('of a log that a thread wrote into gives back what was checksummed', async () => {
    await damaged('kvrocks-race-12/db', [], async (dir) => {
      const plan = await heal(dir);
      expect(plan.steps[0].changes).toMatchObject([{ offset: 10607, length: 1 }]);
      const { findings } = await scanTarget(dir, { jobs: 1, instead: replacementsOf(plan) });
      expect(findings).toEqual([]);
    });
  });
});

describe('healing first', () => {
  const proven = 'flip 000017.log 0x60.3';
  const unproven = 'zero 000019.log 0x400 100';

  test('makes possible what a recovery mode alone refuses', async () => {
    await damaged('basic-7.8', [proven, unproven], async (dir) => {
      const database = await readDatabase(dir);
      const repair = (base: Database) => planWalRepair(base, { mode: 'point-in-time' });
      // tables hold writes from after the first record of the first log
      await expect(repair(database)).rejects.toThrow('there is no consistent point');
      const files = await filesOf((await planHealFirst(database, repair)).plan);
      const original = fixture('basic-7.8');
      expect(files.get('000017.log')).toEqual(original.get('000017.log'));
      const cut = files.get('000019.log')!;
      expect(cut.length).toBeGreaterThan(0);
      expect(cut).toEqual(original.get('000019.log')!.subarray(0, cut.length));
    });
  });

  test('takes the pieces of a file that is cut from its healed content', async () => {
    await damaged('basic-7.8', [proven, 'zero 000017.log 0x800 100'], async (dir) => {
      const { plan } = await planHealFirst(await readDatabase(dir), (healed) =>
        planWalRepair(healed, { mode: 'point-in-time' }),
      );
      const log = (await filesOf(plan)).get('000017.log')!;
      expect(log.length).toBeGreaterThan(0x60);
      expect(log).toEqual(fixture('basic-7.8').get('000017.log')!.subarray(0, log.length));
      expect(plan.strategy).toBe('point-in-time');
    });
  });

  test('is the second plan alone where nothing is proven', async () => {
    await damaged('basic-7.8', [unproven], async (dir) => {
      const { plan } = await planHealFirst(await readDatabase(dir), (healed) =>
        planWalRepair(healed, { mode: 'point-in-time' }),
      );
      expect(plan.strategy).toBe('point-in-time');
    });
  });
});
