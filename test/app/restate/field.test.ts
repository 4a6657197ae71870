import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/finding/finding.js';
import { fakeHost, kvdoctor } from '../../cli/host.js';
import { expectValid } from '../../report/schema.js';
import { withDatabase } from '../../support/database.js';
import { hasSharedArchive, withFieldCase, withSharedArchive } from '../../support/field.js';

// directories of real servers (Restate 1.5.3 and 1.7.12), broken on purpose, with what a real server made of the repaired copy

async function reported(line: string) {
  const { status, out } = await kvdoctor(`${line} --format json`);
  const report = JSON.parse(out);
  expectValid(report);
  return { status, target: report.targets[0] };
}

const rulesOf = ({ findings }: { findings: Finding[] }) =>
  findings.map(({ severity, rule }) => `${severity} ${rule}`);

describe('a local metadata store of Restate 1.5', () => {
  it('is recognised, and is whole', () =>
    withFieldCase('restate-local-metadata-store-1.5', [], async (dir) => {
      const store = path.join(dir, 'local-metadata-store');
      const { status, target } = await reported(`scan --application ${store}`);
      expect(status).toBe(0);
      expect(target.application).toMatchObject({ name: 'Restate local metadata store', checked: true });
      expect(target.findings).toEqual([]);
    }));
});

/** The log store of fixtures/restate-1.7, a table of it elsewhere. */
const withoutTable = (table: string, body: (dir: string) => Promise<void>) =>
  withDatabase('restate-1.7/log-store', [], async (dir) => {
    rmSync(path.join(dir, table));
    await body(dir);
  });

describe('a log server without the beginning of its log', () => {
  it('is told what a repair leaves of it, and what that is to Restate', () =>
    withoutTable('000009.sst', async (log) => {
      const { target } = await reported(`repair --strategy auto --dry-run ${log}`);
      for (const { contents } of target.plan.result)
        expect(rulesOf(contents)).toEqual(Array(4).fill('error restate/log-beginning-gone'));
      await kvdoctor(`repair --strategy auto --in-place --stopped --yes ${log}`);
      const after = await reported(`scan --application ${log}`);
      expect(after.status).toBe(1);
      expect(rulesOf(after.target)).toEqual(Array(4).fill('error restate/log-beginning-gone'));
      expect(after.target.findings[0].message).toBe(
        'loglet 0_0: no record is there and none was trimmed, and its sequencer was stored together with the first',
      );
    }));

  it('loses its marker with another table, and the plan says so', () =>
    withoutTable('000008.sst', async (log) => {
      const wide = fakeHost({ env: { COLUMNS: '300' } });
      const { out } = await kvdoctor(`repair --strategy auto --dry-run ${log}`, wide);
      expect(out).toContain(
        'the storage marker is among them: a log server without it takes all its data for lost',
      );
      expect(out).toContain('what remains is not coherent to Restate log server');
      expect(out).toContain('error restate/marker-missing');
    }));
});

describe('a partition store beside its log', () => {
  const MOVE = 'built again';

  it('is moved away instead of repaired, where the log is whole', () =>
    withDatabase('restate-1.7', [], async (node) => {
      const db = path.join(node, 'db');
      const { target } = await reported(`scan ${db}`);
      expect(target.application.rebuild.command).toBe(`mv ${db} ${db}.aside`);
      expect(target.application.rebuild.detail).toContain('has every record from the first on');
    }));

  it('is kept where the log is not whole', () =>
    withDatabase('restate-1.7', [], async (node) => {
      rmSync(path.join(node, 'log-store', '000009.sst'));
      for (const why of ['it does not open', 'its sequencer was stored together with the first']) {
        const { target } = await reported(`scan ${path.join(node, 'db')}`);
        expect(target.application.rebuild.detail).toContain(why);
        expect(target.application.rebuild).not.toHaveProperty('command');
        await kvdoctor(`repair --strategy auto --in-place --stopped --yes ${path.join(node, 'log-store')}`);
      }
    }));

  it('needs a look at the log where that is not beside it', () =>
    withDatabase('restate-1.7/db', [], async (db) => {
      const { target } = await reported(`scan ${db}`);
      expect(target.application.rebuild.detail).toContain('not here beside it');
    }));

  it('is not spoken of where it is whole', () =>
    withDatabase('restate/db', [], async (db) => {
      const { out } = await kvdoctor(`scan ${db}`);
      expect(out).not.toContain(MOVE);
    }));
});

