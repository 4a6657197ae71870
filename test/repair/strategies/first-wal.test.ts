import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { readDatabase } from '../../../src/engine/database.js';
import { planWalRepair } from '../../../src/repair/strategies/wal-mode.js';
import { simulateDatabase } from '../../../src/scan/simulate-database.js';
import { withDatabase } from '../../support/database.js';
import { repairInPlace } from '../../support/repair.js';

/** Releases from 9.11 on with track_and_verify_wals, as OPTIONS says. */
const OPTIONS = 'OPTIONS-000009';
const withoutWals = (verifies: boolean, body: (dir: string) => Promise<void>) =>
  withDatabase('wal-recycled-11.9', [], async (dir) => {
    const options = path.join(dir, OPTIONS);
    const text = fs.readFileSync(options, 'utf8');
    fs.writeFileSync(options, text.replace('verify_wals=false', `verify_wals=${verifies}`));
    for (const file of fs.readdirSync(dir)) if (file.endsWith('.log')) fs.rmSync(path.join(dir, file));
    await body(dir);
  });

it('puts an empty WAL where RocksDB refuses a database without one', async () => {
  await withoutWals(true, async (dir) => {
    const before = await simulateDatabase(await readDatabase(dir));
    expect(before.map(({ opens }) => opens)).toEqual([false, false, false, false]);
    await repairInPlace(dir);
    expect(fs.readdirSync(dir).filter((file) => file.endsWith('.log'))).toHaveLength(1);
    const after = await simulateDatabase(await readDatabase(dir));
    expect(after.map(({ opens }) => opens)).toEqual([true, true, true, true]);
  });
});

it('says what is lost with the WALs', async () => {
  await withoutWals(true, async (dir) => {
    const { loss } = await planWalRepair(await readDatabase(dir), { mode: 'point-in-time' });
    expect(loss.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^what the WALs held that are gone, .*: writes after sequence \d+$/),
    ]);
  });
});

it('leaves a database alone that opens without one', async () => {
  await withoutWals(false, async (dir) => {
    const { steps } = await planWalRepair(await readDatabase(dir), { mode: 'point-in-time' });
    expect(steps).toEqual([]);
  });
});
