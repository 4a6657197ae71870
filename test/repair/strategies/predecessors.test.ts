import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { rewritePredecessor } from '../../../src/encode/log/writer.js';
import { readDatabase } from '../../../src/engine/database.js';
import { simulateDatabase } from '../../../src/scan/simulate-database.js';
import { withDatabase } from '../../support/database.js';
import { repairInPlace } from '../../support/repair.js';

const opens = async (dir: string) =>
  (await simulateDatabase(await readDatabase(dir))).map((mode) => mode.opens);
const newestOf = (dir: string, form: RegExp) =>
  path.join(
    dir,
    fs
      .readdirSync(dir)
      .filter((file) => form.test(file))
      .sort()
      .at(-1)!,
  );

it('leaves nothing of a WAL whose first record names one before it that is gone: the record alone is refused', async () => {
  await withDatabase('basic-9.7', [], async (dir) => {
    const options = newestOf(dir, /^OPTIONS/);
    const text = fs.readFileSync(options, 'utf8').replace(/rocksdb_version=.*/, 'rocksdb_version=9.11.2');
    fs.writeFileSync(options, text.replace('[DBOptions]\n', '[DBOptions]\n  track_and_verify_wals=true\n'));
    const wal = newestOf(dir, /\.log$/);
    const first = rewritePredecessor(0, { number: 9999n, size: 196n, lastSequence: 5n }).bytes;
    fs.writeFileSync(wal, Buffer.concat([first, fs.readFileSync(wal)]));
    expect(await opens(dir)).toEqual([false, true, false, true]);
    await repairInPlace(dir);
    expect(await opens(dir)).toEqual([true, true, true, true]);
    expect(fs.statSync(wal).size).toBe(0);
  });
});
