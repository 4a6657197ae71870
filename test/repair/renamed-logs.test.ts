import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeBatch } from '../../src/encode/batch/encode.js';
import { LogWriter } from '../../src/encode/log/writer.js';
import { readDatabase } from '../../src/engine/database.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { planSwappedLogs } from '../../src/repair/strategies/swapped-logs.js';
import { scanTarget } from '../../src/scan/scan.js';
import { carryOut } from '../support/carry-out.js';
import { withDatabase } from '../support/database.js';
import { fixture } from '../support/files.js';
import { repaired } from '../support/pebble.js';
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

  it.each([
    ['cosmos', '.old'],
    ['valueblocks', '.bak'],
    ['rangekeys', '.1'],
  ])('of Pebble (%s) is damage, and put back by the number that its records bear', async (name, suffix) => {
    const store = `pebble-stores/${name}`;
    const wal = await withDatabase(store, [], async (dir) => {
      const logs = (await readDatabase(dir)).inventory.entries.filter(
        ({ kind, size }) => kind === 'wal' && size > 0,
      );
      return logs.at(-1)!;
    });
    const truth = await withDatabase(store, [], visible);
    for (const to of [`${wal.file}${suffix}`, `moved${suffix}`])
      await withDatabase(store, [`move ${wal.file} ${to}`], async (dir) => {
        expect((await found(dir)).map((each) => each.slice(0, 3))).toEqual([
          [to, to.startsWith('moved') ? 'warning' : 'error', 'log'],
        ]);
        const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
        expect(plan.loss).toEqual([]);
        await carryOut(plan, dir);
        expect(await visible(dir)).toEqual(truth);
        expect(fs.readFileSync(path.join(dir, wal.file)).equals(fixture(store).get(wal.file)!)).toBe(true);
      });
  });

  it('and has lost its number is a warning', async () => {
    await withDatabase('basic-7.8', ['move 000019.log moved-away'], async (dir) => {
      expect(await found(dir)).toEqual([['moved-away', 'warning', 'log', undefined]]);
    });
  });
});

describe('a log of RocksDB that recovery reads, exchanged with one that it does not', () => {
  it.each(['000004', '000010', '000014', '000017'])('such as %s is put back', async (obsolete) => {
    const truth = await withDatabase('versions-7.8', [], visible);
    await withDatabase('versions-7.8', [`swap 000019.log ${obsolete}.log`], async (dir) => {
      const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
      expect(plan.loss).toEqual([]);
      await carryOut(plan, dir);
      for (const file of ['000019.log', `${obsolete}.log`])
        expect(fs.readFileSync(path.join(dir, file)).equals(fixture('versions-7.8').get(file)!)).toBe(true);
      expect(await visible(dir)).toEqual(truth);
    });
  });

  it('or under such a number alone, gets the one that recovery begins with', async () => {
    const truth = await withDatabase('versions-7.8', [], visible);
    await withDatabase('versions-7.8', ['move 000019.log 000010.log'], async (dir) => {
      const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
      expect(plan.loss).toEqual([]);
      await carryOut(plan, dir);
      expect(await visible(dir)).toEqual(truth);
    });
  });

  it('that is a copy beside the log itself changes nothing', async () => {
    await withDatabase('versions-7.8', ['copy 000019.log 000010.log'], async (dir) => {
      const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
      expect(plan.steps).toEqual([]);
    });
  });
});

describe('logs of RocksDB whose records bear their number', () => {
  it.each([
    ['000023', '000025'],
    ['000021', '000027'],
  ])('such as %s and %s are put back where they were exchanged', async (one, other) => {
    await withDatabase('wal-recycled-11.9', [`swap ${one}.log ${other}.log`], async (dir) => {
      const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
      expect(plan.loss).toEqual([]);
      await carryOut(plan, dir);
      for (const file of [`${one}.log`, `${other}.log`])
        expect(fs.readFileSync(path.join(dir, file)).equals(fixture('wal-recycled-11.9').get(file)!)).toBe(
          true,
        );
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

describe('a log of Pebble that is read, exchanged with one that is not', () => {
  it.each([
    ['columns-v5', '000004', '000006'],
    ['rangekeys', '000004', '000006'],
    ['valueblocks', '000004', '000006'],
  ])('of %s comes back, and the MANIFEST stays', async (store, one, other) => {
    const whole = fixture(`pebble-stores/${store}`);
    await withDatabase(`pebble-stores/${store}`, [`swap ${one}.log ${other}.log`], async (dir) => {
      const { repair, plan } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      expect(plan?.loss).toEqual([]);
      for (const name of [...whole.keys()].filter((each) => each !== 'LOCK'))
        expect(fs.readFileSync(path.join(dir, name)).equals(whole.get(name)!), name).toBe(true);
    });
  });

  it('comes back once where the MANIFEST is damaged, too', async () => {
    const patches = ['swap 000004.log 000006.log', 'zero MANIFEST-000001 0x90 16'];
    const whole = fixture('pebble-stores/valueblocks');
    await withDatabase('pebble-stores/valueblocks', patches, async (dir) => {
      expect((await repaired(dir)).repair?.state).toBe('repaired');
      for (const name of ['000004.log', '000006.log'])
        expect(fs.readFileSync(path.join(dir, name)).equals(whole.get(name)!), name).toBe(true);
    });
  });

  it('is exchanged with one, too, that holds what an older log has left and nothing of its own', async () => {
    await withDatabase('pebble-stores/rangekeys', [], async (dir) => {
      const own = fs.readFileSync(path.join(dir, '000006.log'));
      const batch = encodeBatch({
        sequence: 10n,
        ops: [{ kind: 'put', columnFamily: 0, key: Buffer.from('key'), value: Buffer.from('value') }],
      });
      const remains = new LogWriter({ number: 2n, recyclable: true }).record(batch).slice();
      fs.writeFileSync(path.join(dir, '000006.log'), remains);
      fs.writeFileSync(path.join(dir, '000008.log'), own);
      await carryOut((await planSwappedLogs(await readDatabase(dir)))!, dir);
      expect(fs.readFileSync(path.join(dir, '000006.log')).equals(own)).toBe(true);
      expect(fs.readFileSync(path.join(dir, '000008.log')).equals(remains)).toBe(true);
    });
  });
});
