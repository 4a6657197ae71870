import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Database, readDatabase } from '../../src/engine/database.js';
import { databaseView } from '../../src/recovery/database-view.js';
import { loggedBatches } from '../../src/recovery/logged-batches.js';
import { simulateRecovery } from '../../src/recovery/simulate.js';
import { withDatabase } from '../support/database.js';
import { NEWEST } from './wals.js';

/*
 * An engine appends to its newest log while it is read over and over, once for each mode and once more for what is lost. All
 * of them see the log as it was when it was listed.
 */

const fixtures: [string, string][] = [
  ['wal-large-7.8', '000012.log'],
  ['wal-compressed-7.8', '000012.log'],
  ['basic-9.7', '000010.log'],
];

async function lookAt(database: Database): Promise<string> {
  const { modes } = await simulateRecovery(databaseView(database), NEWEST);
  const batches: bigint[] = [];
  for await (const { sequence } of loggedBatches(database)) batches.push(sequence);
  return JSON.stringify([modes, batches], (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

test.each(fixtures)('what grows after it was listed changes nothing: %s', (fixture, name) =>
  withDatabase(fixture, [], async (dir) => {
    const log = path.join(dir, name);
    const bytes = fs.readFileSync(log);
    expect(bytes.length).toBeGreaterThan(100);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length), async (length) => {
        fs.writeFileSync(log, bytes.subarray(0, length));
        const database = await readDatabase(dir);
        const before = await lookAt(database);
        fs.appendFileSync(log, bytes.subarray(length));
        expect(await lookAt(database)).toBe(before);
      }),
      { numRuns: 15, examples: [[bytes.length - 1], [0]] },
    );
  }),
);
