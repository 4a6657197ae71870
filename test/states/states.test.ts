import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Database, type DatabaseRequest, readDatabase } from '../../src/engine/database.js';
import { repairTarget } from '../../src/repair/run.js';
import { lossOfState } from '../../src/repair/strategies/state-loss.js';
import { type ScanOptions, scanTarget } from '../../src/scan/scan.js';
import { simulateDatabase } from '../../src/scan/simulate-database.js';
import type { State, States } from '../../src/states/state.js';
import { withDatabase } from '../support/database.js';
import { fixture, withTemporaryDirectory, writeFileSet } from '../support/files.js';
import { repairedCopy } from '../support/repaired-copy.js';

/*
 * Directories whose files are of several moments or histories (fixtures/states), each with what the engine saw before they
 * came apart: column family, to entries and their hash.
 */

interface Case {
  about: string;
  rules: string[];
  truth: Record<string, [number, string]>;
}

const here = path.join(import.meta.dirname, '../../fixtures/states');
const cases: Record<string, Case> = JSON.parse(readFileSync(path.join(here, 'cases.json'), 'utf8'));

function unpacked<T>(name: string, body: (dir: string) => Promise<T>): Promise<T> {
  return withTemporaryDirectory((parent) => {
    execFileSync('tar', ['xzf', path.join(here, `${name}.tar.gz`), '-C', parent]);
    return body(path.join(parent, name));
  });
}

/** Entries and hash of each column family, as the strictest recovery mode leaves them. */
async function contentsOf(dir: string, request: DatabaseRequest = {}): Promise<Case['truth']> {
  const [strictest] = await simulateDatabase(await readDatabase(dir, request), { digest: true });
  const families = strictest.columnFamilies ?? [];
  return Object.fromEntries(families.map(({ name, entries, fnv1a64 }) => [name, [entries, fnv1a64]]));
}

const errorsOf = async (dir: string, options: ScanOptions = {}) =>
  (await scanTarget(dir, options)).findings.filter(({ severity }) => severity === 'error');

