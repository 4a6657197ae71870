import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { planAuto } from '../../src/repair/strategies/auto.js';
import { scanTarget } from '../../src/scan/scan.js';
import { carryOut } from '../support/carry-out.js';
import { type EngineName, type EngineStep, runEngine } from '../support/engine.js';
import { withTemporaryDirectory } from '../support/files.js';
import { lacks, output } from '../support/tools.js';

async function repair(dir: string) {
  const plan = await planAuto(await readDatabase(dir), { onLostTombstones: 'keep-hidden' });
  await carryOut(plan, dir);
  const { findings } = await scanTarget(dir, { jobs: 1 });
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  return plan;
}

async function entriesSeen(engine: EngineName, dir: string, column?: string, columns?: object) {
  const options = { createIfMissing: false, ...(columns && { columns }) };
  const { error, results } = await runEngine(engine, dir, { options, steps: [{ op: 'iterate', column }] });
  expect(error).toBeUndefined();
  return results[0] as [string, string][];
}

const KEYS = 20_000;

/** A closed database with 20,000 keys in one table, two bits of one of its data blocks flipped. */
async function withTwoFlippedBits(body: (dir: string) => Promise<void>): Promise<void> {
  await withTemporaryDirectory(async (parent) => {
    const dir = join(parent, 'db');
    const steps: EngineStep[] = [
      { op: 'fill', from: 0, to: KEYS, size: 40, batch: 500 },
      { op: 'compact' },
      { op: 'close' },
    ];
    expect((await runEngine('rocksdb-6.17', dir, { options: { createIfMissing: true }, steps })).opened).toBe(
      true,
    );
    const [table, ...others] = readdirSync(dir).filter((name) => name.endsWith('.sst'));
    expect(others).toEqual([]);
    const file = join(dir, table);
    const bytes = readFileSync(file);
    bytes[100_000] ^= 0x10;
    bytes[100_001] ^= 0x02;
    writeFileSync(file, bytes);
    await body(dir);
  });
}

describe('two flipped bits in a table of 20,000 keys', () => {
  it('cost the entries of one block', async () => {
    await withTwoFlippedBits(async (dir) => {
      const plan = await repair(dir);
      expect(plan.loss).not.toEqual([]);
      const seen = (await entriesSeen('rocksdb-6.17', dir)).length;
      expect(seen).toBeLessThan(KEYS);
      // a block holds 4 KiB, compressed or not
      expect(KEYS - seen).toBeLessThan(200);
    });
  }, 60_000);

  it.skipIf(lacks('ldb'))(
    'cost all of them with ldb repair',
    async () => {
      await withTwoFlippedBits(async (dir) => {
        output('ldb', ['repair', `--db=${dir}`]);
        expect(await entriesSeen('rocksdb-6.17', dir)).toEqual([]);
      });
    },
    60_000,
  );
});

describe('five column families, MANIFEST and CURRENT gone', () => {
  it('come back with every entry of tables and live logs', async () => {
    await withTemporaryDirectory(async (parent) => {
      const dir = join(parent, 'db');
      const names = ['default', 'users', 'orders', 'events', 'index'];
      const columns = Object.fromEntries(names.map((name) => [name, {}]));
      const write = (from: number, to: number, prefix: string): EngineStep[] =>
        names.map((column) => ({ op: 'fill', from, to, prefix: `${column}-${prefix}`, size: 60, column }));
      // the second start flushes what the first one left in its log, and leaves another live log
      for (const [i, prefix] of ['first', 'second'].entries()) {
        const options = { createIfMissing: true, createMissingColumnFamilies: true, columns };
        const steps: EngineStep[] = [...write(0, 300 + i, prefix), { op: 'kill' }];
        expect((await runEngine('rocksdb-9.7', dir, { options, steps })).signal).toBe('SIGKILL');
      }
      const files = readdirSync(dir);
      expect(files.filter((name) => name.endsWith('.sst')).length).toBeGreaterThanOrEqual(names.length);
      const truth = join(parent, 'truth');
      cpSync(dir, truth, { recursive: true });
      for (const name of files) if (/^(MANIFEST|CURRENT)/.test(name)) rmSync(join(dir, name));
      await repair(dir);
      for (const column of names) {
        const entries = await entriesSeen('rocksdb-9.7', truth, column, columns);
        expect(entries.length).toBe(601);
        expect(await entriesSeen('rocksdb-9.7', dir, column, columns)).toEqual(entries);
      }
    });
  }, 60_000);
});
