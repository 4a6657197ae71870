import path from 'node:path';
import { expect, test } from 'vitest';
import { readDatabase } from '../../../src/engine/database.js';
import { exportEntries } from '../../../src/export/entries.js';
import { applyInPlace } from '../../../src/repair/apply.js';
import { realDisk } from '../../../src/repair/disk.js';
import { planTableRepair } from '../../../src/repair/strategies/tables.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../../support/files.js';
import { applyPatches } from '../../support/patch.js';

async function keysOf(dir: string): Promise<string[]> {
  const keys: string[] = [];
  await exportEntries(await readDatabase(dir), {
    async family() {},
    entry: ({ key }) => keys.push(Buffer.from(key).toString('latin1')),
    async flush() {},
  });
  return keys;
}

/** Bytes are gone from the second data block of many. */
test('a table that misses bytes keeps the blocks before and after them', async () => {
  await withTemporaryDirectory(async (parent) => {
    const whole = path.join(parent, 'whole');
    writeFileSet(fixture('formats-7.8'), whole);
    const dir = path.join(parent, 'db');
    writeFileSet(await applyPatches(fixture('formats-7.8'), ['cut 000089.sst 0x100 7']), dir);
    const plan = await planTableRepair(await readDatabase(dir), { onLostTombstones: 'accept' });
    await applyInPlace(plan, {
      disk: realDisk,
      journal: `${dir}.undo`,
      checkOwner: async () => {},
      tool: 'test',
      now: new Date(0),
    });
    const { findings } = await scanTarget(dir, { jobs: 1 });
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    const { entries } = plan.loss[0].facts;
    const [before, after] = [await keysOf(whole), await keysOf(dir)];
    expect(Number(entries)).toBeGreaterThan(0);
    expect(Number(entries)).toBeLessThan(60);
    expect(after.length).toBeGreaterThanOrEqual(before.length - Number(entries));
    expect(before).toEqual(expect.arrayContaining(after));
  });
});
