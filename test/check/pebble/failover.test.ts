import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { areDifferent, compareDatabases } from '../../../src/compare/compare.js';
import { LogWriter } from '../../../src/encode/log/writer.js';
import { readDatabase } from '../../../src/engine/database.js';
import { find } from '../../../src/find/find.js';
import { emptyEdit } from '../../../src/format/manifest/edit.js';
import type { Destination } from '../../../src/repair/carry-out.js';
import { repairTarget } from '../../../src/repair/run.js';
import { simulateTarget } from '../../../src/repair/simulate-target.js';
import { undoRepair } from '../../../src/repair/undo-repair.js';
import { scanTarget } from '../../../src/scan/scan.js';
import { readWalContents } from '../../../src/states/wals.js';
import { withDatabase } from '../../support/database.js';
import { repaired, rewriteManifest } from '../../support/pebble.js';

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

/** Every file of a directory and of those below it. */
const filesOf = (dir: string) =>
  fs
    .readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name !== 'LOCK' && fs.statSync(path.join(dir, name)).isFile())
    .sort()
    .map((name) => [name, fs.readFileSync(path.join(dir, name)).toString('base64')]);

const NOTHING = { errors: [], warnings: [], unchecked: [] };

describe('a log of Pebble that went on in a second directory', () => {
  it('is damaged where its first file is gone, and what it held is announced', async () => {
    await withDatabase(store, ['remove 000002.log'], async (dir) => {
      expect((await looked(dir)).errors).toEqual(['sequence/gap-before-first-wal 000002-001.log']);
      expect((await simulateTarget(dir)).goneWals).toEqual(['000002.log']);
      const { repair, plan } = await repaired(dir);
      expect(repair?.state).toBe('repaired');
      const lost = ['000002-001.log', '000002-002.log', '.', '000002.log'];
      expect(plan?.loss.map(({ file }) => path.basename(file))).toEqual(lost);
      expect((await looked(dir)).errors).toEqual([]);
    });
  });

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

  it('has a hole where a segment is gone, over which Pebble opens, and ends before it after a repair', async () => {
    await withDatabase(store, ['remove secondary/000002-001.log'], async (dir) => {
      const { findings } = await scanTarget(dir, { jobs: 1 });
      expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([
        { rule: 'sequence/gap-between-wals', file: '000002.log', cause: { kind: 'missing' } },
      ]);
      const { digest, opens } = await shown(dir);
      expect(opens).toBe(true);
      expect(digest?.entries).toBeLessThan(WHOLE.entries);
      const { repair, plan } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'repaired', before: { errors: 1 } });
      expect(plan?.loss).toMatchObject([
        { file: '000002-002.log', facts: { records: 3, firstSequence: '124', lastSequence: '129' } },
        { detail: expect.stringContaining('1 deletion of keys') },
      ]);
      expect(fs.readdirSync(dir).filter((name) => name.endsWith('.log'))).toEqual(['000002.log']);
      expect(await shown(dir)).toMatchObject({ opens: true, lost: { records: 0 } });
    });
  });

  it('loses what follows damage inside a segment', async () => {
    await withDatabase(store, ['zero secondary/000002-001.log 3000 40'], async (dir) => {
      expect((await looked(dir)).errors).toEqual(['wal/checksum-mismatch 000002-001.log']);
      const { digest, lost } = await shown(dir);
      expect(digest?.fnv1a64).not.toBe(WHOLE.fnv1a64);
      expect(lost?.records).toBeGreaterThan(0);
      const before = filesOf(dir);
      const { repair, plan } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'repaired' });
      expect(plan?.steps.map(({ action, file: name }) => `${action} ${name}`)).toEqual([
        'remove 000002-002.log',
        'write 000002-001.log',
      ]);
      expect((await looked(dir)).errors).toEqual([]);
      await undoRepair(repair!.journal!, { stopped: true });
      expect(filesOf(dir)).toEqual(before);
    });
  });

  it.each([0n, 32n, 60n])(
    'ends before damage that stands before all that is whole, where the MANIFEST counts to %i',
    async (lastSequence) => {
      await withDatabase(store, ['zero 000002.log 4 40'], async (dir) => {
        // a flush states what logs have taken meanwhile
        if (lastSequence > 0n)
          await rewriteManifest(dir, (edits) => void edits.push({ ...emptyEdit(), lastSequence }));
        expect((await looked(dir)).errors).toEqual(['wal/zeroed-range 000002.log']);
        const { repair, plan } = await repaired(dir);
        expect(repair).toMatchObject({ state: 'repaired' });
        expect(plan?.steps.map(({ action, file: name }) => `${action} ${name}`)).toEqual([
          'remove 000002-002.log',
          'remove 000002-001.log',
          'write 000002.log',
        ]);
        expect(await shown(dir)).toMatchObject({ opens: true, digest: { entries: 0 } });
      });
    },
  );

  it('gets a proven bit back in a segment, in a copy as in its place', async () => {
    await withDatabase(store, ['flip secondary/000002-001.log 2000.1'], async (dir) => {
      const before = filesOf(dir);
      const output = `${dir}-copy`;
      const { repair, plan } = await repairTarget(
        dir,
        { way: { strategy: 'heal' }, destination: { kind: 'copy', output }, jobs: 1, tool: 'test' },
        { confirm: async () => true },
      );
      expect(repair).toMatchObject({ state: 'repaired' });
      expect(plan?.loss).toEqual([]);
      expect(filesOf(dir)).toEqual(before);
      expect(await shown(output)).toMatchObject({ digest: WHOLE });
      const { repair: again } = await repaired(dir, { strategy: 'heal' });
      expect(again).toMatchObject({ state: 'repaired' });
      expect(await shown(dir)).toMatchObject({ digest: WHOLE });
    });
  });

  it('is repaired in a directory outside where a person names that, and in a copy never', async () => {
    await moved(async (dir, secondary) => {
      const log = path.join(secondary, '000002-001.log');
      const bytes = fs.readFileSync(log);
      bytes[2000] ^= 2;
      fs.writeFileSync(log, bytes);
      const damaged = [filesOf(dir), filesOf(secondary)];
      const repair = (destination: Destination) =>
        repairTarget(
          dir,
          {
            way: { strategy: 'auto' },
            destination,
            walDir: secondary,
            stopped: true,
            jobs: 1,
            tool: 'test',
          },
          { confirm: async () => true },
        );
      await expect(repair({ kind: 'copy', output: `${dir}-copy` })).rejects.toThrow('lies outside');
      const { repair: done, plan } = await repair({ kind: 'in-place' });
      expect(done).toMatchObject({ state: 'repaired' });
      expect(plan?.outside).toMatchObject([{ directory: secondary, option: '--wal-dir', given: true }]);
      expect(await shown(dir, secondary)).toMatchObject({ digest: WHOLE });
      await expect(undoRepair(done!.journal!, { stopped: true })).rejects.toThrow('outside');
      await undoRepair(done!.journal!, { stopped: true, roots: [secondary] });
      expect([filesOf(dir), filesOf(secondary)]).toEqual(damaged);
    });
  });

  it('keeps what another segment repeats where its own end is torn, when a later one is cut', async () => {
    const damage = ['truncate 000002.log 2800', 'zero 000002-002.log 600 200'];
    await withDatabase(store, damage, async (dir) => {
      const { repair, plan } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'repaired' });
      expect(plan?.steps.map(({ file }) => file)).toEqual(['000002-002.log']);
      const [, total] = plan!.loss;
      expect(BigInt(String(total.facts.firstSequence))).toBeGreaterThanOrEqual(98n);
    });
  });

  it('comes back under its own name, where it was given another', async () => {
    await withDatabase(store, ['move secondary/000002-001.log secondary/000002-001.log.bak'], async (dir) => {
      const { repair, plan } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'repaired' });
      expect(plan?.loss).toEqual([]);
      expect(await shown(dir)).toMatchObject({ digest: WHOLE });
    });
  });

  it('gets a MANIFEST where it has none and no table, since both directories hold all logs', async () => {
    await withDatabase(store, ['remove MANIFEST-000001'], async (dir) => {
      expect((await repaired(dir)).repair).toMatchObject({ state: 'repaired' });
      expect(await shown(dir)).toMatchObject({ digest: WHOLE });
    });
  });

  it('is not cut where its OPTIONS end before they name the second directory', async () => {
    await withDatabase(store, ['truncate OPTIONS-000003 900', 'zero 000002-002.log 600 200'], async (dir) => {
      const { errors, unchecked } = await looked(dir);
      expect(errors).toEqual(['wal/checksum-mismatch 000002-002.log']);
      expect(unchecked).toEqual([expect.stringContaining('second directory')]);
      await expect(repaired(dir)).rejects.toThrow('second directory');
    });
  });

  it.each<[string, string[]]>([
    ['segments', []],
    ['what Pebble tries its disk with', ['remove 000002-002.log', 'create probe-file ""']],
    ['a MANIFEST whose first log is not here', ['remove 000002-002.log', 'remove 000002.log']],
  ])('is not given up without OPTIONS, where there are %s', async (_, patches) => {
    await withDatabase(store, ['remove OPTIONS-000003', ...patches], async (dir) => {
      if (patches.at(-1) === 'remove 000002.log')
        await rewriteManifest(dir, (edits) => void edits.push({ ...emptyEdit(), logNumber: 2n }));
      const before = filesOf(dir);
      expect((await looked(dir)).unchecked).toEqual([expect.stringContaining('which no OPTIONS file names')]);
      await repaired(dir).catch(() => undefined);
      expect(filesOf(dir)).toEqual(before);
      expect((await looked(dir, path.join(dir, 'secondary'))).unchecked).toEqual([]);
    });
  });

  const twice = 'copy secondary/000002-001.log 000002-001.log';

  it('is refused by the engine where a segment lies in both directories', async () => {
    await withDatabase(store, [twice], async (dir) => {
      expect((await looked(dir)).errors).toEqual(['wal/duplicate-segment 000002-001.log']);
      expect(await shown(dir)).toMatchObject({
        opens: false,
        error: expect.stringMatching(/^wal: duplicate logIndex=001 for WAL 000002 in /),
      });
    });
  });

  it.each([
    ['the same', [twice], '000002-001.log'],
    ['one that is shorter', [twice, 'truncate 000002-001.log 4000'], '000002-001.log'],
    ['one that is empty', [twice, 'truncate 000002-001.log 0'], '000002-001.log'],
    ['a damaged one', [twice, 'zero 000002-001.log 4000 60'], '000002-001.log'],
    [
      'a shorter one in the second directory',
      [twice, 'truncate secondary/000002-001.log 4000'],
      'secondary/000002-001.log',
    ],
    [
      'a damaged one in the second directory',
      [twice, 'zero secondary/000002-001.log 4000 60'],
      'secondary/000002-001.log',
    ],
    ['another one that a later segment has, too', ['copy 000002-002.log 000002-001.log'], '000002-001.log'],
  ])('is repaired without loss where beside a segment stands %s', async (_, patches, gone) => {
    await withDatabase(store, patches, async (dir) => {
      const before = filesOf(dir);
      const { repair, plan } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'repaired' });
      expect(plan?.loss).toEqual([]);
      expect(fs.existsSync(path.join(dir, gone))).toBe(false);
      expect(await looked(dir)).toEqual(NOTHING);
      expect(await shown(dir)).toMatchObject({ opens: true, digest: WHOLE, unchecked: 0 });
      await undoRepair(repair!.journal!, { stopped: true });
      expect(filesOf(dir)).toEqual(before);
    });
  });

  /** A segment of log 2 with one put, in a file. */
  const strange = (file: string, sequence: bigint) => {
    const batch = Buffer.from([...Array(8).fill(0), 1, 0, 0, 0, 1, 3, ...Buffer.from('key'), 1, 0x78]);
    batch.writeBigUInt64LE(sequence);
    fs.writeFileSync(file, new LogWriter({ number: 2n, recyclable: true }).record(batch));
  };

  it('says what is in the segment that does not go on from the one before it', async () => {
    await withDatabase(store, [], async (dir) => {
      strange(path.join(dir, '000002-001.log'), 5000n);
      const { repair, plan } = await repaired(dir);
      expect(repair).toMatchObject({ state: 'repaired' });
      expect(plan?.loss).toMatchObject([
        { file: '000002-001.log', facts: { records: 1, firstSequence: '5000' } },
      ]);
      expect(await shown(dir)).toMatchObject({ opens: true, digest: WHOLE });
    });
  });

  it('is left alone where either of two segments may be the right one', async () => {
    await withDatabase(store, ['copy 000002-002.log secondary/000002-002.log'], async (dir) => {
      strange(path.join(dir, 'secondary', '000002-002.log'), 124n);
      await expect(repaired(dir)).resolves.toMatchObject({ repair: { state: 'refused' } });
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
