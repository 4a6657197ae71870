import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { withDatabase } from '../support/database.js';
import { type EngineName, engineAvailable, runEngine } from '../support/engine.js';
import { fixtureNames } from '../support/files.js';
import { replayBytes } from '../support/manifest.js';
import { askOracle, oracleMissing } from '../support/oracle.js';

/* The shipped databases before they are damaged: engines open them, and see the same in each. */

const broken = /^kvrocks-race/;
const notRocksDb = /^(leveldb|pebble|backup)/;
/** Undecided transactions ask for a TransactionDB; format version 7 is newer; npm's build knows no Snappy. */
const notFor97 = /^transactions|^format-7|^formats|^basic-6/;

/** Options that name every column family with its comparator, as the binding wants them. */
async function columnsOf(dir: string): Promise<Record<string, Record<string, unknown>>> {
  const manifest = fs.readFileSync(path.join(dir, 'CURRENT'), 'utf8').trim();
  const { version } = await replayBytes(fs.readFileSync(path.join(dir, manifest)));
  return Object.fromEntries(
    [...version.columnFamilies.values()].map(({ name, comparator }) => [
      name,
      comparator.endsWith('.u64ts') ? { comparator } : { mergeOperator: 'stringappend' },
    ]),
  );
}

describe.skipIf(!engineAvailable('rocksdb-9.7'))('RocksDB 9.7', () => {
  const names = fixtureNames().filter(
    (name) => !broken.test(name) && !notRocksDb.test(name) && !notFor97.test(name),
  );
  test.each(names)('opens %s', async (name) => {
    await withDatabase(name, [], async (dir) => {
      const columns = await columnsOf(dir);
      const steps = Object.keys(columns)
        .filter((column) => columns[column].comparator === undefined)
        .map((column) => ({ op: 'iterate', column }) as const);
      const report = await runEngine('rocksdb-9.7', dir, { options: { columns }, steps });
      expect(report.error).toBeUndefined();
      if (steps.length === Object.keys(columns).length)
        expect(report.results.flat().length).toBeGreaterThan(0);
    });
  });

  test.each([
    ['kvrocks-race-10/db', 'unknown WriteBatch tag: 95'],
    ['kvrocks-race-9/db', 'WriteBatch has wrong count'],
  ])('refuses %s: %s', async (name, error) => {
    await withDatabase(name, [], async (dir) => {
      const report = await runEngine('rocksdb-9.7', dir, {
        options: { columns: await columnsOf(dir) },
        steps: [],
      });
      expect(report.error).toContain(error);
    });
  });
});

const missing = oracleMissing();
if (missing) console.log(`skipped: the oracle, ${missing}`);

describe.skipIf(missing)('RocksDB 7.8 opens, in absolute mode,', () => {
  const names = fixtureNames().filter((name) => /^(?!backup|timestamps).*-(7\.8|6\.17)$/.test(name));
  test.each(names)('%s', async (name) => {
    await withDatabase(name, [], async (dir) => {
      const policy = name.startsWith('transactions-prepared')
        ? 2
        : name.startsWith('transactions')
          ? 1
          : undefined;
      const { open, cfs } = askOracle(dir, 'absolute', policy);
      expect(open).toBe('OK');
      expect(Object.values(cfs ?? {}).map(({ iter }) => iter)).not.toContain(expect.not.stringMatching('OK'));
    });
  });
});

describe.each(['rocksdb-6.17', 'rocksdb-9.7', 'leveldb'] satisfies EngineName[])(
  'the runner with %s',
  (engine) => {
    test.skipIf(!engineAvailable(engine))('writes, is killed, and sees it again', async () => {
      await withDatabase('pebble', ['remove LOCK', 'remove OPTIONS-000003'], async (dir) => {
        const writer = await runEngine(engine, dir, {
          options: { createIfMissing: true },
          steps: [
            { op: 'put', key: 'a', value: '1' },
            { op: 'put', key: 'b', value: '2' },
            { op: 'del', key: 'a' },
            { op: 'kill' },
          ],
        });
        expect(writer).toMatchObject({ opened: true, signal: 'SIGKILL' });
        const reader = await runEngine(engine, dir, { steps: [{ op: 'iterate' }] });
        expect(reader.results).toEqual([[['Yg==', 'Mg==']]]);
      });
    });
  },
);