const PARTITIONS = 'field/restate-partition-store-table-gone.tar.gz';
const BLOCK = 'field/restate-block-unreadable.tar.gz';
const MARKER = 'field/restate-marker-gone.tar.gz';

describe.skipIf(!hasSharedArchive(PARTITIONS))('a partition store without one of its tables', () => {
  it('names the way that loses nothing before any repair', () =>
    withSharedArchive(PARTITIONS, async (parent) => {
      const db = path.join(parent, 'restate-partition-store-table-gone', 'db');
      const command = `mv ${db} ${db}.aside`;
      for (const line of [`scan ${db}`, `simulate ${db}`, `repair --strategy auto --dry-run ${db}`]) {
        const { target } = await reported(line);
        expect(target.application.rebuild.command).toBe(command);
        const { out } = await kvdoctor(line, fakeHost({ env: { COLUMNS: '400' } }));
        expect(out).toContain(`next  ${command}`);
        const [move, repair] = [out.indexOf(command), out.indexOf('kvdoctor repair')];
        if (repair >= 0) expect(move).toBeLessThan(repair);
      }
      const { target } = await reported(`repair --strategy auto --dry-run ${db}`);
      // the real server blocks the partition: "Cannot upgrade from version <1.5"
      expect(rulesOf(target.plan.result[0].contents)).toContain('error restate/storage-version-missing');
    }));
});

describe.skipIf(!hasSharedArchive(BLOCK))('a partition store with a damaged block', () => {
  it('is not called coherent, and need not be repaired', () =>
    withSharedArchive(BLOCK, async (parent) => {
      const db = path.join(parent, 'restate-block-unreadable', 'db');
      const { status, target } = await reported(`simulate --application ${db}`);
      expect([1, 3]).toContain(status);
      for (const { contents } of target.recovery)
        expect(contents).toMatchObject({ coherent: false, incomplete: true });
      expect(target.recovery[0].unreadable).toMatchObject({ entries: 295 });
      expect(target.application.rebuild.command).toBe(`mv ${db} ${db}.aside`);
    }));
});

describe.skipIf(!hasSharedArchive(MARKER))('a log server without its marker', () => {
  it('is an error to Restate', () =>
    withSharedArchive(MARKER, async (parent) => {
      const { status, target } = await reported(
        `scan --application ${path.join(parent, 'restate-marker-gone', 'l3m.repaired')}`,
      );
      expect(status).toBe(1);
      expect(rulesOf(target)).toEqual(['error restate/marker-missing']);
    }));
});

/** What scan --application says of real directories: exit status, then findings that are not notes. */
const real: Record<string, Record<string, [number, ...string[]]>> = {
  'r1.5.3-clean-stop-local-loglet': {},
  'r1.5.3-killed': {},
  'r1.6.2-clean-stop': {},
  'r1.6.2-killed': {},
  'r1.7.12-clean-stop': {},
  'r1.7.12-killed': {},
  'r1.7.12-killed-local-loglet': {},
  'r1.7.12-killed-vqueues': {},
  'r1.7.12-trimmed-killed': {},
  'r1.7.12-cluster-n3-log-store': {},
  'd1.7.12-metadata-wal-torn': { 'replicated-metadata-server': [0, 'warning wal/torn-tail'] },
  'd1.7.12-metadata-wal-flip': { 'replicated-metadata-server': [1, 'error wal/checksum-mismatch'] },
  'd1.7.12-log-wal-flip': { 'log-store': [1, 'error wal/checksum-mismatch'] },
};

describe.skipIf(!hasSharedArchive('corpus/real/restate/r1.7.12-killed.tar.gz'))(
  'a directory of a real server',
  () => {
    it.each(Object.entries(real))('%s is what it is known to be', (name, expected) =>
      withSharedArchive(`corpus/real/restate/${name}.tar.gz`, async (parent) => {
        for (const dir of databasesIn(parent)) {
          const { status, target } = await reported(`scan --application ${dir}`);
          const [wanted, ...rules] = expected[path.basename(dir)] ?? [0];
          const said = rulesOf(target).filter((line) => !line.startsWith('note'));
          expect([path.basename(dir), status, ...said]).toEqual([path.basename(dir), wanted, ...rules]);
          expect(target.application.name).toMatch(/^Restate /);
        }
      }),
    );
  },
);

function databasesIn(dir: string): string[] {
  const entries = readdirSync(dir, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'CURRENT')) return [dir];
  return entries
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => databasesIn(path.join(dir, name)));
}
