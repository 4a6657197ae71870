import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kvdoctor } from '../support/cli.js';
import { type Digest, engineAvailable, runEngine, type WalShape } from '../support/engine.js';
import { withTemporaryDirectory } from '../support/files.js';

/*
 * Compressed logs of a real engine, of more than one read, in every command. Records cross the ends of reads, and zstd blocks
 * the ends of fragments.  WAL_MIB=40 WAL_ROUNDS=10 npx vitest run test/cli/compressed-wal.test.ts
 */

const rounds = Number(process.env.WAL_ROUNDS ?? 1);
const longest = Number(process.env.WAL_MIB ?? 0);

/** MiB of log. */
const SIZES: Record<WalShape, number> = { large: 4, small: 1.1, json: 2.2, random: 3, batches: 1.3 };

async function written(dir: string, shape: WalShape): Promise<Digest> {
  const bytes = (longest || SIZES[shape]) * 2 ** 20;
  const report = await runEngine('rocksdb-9.7', dir, {
    options: {
      createIfMissing: true,
      walCompression: true,
      compaction: 'level',
      memtableMemoryBudget: 2 ** 30,
    },
    steps: [{ op: 'shape', shape, bytes }, { op: 'digest' }, { op: 'kill' }],
  });
  expect(report.error).toBeUndefined();
  return report.results[1] as Digest;
}

function exported(ndjson: string): Digest {
  const hash = createHash('sha256');
  const lines = ndjson.trim().split('\n');
  for (const line of lines) {
    const { key, value } = JSON.parse(line);
    hash.update(`${key.base64} ${value.base64}\n`);
  }
  return { entries: lines.length, sha256: hash.digest('hex') };
}

describe.skipIf(!engineAvailable('rocksdb-9.7')).each(Object.keys(SIZES) as WalShape[])(
  'a compressed log of %s puts',
  (shape) => {
    let parent = '';
    let dir = '';
    let engine: Digest;
    let done = () => {};

    beforeAll(async () => {
      await new Promise<void>((ready, failed) => {
        withTemporaryDirectory(async (temporary) => {
          parent = temporary;
          dir = path.join(parent, 'db');
          engine = await written(dir, shape);
          ready();
          await new Promise<void>((end) => {
            done = end;
          });
        }).catch(failed);
      });
    }, 600_000);
    afterAll(() => done());

    const times = { repeats: rounds - 1, timeout: 600_000 };

    test('scans clean', times, async () => {
      const { status, stdout } = await kvdoctor(['scan', dir]);
      expect(stdout).toContain('Clean: no damage');
      expect(status).toBe(0);
    });

    test('opens in every mode with all entries', times, async () => {
      const { status, stdout } = await kvdoctor(['simulate', '--digest', '--format', 'json', dir]);
      const { recovery } = JSON.parse(stdout).targets[0];
      expect(recovery).toHaveLength(4);
      for (const mode of recovery) {
        expect(mode.opens).toBe(true);
        expect(mode.columnFamilies).toMatchObject([{ name: 'default', entries: engine.entries }]);
      }
      expect(status).toBe(0);
    });

    test('exports what the engine sees', times, async () => {
      const file = path.join(parent, 'all.ndjson');
      fs.rmSync(file, { force: true });
      const { status } = await kvdoctor(['export', '--output', file, dir]);
      const { entries, sha256 } = engine;
      expect(exported(fs.readFileSync(file, 'utf8'))).toEqual({ entries, sha256 });
      expect(status).toBe(0);
    });

    test('has its last key found', times, async () => {
      const key = Buffer.from(engine.lastKey!, 'base64').toString();
      const { status, stdout } = await kvdoctor(['find', '--key', key, dir]);
      expect(stdout).toContain(key);
      expect(status).toBe(0);
    });

    test('has every fragment named by inspect', times, async () => {
      const [log] = fs.readdirSync(dir).filter((name) => name.endsWith('.log'));
      const { status, stdout } = await kvdoctor(['inspect', '--limit', '3000', path.join(dir, log)]);
      const called = new Set(
        [...stdout.matchAll(/ fragment .*: (.*), \d+ bytes$/gm)].map(([, kind]) => kind),
      );
      const kinds = shape === 'large' ? ['first', 'last', 'middle'] : ['first', 'last'];
      expect([...called].filter((kind) => kind !== 'full').sort()).toEqual(expect.arrayContaining(kinds));
      expect([...called].join()).not.toContain('undefined');
      expect(status).toBe(0);
    });

    test('has nothing to repair', times, async () => {
      const { status, stdout } = await kvdoctor(['repair', '--mode', 'point-in-time', '--dry-run', dir]);
      expect(stdout).toContain('Nothing is to be repaired');
      expect(status).toBe(0);
    });
  },
);
