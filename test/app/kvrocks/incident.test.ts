import { describe, expect, it } from 'vitest';
import { fakeHost, kvdoctor } from '../../cli/host.js';
import { withDatabase } from '../../support/database.js';
import { engineAvailable, runEngine } from '../../support/engine.js';
import { FAMILY } from '../../support/kvrocks.js';
import { askOracle, oracleMissing } from '../../support/oracle.js';

// the steps of docs/incidents/kvrocks-shared-batch.md, whose output test/docs.test.ts compares

const wide = () => fakeHost({ env: { COLUMNS: '300' } });
const columns = Object.fromEntries(Object.keys(FAMILY).map((name) => [name, {}]));

interface Opener {
  engine: string;
  missing: boolean;
  opens(dir: string): Promise<void>;
}

const openers: Opener[] = [
  {
    engine: 'RocksDB 7.8',
    missing: oracleMissing() !== undefined,
    async opens(dir) {
      expect(askOracle(dir, 'absolute').open).toBe('OK');
    },
  },
  {
    engine: 'RocksDB 9.7',
    missing: !engineAvailable('rocksdb-9.7'),
    async opens(dir) {
      const report = await runEngine('rocksdb-9.7', dir, { options: { columns }, steps: [] });
      expect(report).toMatchObject({ opened: true });
    },
  },
];

const incidents = [
  ['kvrocks-race-10/db', '--mode point-in-time', 0],
  ['kvrocks-race-10/db', '--strategy salvage', 0],
  ['kvrocks-mixed/db', '--strategy application', 5],
] as const;

describe.each(openers)('$engine', ({ missing, opens }) => {
  it.skipIf(missing).each(incidents)('opens %s after %s', (name, way, status) =>
    withDatabase(name, [], async (dir) => {
      expect(await kvdoctor(`repair ${way} --in-place --yes ${dir}`)).toMatchObject({ status });
      await opens(dir);
    }),
  );
});

describe('a batch that two threads of Kvrocks wrote into', () => {
  it('is told as commands, and what remains without it is coherent', async () => {
    const { out } = await kvdoctor('simulate --application fixtures/kvrocks-race-10/db', wide());
    expect(out).toContain('what it gives up is 7 commands: 3 LPUSH, 3 LPOP, 1 HSET');
    expect(out).toContain('salvage: what remains is coherent to Kvrocks');
    expect(out).toContain('repair --mode point-in-time --dry-run fixtures/kvrocks-race-10/db');
  });

  it.each(['--mode point-in-time', '--strategy salvage'])('is repaired by %s', (way) =>
    withDatabase('kvrocks-race-10/db', [], async (dir) => {
      expect(await kvdoctor(`repair ${way} --in-place --yes ${dir}`)).toMatchObject({ status: 0 });
      expect(await kvdoctor(`scan --application ${dir}`)).toMatchObject({ status: 0 });
    }),
  );

  it('is not the only trace: an earlier one left an element outside of its list', () =>
    withDatabase('kvrocks-race-9/db', [], async (dir) => {
      expect(await kvdoctor(`repair --mode point-in-time --in-place --yes ${dir}`)).toMatchObject({
        status: 0,
      });
      const { status, out } = await kvdoctor(`scan --application ${dir}`, wide());
      expect(status).toBe(1);
      expect(out).toMatch(
        /kvrocks\/list-stray[\s\S]*key "q2", head -1, tail 0, size 1, live 2, runs 2, stray 1/,
      );
      const refused = await kvdoctor(`repair --strategy application --dry-run ${dir}`, wide());
      expect(refused.status).toBe(5);
      expect(refused.out).toContain('nothing tells whether they were taken or forgotten');
      expect((await kvdoctor(`repair --strategy application --emit redis ${dir}`)).status).toBe(5);
      const emitted = await kvdoctor(`repair --strategy application --emit redis --bring-back ${dir}`);
      expect(emitted).toMatchObject({
        status: 0,
        out: [
          'DEL q2:kvdoctor-rebuilt',
          'RPUSH q2:kvdoctor-rebuilt job:0:1:b2 job:0:0:2',
          'RENAME q2:kvdoctor-rebuilt q2',
          '',
        ].join('\n'),
      });
    }));
});

describe('keys that two threads left incoherent', () => {
  it('are rebuilt in the files as far as that is safe, and by commands for the rest', () =>
    withDatabase('kvrocks-mixed/db', [], async (dir) => {
      expect((await kvdoctor(`scan ${dir}`)).status).toBe(0);
      expect((await kvdoctor(`scan --application ${dir}`)).status).toBe(1);
      const repaired = await kvdoctor(`repair --strategy application --in-place --yes ${dir}`, wide());
      expect(repaired.status).toBe(5);
      const { out } = await kvdoctor(`scan --application --format json ${dir}`);
      const [{ findings }] = JSON.parse(out).targets;
      expect(findings).toMatchObject([{ rule: 'kvrocks/list-hole', evidence: { key: { utf8: 'mail' } } }]);
      expect((await kvdoctor(`repair --strategy application --emit redis ${dir}`)).out).toBe(
        'DEL mail:kvdoctor-rebuilt\nRPUSH mail:kvdoctor-rebuilt mail:a mail:c mail:d\nRENAME mail:kvdoctor-rebuilt mail\n',
      );
    }));

  it.each([
    ['repair --emit redis fixtures/kvrocks-mixed/db', '--emit goes with --strategy application'],
    ['repair --strategy salvage --drop-orphans db', '--drop-orphans goes with --strategy application'],
  ])('%s is a mistake', async (line, message) => {
    const { status, err } = await kvdoctor(line);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });
});
