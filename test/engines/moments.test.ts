import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { scanTarget } from '../../src/scan/scan.js';
import { rocksdbMissing } from '../support/compile.js';
import { withTemporaryDirectory } from '../support/files.js';
import { isSame, type Kind, kinds, make, repairedCopy, seenBy } from './moments.js';

/* Directories of several moments, or that a tool changed, made by Debian's RocksDB, repaired, and opened by it again. */

const why = rocksdbMissing();
if (why !== undefined) console.log(`skipped: ${why}`);

const SEEDS = [3, 4, 5];

describe.skipIf(why !== undefined)('what RocksDB sees after a repair of files of several moments', () => {
  const cases = (Object.keys(kinds) as Kind[]).flatMap((kind) => {
    const seeds = 'damage' in kinds[kind] ? [4] : SEEDS;
    return seeds.map((seed) => [kind, seed] as const);
  });

  it.each(cases)('%s, seed %i: what it saw before', { timeout: 120_000 }, async (kind, seed) => {
    await withTemporaryDirectory(async (parent) => {
      const dir = path.join(parent, 'db');
      const truth = make(kind, seed, dir);
      if (truth === undefined) return;
      const before = await scanTarget(dir, { jobs: 1 });
      const { output, report } = await repairedCopy(dir);
      if (output === dir) expect(before.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      else expect(report.repair?.state).toBe('repaired');
      const seen = seenBy(output);
      expect(isSame(truth, seen), JSON.stringify({ truth, seen })).toBe(true);
    });
  });
});
