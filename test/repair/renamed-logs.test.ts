import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { scanTarget } from '../../src/scan/scan.js';
import { carryOut } from '../support/carry-out.js';
import { withDatabase } from '../support/database.js';
import { visible } from '../support/visible.js';

/* Logs and tables under names that the engine does not read. */

const found = async (dir: string) =>
  (await scanTarget(dir)).findings
    .filter(({ rule }) => rule === 'directory/renamed-file')
    .map(({ file, severity, evidence }) => [file, severity, evidence?.looksLike, evidence?.number]);

describe('a log that was renamed', () => {
  it.each([
    ['leveldb', '000004.log', '000004.log.old', '4'],
    ['basic-7.8', '000017.log', '000017.log.bak', '17'],
    ['basic-7.8', '000019.log', 'old-000019.log.1', '19'],
    ['wal-compressed-7.8', '000012.log', '000012.log_', '12'],
  ])('of %s is damage, and put back', async (name, from, to, number) => {
    const truth = await withDatabase(name, [], visible);
    await withDatabase(name, [`move ${from} ${to}`], async (dir) => {
      expect(await found(dir)).toEqual([[to, 'error', 'log', number]]);
      const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
      expect(plan.loss).toEqual([]);
      await carryOut(plan, dir);
      expect(await visible(dir)).toEqual(truth);
      const left = (await scanTarget(dir)).findings.filter(({ severity }) => severity !== 'note');
      expect(left).toEqual([]);
    });
  });

  it('of Pebble is damage', async () => {
    await withDatabase('pebble-stores/cosmos', [], async (dir) => {
      const [wal] = (await readDatabase(dir)).inventory.entries
        .filter(({ kind }) => kind === 'wal')
        .slice(-1);
      await withDatabase('pebble-stores/cosmos', [`move ${wal.file} ${wal.file}.old`], async (moved) => {
        expect(await found(moved)).toEqual([[`${wal.file}.old`, 'error', 'log', String(wal.number)]]);
      });
    });
  });

  it('and has lost its number is a warning', async () => {
    await withDatabase('basic-7.8', ['move 000019.log moved-away'], async (dir) => {
      expect(await found(dir)).toEqual([['moved-away', 'warning', 'log', undefined]]);
    });
  });
});

describe('a copy under another name', () => {
  it.each([
    ['leveldb', '000004.log', 'log'],
    ['basic-7.8', '000019.log', 'log'],
    ['basic-7.8', '000016.sst', 'table'],
    ['basic-7.8', 'MANIFEST-000005', 'MANIFEST'],
    ['blob-7.8', '000010.blob', 'blob file'],
  ])('of %s %s is a note, and nothing is done', async (name, file, kind) => {
    await withDatabase(name, [`copy ${file} ${file}.bak`], async (dir) => {
      expect((await found(dir)).map((each) => each.slice(0, 3))).toEqual([[`${file}.bak`, 'note', kind]]);
      const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
      expect(plan.steps).toEqual([]);
    });
  });
});
