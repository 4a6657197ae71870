import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../../src/engine/database.js';
import { openView } from '../../../src/lsm/recovered-view.js';
import { databaseAfter } from '../../../src/repair/preview.js';
import { planSalvage } from '../../../src/repair/strategies/salvage-wal.js';
import { planWalRepair } from '../../../src/repair/strategies/wal-mode.js';
import { kvdoctor } from '../../cli/host.js';
import { withDatabase } from '../../support/database.js';
import { withFieldCase } from '../../support/field.js';
import { fixture } from '../../support/files.js';

/** Whether a reader of the salvaged files sees a key of `default`. */
async function sees(dir: string, key: string): Promise<boolean> {
  const database = await readDatabase(dir);
  const after = await databaseAfter(database, await planSalvage(database));
  const { view } = await openView(after);
  const visible = view!.visible(0, { from: Buffer.from(key) });
  try {
    let step = visible.step();
    while (step === 2) {
      await visible.load();
      step = visible.step();
    }
    return Buffer.from(visible.keyBytes.subarray(0, visible.keyTo)).toString() === key;
  } finally {
    await visible.close();
    view!.close();
  }
}

describe('a salvage of a batch that ends in zeros', () => {
  it('keeps nothing from the zeros on, and says what is lost', () =>
    withFieldCase('salvage-zeros', [], async (dir) => {
      const plan = await planSalvage(await readDatabase(dir));
      expect(plan.loss).toMatchObject([
        { file: '000004.log', facts: { kept: 0, operations: 2, list: [{ columnFamily: 'acc' }] } },
      ]);
      expect(plan.unproven).toBeUndefined();
      expect(await sees(dir, '')).toBe(true);
    }));

  it('keeps no more than the header counts, and names what it keeps unproven', () =>
    withFieldCase('salvage-last-page-zeroed', [], async (dir) => {
      const plan = await planSalvage(await readDatabase(dir));
      expect(plan.loss).toMatchObject([
        {
          facts: {
            kept: 1,
            operations: 1,
            list: [{ operation: 'put', columnFamily: 'blk', keyBeginsWith: { utf8: 'key' } }],
          },
        },
      ]);
      expect(plan.unproven).toMatchObject([
        { facts: { kept: 1, list: [{ operation: 'put', columnFamily: 'acc', key: { utf8: 'key000299' } }] } },
      ]);
    }));

  it.each(['salvage-zeros', 'salvage-last-page-zeroed'])('is not what is recommended of %s', (name) =>
    withFieldCase(name, [], async (dir) => {
      for (const command of ['simulate', 'repair --strategy auto --dry-run']) {
        const { out } = await kvdoctor(`${command} ${dir}`);
        expect(out).toContain('repair --mode skip-any-corrupted --dry-run');
        expect(out.match(/here is no consistent point/g)).toHaveLength(1);
      }
    }),
  );

  it('is laid to the zeros, not to memory', () =>
    withFieldCase('salvage-last-page-zeroed', [], async (dir) => {
      const { out } = await kvdoctor(`scan ${dir}`);
      expect(out).toContain('67 zeros at 0xf000');
      expect(out).not.toContain('memory changed');
    }));
});

describe('a repair of a log with prepared transactions', () => {
  const transactions = (statements: { facts: object }[] = []) =>
    statements.flatMap(({ facts }) => ('transaction' in facts ? [facts.transaction] : []));

  it('names the lost commit and what stays undecided when it salvages', () =>
    withFieldCase('salvage-prepared', [], async (dir) => {
      const { loss, undecided } = await planSalvage(await readDatabase(dir));
      expect(transactions(undecided)).toMatchObject([{ utf8: 'xid-1' }, { utf8: 'xid-2' }]);
      expect(transactions(loss)).toMatchObject([{ utf8: 'xid-1' }]);
      expect(loss.at(-1)).toMatchObject({
        facts: { columnFamilies: [{ name: 'default', operations: 1, firstKey: { utf8: 'hot' } }] },
      });
    }));

  it('names them when it cuts', () =>
    withFieldCase('salvage-prepared', [], async (dir) => {
      const { undecided } = await planWalRepair(await readDatabase(dir), { mode: 'point-in-time' });
      expect(transactions(undecided)).toMatchObject([{ utf8: 'xid-1' }]);
    }));
});

describe('a salvage of a log in which sequences stand twice', () => {
  const log = fixture('leveldb').get('000004.log')!;
  const [first, second, third] = firstRecords(log, 3);
  const appended = (payloads: readonly Uint8Array[]) =>
    payloads.map((payload) => `append-record 000004.log 1 ${Buffer.from(payload).toString('hex')}`);

  it('loses nothing with copies of what it keeps', () =>
    withDatabase('leveldb', appended([first, second, third]), async (dir) => {
      const { loss, remarks } = await planSalvage(await readDatabase(dir));
      expect(loss).toEqual([]);
      expect(remarks.join('\n')).toMatch(
        /000004\.log: 3 records from \d+ to \d+ are copies of some before, which are kept/,
      );
    }));

  it('loses others under the same sequences, in one statement', () =>
    withDatabase('leveldb', appended([first, second, third].map(otherValue)), async (dir) => {
      const { loss } = await planSalvage(await readDatabase(dir));
      expect(loss).toMatchObject([
        { detail: expect.stringContaining('3 records from'), facts: { records: 3, kept: 0 } },
      ]);
      expect(loss[0].detail).toContain('they are out of order; none of the');
    }));
});

/** Payloads of the records that a log begins with, none of which is in pieces. */
function firstRecords(log: Uint8Array, count: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; records.length < count; ) {
    const length = log[at + 4] + log[at + 5] * 256;
    records.push(log.slice(at + 7, at + 7 + length));
    at += 7 + length;
  }
  return records;
}

function otherValue(batch: Uint8Array): Uint8Array {
  const changed = batch.slice();
  changed[changed.length - 1] ^= 1;
  return changed;
}
