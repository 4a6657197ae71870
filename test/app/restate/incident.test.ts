import { describe, expect, it } from 'vitest';
import { fakeHost, kvdoctor } from '../../cli/host.js';
import { expectValid } from '../../report/schema.js';
import { withDatabase } from '../../support/database.js';
import { askOracle, oracleMissing } from '../../support/oracle.js';

// the steps of docs/incidents/restate-torn-log.md, whose output test/docs.test.ts compares

const SERVER = 'restate/replicated-metadata-server';
const wide = () => fakeHost({ env: { COLUMNS: '300' } });

describe('a metadata server of Restate whose log is torn', () => {
  it('says which releases open it and what is safe to cut', async () => {
    const { status, out } = await kvdoctor(`simulate --application fixtures/${SERVER}`, wide());
    expect(status).toBe(1);
    expect(out).toContain('Restate 1.2.0 to 1.3.0 opens it in absolute-consistency mode');
    expect(out).toContain('what a kill tears is a last record that nobody was told of, and is safe to cut');
    expect(out).toContain('Raft may count on it then, and the first start be fenced');
    expect(out).toContain('coherent to Restate metadata server');
    expect(out).toContain('kvdoctor repair --mode point-in-time --dry-run');
  });

  it('opens in every mode once the record is cut', () =>
    withDatabase(SERVER, [], async (dir) => {
      expect(await kvdoctor(`repair --mode point-in-time --in-place --yes ${dir}`)).toMatchObject({
        status: 0,
      });
      expect(await kvdoctor(`scan --application ${dir}`)).toMatchObject({ status: 0 });
      const { status, out } = await kvdoctor(`simulate --application --format json ${dir}`);
      expectValid(JSON.parse(out));
      expect(status).toBe(0);
      const [{ recovery }] = JSON.parse(out).targets;
      for (const { opens, lost, contents } of recovery)
        expect({ opens, records: lost.records ?? 0, coherent: contents?.coherent ?? true }).toEqual({
          opens: true,
          records: 0,
          coherent: true,
        });
    }));

  it.skipIf(oracleMissing() !== undefined)('which RocksDB agrees with', async () => {
    await withDatabase(SERVER, [], async (dir) => {
      expect(askOracle(dir, 'absolute').open).toBe('Corruption: truncated record body');
    });
    await withDatabase(SERVER, [], async (dir) => {
      await kvdoctor(`repair --mode point-in-time --in-place --yes ${dir}`);
      expect(askOracle(dir, 'absolute')).toMatchObject({ open: 'OK', lastSeq: 82 });
    });
  });

  it('is not safe to cut where a whole record is damaged: then records are lost', () =>
    withDatabase(SERVER, ['flip 000012.log 0x630.3'], async (dir) => {
      const { out } = await kvdoctor(`simulate --format json ${dir}`);
      const [{ recovery }] = JSON.parse(out).targets;
      const lost = recovery.map(
        ({ lost: { damagedBytes = 0 } }: { lost: { damagedBytes?: number } }) => damagedBytes,
      );
      expect(Math.max(...lost)).toBeGreaterThan(0);
    }));
});
