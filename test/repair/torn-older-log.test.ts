import { expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { planSalvage } from '../../src/repair/strategies/salvage-wal.js';
import { planWalRepair } from '../../src/repair/strategies/wal-mode.js';
import { simulateDatabase } from '../../src/scan/simulate-database.js';
import { withDatabase } from '../support/database.js';

/*
 * A log that ends inside a record, before another one: in tolerate-corrupted-tail mode (releases before 7: in point-in-time mode, too)
 * RocksDB takes that for the end of the log and says nothing, whichever log it is.
 */

it('counts what a torn log before another one held as lost, where the engine reads on and says nothing', async () => {
  await withDatabase('basic-7.8', ['truncate 000017.log end-20'], async (dir) => {
    const database = await readDatabase(dir);
    const modes = await simulateDatabase(database);
    const tolerant = modes.find(({ mode }) => mode === 'tolerate-corrupted-tail');
    expect(tolerant).toMatchObject({ opens: true, harmless: false, lost: { damagedBytes: 127 } });
    const plan = await planWalRepair(database, { mode: 'tolerate-corrupted-tail' });
    expect(plan.loss[0]).toMatchObject({
      file: '000017.log',
      detail: 'what recovery does not apply of it, from 4877 on: of sequences 303–306 what no table has',
    });
    expect(plan.remarks.join()).toContain('a state that the database never had');
  });
});

it('says what a salvage gives up of it', async () => {
  await withDatabase('basic-7.8', ['truncate 000017.log end-20'], async (dir) => {
    const { loss } = await planSalvage(await readDatabase(dir));
    expect(loss.map(({ detail }) => detail)).toEqual([
      '127 bytes from 4877 on, which hold no whole record: of sequences 303–306 what no table has',
    ]);
  });
});

it('says nothing of the kind where what lies behind the torn log goes on from it', async () => {
  await withDatabase('basic-7.8', ['append 000017.log 00112233445566'], async (dir) => {
    expect((await planSalvage(await readDatabase(dir))).loss).toEqual([]);
  });
});

it('counts nothing where the torn log is the newest', async () => {
  await withDatabase('basic-7.8', ['truncate 000019.log end-20'], async (dir) => {
    const modes = await simulateDatabase(await readDatabase(dir));
    expect(modes.find(({ mode }) => mode === 'tolerate-corrupted-tail')).toMatchObject({ harmless: true });
  });
});
