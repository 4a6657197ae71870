import { expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
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

it('counts nothing where the torn log is the newest', async () => {
  await withDatabase('basic-7.8', ['truncate 000019.log end-20'], async (dir) => {
    const modes = await simulateDatabase(await readDatabase(dir));
    expect(modes.find(({ mode }) => mode === 'tolerate-corrupted-tail')).toMatchObject({ harmless: true });
  });
});
