import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDatabase } from '../../src/engine/database.js';
import { repairTarget } from '../../src/repair/run.js';
import { type ScanOptions, scanTarget } from '../../src/scan/scan.js';
import { simulateDatabase } from '../../src/scan/simulate-database.js';
import { withDatabase } from '../support/database.js';
import { fixture, withTemporaryDirectory } from '../support/files.js';

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

async function repaired(dir: string) {
  const output = `${dir}.out`;
  const report = await repairTarget(
    dir,
    { way: { strategy: 'auto' }, destination: { kind: 'copy', output }, tool: 'test', jobs: 1 },
    { confirm: async () => true },
  );
  return { report, output };
}

/** Entries and hash of each column family, as the strictest recovery mode leaves them. */
async function contentsOf(dir: string): Promise<Case['truth']> {
  const [strictest] = await simulateDatabase(await readDatabase(dir), { digest: true });
  const families = strictest.columnFamilies ?? [];
  return Object.fromEntries(families.map(({ name, entries, fnv1a64 }) => [name, [entries, fnv1a64]]));
}

const errorsOf = async (dir: string, options: ScanOptions = {}) =>
  (await scanTarget(dir, options)).findings.filter(({ severity }) => severity === 'error');

describe('directories of several moments', () => {
  it.each(Object.entries(cases))('%s: nothing is lost', async (name, { rules, truth }) => {
    await unpacked(name, async (dir) => {
      const { findings } = await scanTarget(dir, {});
      expect(findings.map(({ rule }) => rule)).toEqual(expect.arrayContaining(rules));
      expect(findings.some(({ severity }) => severity === 'error')).toBe(true);
      const { report, output } = await repaired(dir);
      expect(report.repair?.state).toBe('repaired');
      expect(await contentsOf(output)).toEqual(truth);
      expect(await errorsOf(output)).toEqual([]);
    });
  });

  it('announces what the WALs lack of a lost table, as it was written without them', async () => {
    await unpacked('unlogged-between', async (dir) => {
      const { report, output } = await repaired(dir);
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
      const { report, output } = await repaired(dir);
      expect(report.recovery?.[0].lastSequence).toBe(sequence);
      const seen = await contentsOf(output);
      expect(Object.fromEntries(Object.entries(seen).map(([family, [count]]) => [family, count]))).toEqual(
        entries,
      );
    });
  });

  it('does not go back behind a lost table unless it is asked to, and counts what that leaves behind', async () => {
    await unpacked('restored-backup-power-loss', async (dir) => {
      const planned = async (state?: number) => {
        const way = { strategy: 'auto' as const, ...(state && { state }) };
        const request = { way, destination: { kind: 'dry-run' as const }, tool: 'test', jobs: 1 };
        return repairTarget(dir, request, { confirm: async () => false });
      };
      const kept = await planned();
      expect(kept.plan?.result?.[0].lastSequence).toBe('610');
      expect(kept.plan?.loss.map(({ file }) => file)).toEqual(['000013.sst']);
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

  it('finds a table under another name, and does not call it gone', async () => {
    const truth = await withDatabase('basic-7.8', [], contentsOf);
    await withDatabase('basic-7.8', ['move 000016.sst 000099.sst'], async (dir) => {
      const [missing] = await errorsOf(dir);
      expect(missing.cause?.detail).toBe('the table lies under another name: 000099.sst');
      const { report, output } = await repaired(dir);
      expect(report.plan?.loss).toEqual([]);
      expect(await contentsOf(output)).toEqual(truth);
    });
  });

  it('takes over no table of another database', async () => {
    const foreign = fixture('checksummed-7.8').get('000013.sst')!;
    await withDatabase('basic-7.8', ['remove 000018.sst'], async (dir) => {
      const { report: own } = await repaired(dir);
      writeFileSync(path.join(dir, '000099.sst'), foreign);
      rmSync(`${dir}.out`, { recursive: true });
      const { report } = await repaired(dir);
      expect(own.plan?.loss).not.toEqual([]);
      expect(report.plan?.loss).toEqual(own.plan?.loss);
      expect(report.plan?.remarks.join('\n')).not.toMatch(/table 99/);
    });
  });

  it('puts two exchanged logs back in order', async () => {
    const truth = await withDatabase('wal-large-7.8', [], contentsOf);
    await withDatabase('wal-large-7.8', ['swap 000004.log 000010.log'], async (dir) => {
      const { report, output } = await repaired(dir);
      expect(report.plan?.loss).toEqual([]);
      expect(await contentsOf(output)).toEqual(truth);
    });
  });
});
