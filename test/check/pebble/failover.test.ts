import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { areDifferent, compareDatabases } from '../../../src/compare/compare.js';
import { readDatabase } from '../../../src/engine/database.js';
import { find } from '../../../src/find/find.js';
import { simulateTarget } from '../../../src/repair/simulate-target.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { readWalContents } from '../../../src/states/wals.js';
import { withDatabase } from '../../support/database.js';
import { repaired } from '../../support/pebble.js';

/*
 * A store of Pebble 2.1.4 whose disk stalled: log 2 went on as secondary/000002-001.log, which begins with the last batch of 000002.log
 * (sequences 33–36), and then as 000002-002.log.
 */
const store = 'pebble-stores/failover';
const WHOLE = { entries: 83, fnv1a64: '3adbe14b0df2284e' };

async function looked(dir: string, walDir?: string) {
  const { findings, unchecked } = await scanTarget(dir, { jobs: 1, ...(walDir && { walDir }) });
  const of = (wanted: string) =>
    findings.filter(({ severity }) => severity === wanted).map(({ rule, file }) => `${rule} ${file}`);
  return { errors: of('error'), warnings: of('warning'), unchecked: unchecked.map(({ reason }) => reason) };
}

async function shown(dir: string, walDir?: string) {
  const { recovery = [], unchecked } = await simulateTarget(dir, {
    digest: true,
    ...(walDir && { walDir }),
  });
  const [{ columnFamilies, error, lost, opens }] = recovery;
  return { digest: columnFamilies?.[0], error, lost, opens, unchecked: unchecked.length };
}

/** The store with its second directory moved beside it. */
const moved = (body: (dir: string, secondary: string) => Promise<void>) =>
  withDatabase(store, [], async (dir) => {
    const secondary = path.join(path.dirname(dir), 'elsewhere');
    fs.renameSync(path.join(dir, 'secondary'), secondary);
    await body(dir, secondary);
  });

const NOTHING = { errors: [], warnings: [], unchecked: [] };

describe('a log of Pebble that went on in a second directory', () => {
  it('is whole, and read as one', async () => {
    await withDatabase(store, [], async (dir) => {
      expect(await looked(dir)).toEqual(NOTHING);
      expect(await shown(dir)).toMatchObject({ opens: true, digest: WHOLE, unchecked: 0 });
      expect((await repaired(dir)).repair).toMatchObject({ state: 'nothing-to-do' });
      const wals = await readWalContents(await readDatabase(dir));
      expect(wals).toMatchObject([{ number: 2n, first: 10n, last: 129n, holes: [], whole: true }]);
    });
  });

  it('is read where --wal-dir says that it went on', async () => {
    await moved(async (dir, secondary) => {
      expect(await looked(dir, secondary)).toEqual(NOTHING);
      expect(await shown(dir, secondary)).toMatchObject({ digest: WHOLE });
      const { keys } = await find(dir, {
        key: Buffer.from('key'),
        prefix: true,
        walDir: secondary,
        limit: 999,
      });
      expect(keys.filter(({ reader }) => reader.state === 'value')).toHaveLength(WHOLE.entries);
      expect(keys.filter(({ doubt }) => doubt !== undefined)).toEqual([]);
      await withDatabase(store, [], async (other) => {
        const comparison = await compareDatabases(dir, other, { a: { walDir: secondary } });
        expect(areDifferent(comparison)).toBe(false);
        expect(comparison.history).toMatchObject({ a: { first: 10n, last: 129n }, divergences: 0 });
      });
    });
  });

  it('is not called damaged, and nothing of it is given up, where that directory is not here', async () => {
    await moved(async (dir) => {
      expect(await looked(dir)).toEqual({
        errors: [],
        warnings: ['directory/wal-dir-not-here OPTIONS-000003', 'sequence/gap-between-wals 000002.log'],
        unchecked: [expect.stringContaining('secondary_dir')],
      });
      expect((await shown(dir)).unchecked).toBe(1);
      await expect(repaired(dir)).rejects.toThrow('secondary_dir');
    });
  });

  it('costs nothing where the end of a segment is torn that the next one repeats', async () => {
    await withDatabase(store, ['truncate 000002.log 2800'], async (dir) => {
      expect(await looked(dir)).toEqual(NOTHING);
      expect(await shown(dir)).toMatchObject({ digest: WHOLE, lost: { records: 0, damagedBytes: 0 } });
    });
  });

  it('has a hole where a segment is gone, over which Pebble opens, and is not repaired', async () => {
    await withDatabase(store, ['remove secondary/000002-001.log'], async (dir) => {
      const { findings } = await scanTarget(dir, { jobs: 1 });
      expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([
        { rule: 'sequence/gap-between-wals', file: '000002.log', cause: { kind: 'missing' } },
      ]);
      const { digest, opens } = await shown(dir);
      expect(opens).toBe(true);
      expect(digest?.entries).toBeLessThan(WHOLE.entries);
      expect((await repaired(dir)).repair).toMatchObject({
        state: 'refused',
        reason: expect.stringContaining('WAL failover'),
      });
    });
  });

  it('loses what follows damage inside a segment', async () => {
    await withDatabase(store, ['flip secondary/000002-001.log 3000.1'], async (dir) => {
      expect((await looked(dir)).errors).toEqual(['wal/checksum-mismatch 000002-001.log']);
      const { digest, lost } = await shown(dir);
      expect(digest?.fnv1a64).not.toBe(WHOLE.fnv1a64);
      expect(lost?.records).toBeGreaterThan(0);
      expect((await repaired(dir)).repair).toMatchObject({ state: 'refused' });
    });
  });

  it('is refused where a segment lies in both directories', async () => {
    await withDatabase(store, ['copy secondary/000002-001.log 000002-001.log'], async (dir) => {
      expect((await looked(dir)).errors).toEqual(['wal/duplicate-segment 000002-001.log']);
      expect(await shown(dir)).toMatchObject({
        opens: false,
        error: expect.stringMatching(/^wal: duplicate logIndex=001 for WAL 000002 in /),
      });
    });
  });

  it('is known for Pebble’s where its second directory, or a file of it, is looked at by itself', async () => {
    await withDatabase(store, [], async (dir) => {
      for (const name of ['secondary', 'secondary/000002-001.log', '000002-002.log'])
        expect(await looked(path.join(dir, name)), name).toEqual(NOTHING);
    });
  });
});

describe('a new store of Pebble that was killed over its first flush', () => {
  const flush = 'pebble-stores/first-flush';

  it('is whole: its logs hold what is in the table that no edit names', async () => {
    await withDatabase(flush, [], async (dir) => {
      expect(await looked(dir)).toEqual(NOTHING);
      expect(await shown(dir)).toMatchObject({
        opens: true,
        digest: { entries: 81, fnv1a64: '09de8854aac6aac6' },
      });
      expect((await repaired(dir)).repair).toMatchObject({ state: 'nothing-to-do' });
    });
  });

  it('is whole where the table has no end yet', async () => {
    await withDatabase(flush, ['truncate 000005.sst 3000'], async (dir) => {
      expect(await looked(dir)).toEqual(NOTHING);
    });
  });

  it('is another one where the table holds what no log does', async () => {
    await withDatabase(flush, ['remove 000002.log', 'remove secondary/000002-001.log'], async (dir) => {
      expect((await looked(dir)).errors).toContain('directory/current-names-empty-manifest MANIFEST-000001');
    });
  });
});