describe('directories of several moments', () => {
  it.each(Object.entries(cases))('%s: nothing is lost', async (name, { rules, truth }) => {
    await unpacked(name, async (dir) => {
      const { findings, files } = await scanTarget(dir, {});
      expect(findings.map(({ rule }) => rule)).toEqual(expect.arrayContaining(rules));
      expect(findings.some(({ severity }) => severity === 'error')).toBe(true);
      // a directory is no file that is missing
      expect(files.some((file) => file.path === 'lost')).toBe(false);
      const { report, output } = await repairedCopy(dir);
      // what a RepairDB made of logs is in the logs that it set aside
      if (rules.includes('directory/repairdb-losses')) expect(report.plan?.loss).toEqual([]);
      expect(report.repair?.state).toBe('repaired');
      expect(await contentsOf(output)).toEqual(truth);
      expect(await errorsOf(output)).toEqual([]);
    });
  });

  it('puts tables back that lie under each other’s names where the MANIFEST has lost the edit of one', async () => {
    const truth = await withDatabase('basic-7.8', [], (dir) => contentsOf(dir));
    const patches = ['swap 000015.sst 000018.sst', 'zero MANIFEST-000005 171 200'];
    await withDatabase('basic-7.8', patches, async (dir) => {
      const { report, output } = await repairedCopy(dir);
      expect(report.plan?.loss).toEqual([]);
      expect(await contentsOf(output)).toEqual(truth);
    });
  });

  it('misses none of the logs that a MANIFEST tracks where they lie under each other’s names', async () => {
    const truth = await withDatabase('checksummed-7.8', [], (dir) => contentsOf(dir));
    await withDatabase('checksummed-7.8', ['swap 000004.log 000010.log'], async (dir) => {
      const { report, output } = await repairedCopy(dir);
      expect(report.plan?.loss).toEqual([]);
      expect(await contentsOf(output)).toEqual(truth);
    });
  });

  it('announces what the WALs lack of a lost table, as it was written without them', async () => {
    await unpacked('unlogged-between', async (dir) => {
      const { report, output } = await repairedCopy(dir);
      const loss = report.plan?.loss.find(({ detail }) => detail.startsWith('10 '));
      expect(loss?.facts).toMatchObject({ firstSequence: '72', lastSequence: '81' });
      expect(await errorsOf(output)).toEqual([]);
    });
  });

  it.each([
    ['stale-manifest-9.7', '100', { default: 50 }],
    ['stale-manifest-8.1', '778', { default: 258, leaf_indices: 2 }],
  ])('%s: tables that the MANIFEST does not know count', async (name, sequence, entries) => {
    await unpacked(name, async (dir) => {
      const { report, output } = await repairedCopy(dir);
      expect(report.recovery?.[0].lastSequence).toBe(sequence);
      const seen = await contentsOf(output);
      expect(Object.fromEntries(Object.entries(seen).map(([family, [count]]) => [family, count]))).toEqual(
        entries,
      );
    });
  });

  it('does not go back before a lost table unless it is asked to, and counts what that leaves behind', async () => {
    await unpacked('restored-backup-power-loss', async (dir) => {
      const planned = async (state?: number) => {
        const way = { strategy: 'auto' as const, ...(state && { state }) };
        const request = { way, destination: { kind: 'dry-run' as const }, tool: 'test', jobs: 1 };
        return repairTarget(dir, request, { confirm: async () => false });
      };
      const kept = await planned();
      expect(kept.plan?.result?.[0].lastSequence).toBe('610');
      // the MANIFEST says that the log was begun, and it is not here
      expect(kept.plan?.loss.map(({ file }) => file)).toEqual(['000014.log', '000013.sst']);
      expect(kept.plan?.remarks.join('\n')).toContain(
        '--state 2: MANIFEST-000005 up to its edit at 302: up to sequence 400',
      );
      const back = await planned(2);
      expect(back.plan?.result?.[0].lastSequence).toBe('400');
      expect(back.plan?.loss.map(({ facts }) => facts)).toEqual([
        { firstSequence: '401', lastSequence: '610' },
      ]);
      await expect(planned(3)).rejects.toThrow('there is no state 3: the files can give 2');
    });
  });

  it.each(['000099.sst', '000016.sst.bak', 'moved-away'])(
    'finds a table under the name %s, and does not call it gone',
    async (name) => {
      const truth = await withDatabase('basic-7.8', [], (dir) => contentsOf(dir));
      await withDatabase('basic-7.8', [`move 000016.sst ${name}`], async (dir) => {
        const [missing] = await errorsOf(dir);
        expect(missing.cause).toMatchObject({ kind: 'misplaced', certainty: 'proven' });
        expect(missing.cause?.detail).toBe(`the table lies under another name: ${name}`);
        const { report, output } = await repairedCopy(dir);
        expect(report.plan?.loss).toEqual([]);
        expect(await contentsOf(output)).toEqual(truth);
      });
    },
  );

  it('takes over no table of another database', async () => {
    const foreign = fixture('checksummed-7.8').get('000013.sst')!;
    await withDatabase('basic-7.8', ['remove 000018.sst'], async (dir) => {
      const { report: own } = await repairedCopy(dir);
      writeFileSync(path.join(dir, '000099.sst'), foreign);
      rmSync(`${dir}.out`, { recursive: true });
      const { report } = await repairedCopy(dir);
      expect(own.plan?.loss).not.toEqual([]);
      expect(report.plan?.loss).toEqual(own.plan?.loss);
      expect(report.plan?.remarks.join('\n')).not.toMatch(/table 99/);
    });
  });

  it('puts two exchanged logs back in order', async () => {
    const truth = await withDatabase('wal-large-7.8', [], (dir) => contentsOf(dir));
    await withDatabase('wal-large-7.8', ['swap 000004.log 000010.log'], async (dir) => {
      const { report, output } = await repairedCopy(dir);
      expect(report.plan?.loss).toEqual([]);
      expect(await contentsOf(output)).toEqual(truth);
    });
  });

  it('looks at no more MANIFESTs than it can hold against each other, and says so', async () => {
    const files = new Map(fixture('basic-7.8'));
    const manifest = files.get('MANIFEST-000005')!;
    for (let i = 0; i < 256; i++) files.set(`MANIFEST-${String(1000 + i).padStart(6, '0')}`, manifest);
    await withTemporaryDirectory(async (dir) => {
      writeFileSet(files, dir);
      const { findings, unchecked } = await scanTarget(dir, { jobs: 1 });
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(unchecked.map(({ reason }) => reason)).toEqual([
        'it holds 257 MANIFESTs, of which no more than 256 are compared',
      ]);
    });
  });

  it('announces tables of which those taken over do not show that they went into them', async () => {
    await unpacked('stale-3', async (dir) => {
      const { report } = await repairedCopy(dir);
      expect(report.plan?.loss.map(({ file }) => file)).toEqual([
        '000023.sst',
        '000025.sst',
        'MANIFEST-000018',
      ]);
    });
    await unpacked('stale-manifest-8.1', async (dir) => {
      const { report } = await repairedCopy(dir);
      // CURRENT names it, and it is not here
      expect(report.plan?.loss.map(({ file }) => file)).toEqual(['MANIFEST-000025']);
    });
  });

  it.each([
    ['dropped-13', ['MANIFEST-000005'], { firstSequence: '441', lastSequence: '484' }],
    // tables of which nothing shows that they were made of what is here
    ['rolled-11', ['000028.sst', 'MANIFEST-000029'], { firstSequence: '741', lastSequence: '775' }],
  ])('%s: announces what was written after the moment that the files are of', async (name, files, span) => {
    await unpacked(name, async (dir) => {
      const { report } = await repairedCopy(dir);
      const loss = report.plan?.loss ?? [];
      expect(loss.map(({ file }) => file)).toEqual(files);
      expect(loss.at(-1)?.facts).toEqual(span);
    });
  });

  it('announces what a state ignores that does not know a column family', async () => {
    await unpacked('family-13', async (dir) => {
      const way = { strategy: 'auto' as const, state: 2 };
      const request = { way, destination: { kind: 'dry-run' as const }, tool: 'test', jobs: 1 };
      const { plan } = await repairTarget(dir, request, { confirm: async () => false });
      expect(plan?.loss.map(({ facts }) => facts)).toEqual([{ operations: 32 }]);
    });
  });

  it('announces tables that a state does without although they hold writes below its last sequence', async () => {
    await unpacked('livefiles-23', async (dir) => {
      const way = { strategy: 'auto' as const, state: 3 };
      const request = { way, destination: { kind: 'dry-run' as const }, tool: 'test', jobs: 1 };
      const { plan } = await repairTarget(dir, request, { confirm: async () => false });
      expect(plan?.remarks.join('\n')).toContain('state 3 of 9 that the files can give: MANIFEST-000021:');
      expect(plan?.loss.map(({ file }) => file)).toEqual(['000022.sst', '000024.sst', 'MANIFEST-000021']);
    });
  });

  it.each([
    // the first log of a database, which no edit names: it is below the log of the first flush
    ['first-wal-2', 'MANIFEST-000005', { from: '4', below: '12' }],
    // of a MANIFEST that took the place of another one: the number is later than the last open
    ['first-wal-11', '000012.log', { from: '12' }],
  ])(
    '%s: misses the log that the last flush kept, though no sequence shows it',
    async (name, file, evidence) => {
      await unpacked(name, async (dir) => {
        const { findings } = await scanTarget(dir, {});
        expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([
          expect.objectContaining({
            rule: 'directory/removed-wal',
            severity: 'warning',
            file,
            evidence: expect.objectContaining(evidence),
          }),
        ]);
        // with any log of that number there is nothing to say
        writeFileSync(path.join(dir, `0000${evidence.from.padStart(2, '0')}.log`), '');
        expect(
          (await scanTarget(dir, {})).findings.filter(({ rule }) => rule === 'directory/removed-wal'),
        ).toEqual([]);
      });
    },
  );

  it('announces a lost table where the log that should have its writes has a hole among them', async () => {
    const bound = (key: string) => Buffer.concat([Buffer.from(key), Buffer.alloc(8)]);
    const table = {
      number: 7n,
      columnFamily: 0,
      size: 100n,
      smallest: bound('a'),
      largest: bound('b'),
      smallestSequence: 10n,
      largestSequence: 20n,
    };
    const lossWith = (holes: { from: bigint; to: bigint }[], whole = true) => {
      const wal = { families: new Map([[0, { first: 5n, last: 30n }]]), holes, whole };
      const state = {
        origin: { kind: 'tables' },
        left: [],
        version: { columnFamilies: new Map() },
        wals: [{ wal }],
        gaps: [],
        strange: [],
        ignored: [],
        leftOut: [],
        moved: [],
        lostWals: [],
        goneByLog: [],
        lastSequence: 30n,
      };
      const current = { missing: [table], version: { columnFamilies: new Map() } };
      const lost = lossOfState(
        { inventory: { entries: [] } } as unknown as Database,
        state as unknown as State,
        {
          states: [],
          manifests: [],
          unread: [],
          current: current as unknown as State,
        } as unknown as States,
      );
      return lost.map(({ file }) => file);
    };
    expect(lossWith([])).toEqual([]);
    expect(lossWith([{ from: 31n, to: 32n }])).toEqual([]);
    expect(lossWith([{ from: 12n, to: 13n }])).toEqual(['000007.sst']);
    expect(lossWith([], false)).toEqual(['000007.sst']);
  });

  it('puts logs from the archive of their own directory back to where the engine reads logs', async () => {
    await unpacked('flush-in-archive', async (dir) => {
      const wal = `${dir}-wal`;
      mkdirSync(wal);
      renameSync(path.join(dir, 'archive'), path.join(wal, 'archive'));
      renameSync(path.join(dir, '000012.log'), path.join(wal, '000012.log'));
      const report = await repairTarget(
        dir,
        {
          walDir: wal,
          way: { strategy: 'auto' },
          destination: { kind: 'in-place' },
          stopped: true,
          tool: 'test',
          jobs: 1,
        },
        { confirm: async () => true },
      );
      expect(report.repair?.state).toBe('repaired');
      expect(readdirSync(dir).filter((name) => name.endsWith('.log'))).toEqual([]);
      expect(await contentsOf(dir, { walDir: wal })).toEqual(cases['flush-in-archive'].truth);
    });
  });

  it('puts a table from lost/ back to the path that its number names', async () => {
    const truth = await withDatabase('basic-7.8', [], (dir) => contentsOf(dir));
    await withDatabase('basic-7.8', [], async (dir) => {
      const first = `${dir}-tables`;
      mkdirSync(first);
      mkdirSync(path.join(dir, 'lost'));
      for (const name of readdirSync(dir).filter((each) => each.endsWith('.sst')))
        renameSync(path.join(dir, name), path.join(first, name));
      renameSync(path.join(first, '000016.sst'), path.join(dir, 'lost', '000016.sst'));
      const report = await repairTarget(
        dir,
        {
          dbPaths: [first],
          way: { strategy: 'auto' },
          destination: { kind: 'in-place' },
          stopped: true,
          tool: 'test',
          jobs: 1,
        },
        { confirm: async () => true },
      );
      expect(report.repair?.state).toBe('repaired');
      expect(readdirSync(first)).toContain('000016.sst');
      expect(readdirSync(dir)).not.toContain('000016.sst');
      expect(await contentsOf(dir, { dbPaths: [first] })).toEqual(truth);
    });
  });
});

it('says that no MANIFEST tells which tables are live where no edit of the MANIFEST can be read', () =>
  withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    writeFileSet(fixture('leveldb'), dir);
    writeFileSync(path.join(dir, 'MANIFEST-000002'), Buffer.alloc(300, 'no edit '));
    const { report } = await repairedCopy(dir);
    expect(report.plan?.unproven?.map(({ facts }) => facts)).toContainEqual({ basis: 'tables' });
  }));
