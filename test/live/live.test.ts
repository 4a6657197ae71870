import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readInventory } from '../../src/engine/database.js';
import type { Finding } from '../../src/finding/finding.js';
import { type Inventory, takeInventory } from '../../src/io/inventory.js';
import { diskReader } from '../../src/io/reader.js';
import { checkMetadata } from '../../src/scan/metadata.js';
import { scanTarget } from '../../src/scan/scan.js';
import { findingLine } from '../support/case.js';
import { type EngineName, type EngineStep, engineAvailable, spawnEngine } from '../support/engine.js';
import { withTemporaryDirectory } from '../support/files.js';

/*
 * A server that writes, flushes and compacts while it is scanned over and over: whatever a scan meets there is in flight,
 * not damage.  LIVE_SECONDS=120 npx vitest run test/live
 */

const seconds = Number(process.env.LIVE_SECONDS ?? 3);

interface Server {
  engine: EngineName;
  what: string;
  options: Record<string, unknown>;
  load: EngineStep;
  /** What must have been seen: otherwise nothing happened meanwhile, and the test tests nothing. */
  least: { tables: number; longestLog: number };
}

const churn: EngineStep = { op: 'load', milliseconds: (seconds + 60) * 1000 };
const modern = { createIfMissing: true, compaction: 'level' };

const servers: Server[] = [
  {
    engine: 'rocksdb-9.7',
    what: 'overwrites and deletions',
    options: { ...modern, memtableMemoryBudget: 1 << 20, walCompression: false },
    load: churn,
    least: { tables: 5, longestLog: 1 },
  },
  {
    engine: 'rocksdb-9.7',
    what: 'compressed logs of several MiB',
    options: { ...modern, memtableMemoryBudget: 16 << 20, walCompression: true },
    load: { op: 'shape', shape: 'json', bytes: 2 ** 40 },
    least: { tables: 2, longestLog: 1.5 * 2 ** 20 },
  },
  {
    engine: 'rocksdb-6.17',
    what: 'overwrites and deletions',
    options: { createIfMissing: true, writeBufferSize: 1 << 18, maxFileSize: 1 << 18 },
    load: churn,
    least: { tables: 5, longestLog: 1 },
  },
];

/** Long against what a flush takes, as in a large directory on a slow medium. Milliseconds. */
const LISTING = 40;

describe.each(servers)('a database under load, $engine, $what', ({ engine, what, options, load, least }) => {
  const underLoad = async (scans: (dir: string) => Promise<void>) => {
    await withTemporaryDirectory(async (parent) => {
      const dir = path.join(parent, 'db');
      const running = spawnEngine(engine, dir, { options, steps: [{ op: 'announce' }, load] });
      const ended = new Promise((done) => running.on('close', done));
      try {
        await new Promise((done) => running.stdout.once('data', done));
        await scans(dir);
        expect(running.exitCode).toBeNull();
      } finally {
        running.kill('SIGKILL');
        await ended;
      }
    });
  };

  test.skipIf(!engineAvailable(engine))(
    `scans clean for ${seconds} s`,
    async () => {
      await underLoad(async (dir) => {
        const end = Date.now() + seconds * 1000;
        const seen = { scans: 0, longestLog: 0, tables: new Set<string>() };
        const isEnough = () => seen.tables.size >= least.tables && seen.longestLog >= least.longestLog;
        while (Date.now() < end || (!isEnough() && Date.now() < end + 30_000)) {
          const report = await scanTarget(dir, {});
          expect(complaints(report.findings)).toEqual([]);
          expect(report.unchecked).toEqual([]);
          seen.scans++;
          for (const { kind, path: file, size } of report.files) {
            if (kind === 'table') seen.tables.add(file);
            if (kind === 'wal') seen.longestLog = Math.max(seen.longestLog, size);
          }
        }
        expect(isEnough()).toBe(true);
        const log = `logs up to ${(seen.longestLog / 2 ** 20).toFixed(1)} MiB`;
        console.log(`${engine}, ${what}: ${seen.scans} scans, ${seen.tables.size} different tables, ${log}`);
      });
    },
    (seconds + 60) * 1000,
  );

  test.skipIf(!engineAvailable(engine))(
    `is whole although each listing is ${LISTING} ms old when the MANIFEST is read`,
    async () => {
      await underLoad(async (dir) => {
        let listings = 0;
        const slowly = async ({ target, asked }: Pick<Inventory, 'target' | 'asked'>) => {
          listings++;
          const inventory = await takeInventory(target, asked);
          await setTimeout(LISTING);
          return inventory;
        };
        for (let round = 0; round < 5; round++) {
          const first = await slowly({ target: dir, asked: {} });
          const database = await readInventory(first, diskReader(dir), {}, slowly);
          const { findings, unchecked } = await checkMetadata(database, [], { atRest: false, owned: true });
          expect(complaints(findings)).toEqual([]);
          expect(unchecked).toEqual([]);
        }
        console.log(`${engine}, ${what}: ${listings} listings for 5 readings`);
      });
    },
    60_000,
  );
});

function complaints(findings: readonly Finding[]): string[] {
  return findings.filter((f) => f.severity !== 'note').map((f) => `${findingLine(f)}: ${f.message}`);
}
