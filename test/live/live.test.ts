import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { scanTarget } from '../../src/scan/scan.js';
import { findingLine } from '../support/case.js';
import { type EngineName, engineAvailable, spawnEngine } from '../support/engine.js';
import { withTemporaryDirectory } from '../support/files.js';

/*
 * A server that writes, flushes and compacts while it is scanned over and over: whatever a scan meets there is in flight,
 * not damage.  LIVE_SECONDS=60 npx vitest run test/live
 */

const seconds = Number(process.env.LIVE_SECONDS ?? 3);

const OPTIONS: Partial<Record<EngineName, Record<string, unknown>>> = {
  'rocksdb-9.7': {
    createIfMissing: true,
    compaction: 'level',
    memtableMemoryBudget: 1 << 20,
    walCompression: false,
  },
  'rocksdb-6.17': { createIfMissing: true, writeBufferSize: 1 << 18, maxFileSize: 1 << 18 },
};

describe.each(Object.keys(OPTIONS) as EngineName[])('a database under load, %s', (engine) => {
  test.skipIf(!engineAvailable(engine))(
    `scans clean for ${seconds} s`,
    async () => {
      await withTemporaryDirectory(async (parent) => {
        const dir = path.join(parent, 'db');
        const server = spawnEngine(engine, dir, {
          options: OPTIONS[engine],
          steps: [{ op: 'announce' }, { op: 'load', milliseconds: (seconds + 60) * 1000 }],
        });
        const ended = new Promise((done) => server.on('close', done));
        try {
          await new Promise((done) => server.stdout.once('data', done));
          const end = Date.now() + seconds * 1000;
          const seen = { scans: 0, tables: new Set<string>(), obsolete: 0 };
          while (Date.now() < end) {
            const report = await scanTarget(dir, {});
            const complaints = report.findings
              .filter((f) => f.severity !== 'note')
              .map((f) => `${findingLine(f)}: ${f.message}`);
            expect(complaints).toEqual([]);
            expect(report.unchecked).toEqual([]);
            seen.scans++;
            for (const file of report.files) if (file.kind === 'table') seen.tables.add(file.path);
          }
          expect(server.exitCode).toBeNull();
          // Otherwise nothing was flushed or compacted meanwhile, and the test tests nothing.
          expect(seen.tables.size).toBeGreaterThan(4);
          console.log(`${engine}: ${seen.scans} scans, ${seen.tables.size} different tables`);
        } finally {
          server.kill('SIGKILL');
          await ended;
        }
      });
    },
    (seconds + 60) * 1000,
  );
});
