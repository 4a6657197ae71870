import path from 'node:path';
import { expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { FreeNumbers } from '../../src/repair/strategies/metadata-write.js';
import { scanTarget } from '../../src/scan/scan.js';
import { simulateDatabase } from '../../src/scan/simulate-database.js';
import { contentsOf, entriesIn } from '../corpus/contents.js';
import { withFieldCase } from '../support/field.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';

/** Directories as people have them, all healthy. What looks wrong in them is how an engine once wrote. */
const healthy = [
  // sequences of the first and last key only; index sizes that count restart arrays twice; no OPTIONS
  { name: 'healthy-old-flush-3.6', notes: ['directory/options-missing'], entries: 2 },
  // tables name the comparator of internal keys
  { name: 'healthy-old-comparator-4.9', notes: ['directory/unborn-table'], entries: 640 },
  // MANIFEST-000001, which names no comparator
  { name: 'healthy-new-6.5', notes: [], entries: 1 },
  // column families added after a restart, and after a drop: the largest id that an edit states is an older one
  { name: 'healthy-family-added', notes: [], entries: 4 },
  { name: 'healthy-dropped-column-family', notes: [], entries: 100 },
  { name: 'healthy-families-7.8', notes: [], entries: 60 },
  { name: 'healthy-flushed-families-7.8', notes: [], entries: 28 },
  // a column family was dropped, and its table is still here: the MANIFEST has given its id out
  { name: 'healthy-left-tables-7.8', notes: ['directory/orphan-table'], entries: 21 },
  // a table that names no column family was ingested into one that was dropped before the MANIFEST was begun
  {
    name: 'healthy-dropped-ingested-7.8',
    findings: ['warning sequence/gap-between-wals'],
    notes: ['directory/orphan-table', 'directory/orphan-table'],
    entries: 5,
  },
  { name: 'healthy-ckb-6.11', notes: [], entries: 0 },
  // user-defined timestamps and blob files: a compaction has told the MANIFEST sequences of 0, and left them in the keys
  { name: 'healthy-timestamps-7.8', notes: [], entries: 28 },
  // nothing says what the log held
  { name: 'removed-empty-wal', notes: ['directory/removed-wal'], entries: 1000 },
];

it.each(healthy)(
  '$name is clean, opens, loses nothing and is exported whole',
  async ({ name, findings: more = [], notes, entries }) => {
    await withFieldCase(name, [], async (dir) => {
      const { findings, unchecked } = await scanTarget(dir, { jobs: 1 });
      expect(findings.map(({ severity, rule }) => `${severity} ${rule}`)).toEqual([
        ...notes.map((rule) => `note ${rule}`),
        ...more,
      ]);
      expect(unchecked).toEqual([]);
      const database = await readDatabase(dir);
      const modes = await simulateDatabase(database);
      expect(modes.find(({ own }) => own)).toMatchObject({ opens: true, harmless: true });
      expect(entriesIn(await contentsOf(dir))).toBe(entries);
      expect((await planAuto(database, { onLostTombstones: 'refuse' })).steps).toEqual([]);
    });
  },
);

it('does not say that a log which is gone held writes', async () => {
  await withFieldCase('removed-empty-wal', [], async (dir) => {
    const { findings } = await scanTarget(dir, { jobs: 1 });
    expect(findings[0].message).toContain('whether it held writes cannot be told');
  });
});

it('numbers new files after those of the database, not after the time in LOG.old', async () => {
  await withFieldCase('healthy-old-comparator-4.9', [], async (dir) => {
    expect(new FreeNumbers(await readDatabase(dir)).next()).toBe(19n);
  });
});

it('gives up nothing where a recycled WAL ends in what an older one left', async () => {
  await withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(fixture('wal-recycled-11.9'), dir);
    const modes = await simulateDatabase(await readDatabase(dir));
    const own = modes.find((mode) => mode.own)!;
    expect(own).toMatchObject({ opens: true, harmless: true, lost: { damagedBytes: 0, records: 0 } });
  });
});

it('keeps a whole table of which the MANIFEST has the numbers wrong', async () => {
  await withFieldCase('healthy-old-flush-3.6', [], async (dir) => {
    // the MANIFEST says that it ends at sequence 22; it holds 23 to 25
    const database = await readDatabase(dir);
    const live = database.version!.columnFamilies.get(0)!.tables.get(69n)!;
    live.largestSequence = 22n;
    live.smallestSequence = 22n;
    const { steps, loss, remarks } = await planAuto(database, { onLostTombstones: 'refuse' });
    expect(loss).toEqual([]);
    expect(steps.map((step) => 'path' in step && step.path)).toEqual(['MANIFEST-000072', 'CURRENT']);
    expect(remarks.join()).toContain('000069.sst is whole');
  });
});
