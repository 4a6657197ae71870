import { describe, expect, it } from 'vitest';
import { fakeHost, kvdoctor } from '../../cli/host.js';
import { expectValid } from '../../report/schema.js';
import { withDatabase } from '../../support/database.js';
import { fixture, readFileSet } from '../../support/files.js';

// the steps of docs/incidents/tikv-prepared-region.md, tikv-damaged-table.md and tikv-lost-raft-log-end.md, whose output test/docs.test.ts compares

const wide = () => fakeHost({ env: { COLUMNS: '400' } });

describe('a store that an assertion of the in-memory engine has stopped', () => {
  it('is named after its log', async () => {
    const { out } = await kvdoctor('triage --dir fixtures/tikv/db fixtures/tikv/tikv.log --format json');
    expect(JSON.parse(out).incidents).toMatchObject([{ id: 'tikv-prepared-region' }]);
  });

  it.each(['db', 'raft'])('is whole, and so is what it keeps: %s', async (name) => {
    expect(await kvdoctor(`scan --application fixtures/tikv/${name}`)).toMatchObject({ status: 0 });
  });

  it('has regions side by side in its last batches, each with its apply state', async () => {
    const { out } = await kvdoctor('inspect --brief --full fixtures/tikv/db/000014.log', wide());
    expect(out.match(/: 6 regions, each once and with its apply state; region 26960: /g)).toHaveLength(2);
  });

  it('opens in every mode and is coherent then', async () => {
    const { status, out } = await kvdoctor('simulate --application --format json fixtures/tikv/db');
    const report = JSON.parse(out);
    expectValid(report);
    expect(status).toBe(0);
    const [{ recovery }] = report.targets;
    for (const { opens, contents } of recovery)
      expect({ opens, coherent: contents?.coherent ?? true }).toEqual({ opens: true, coherent: true });
  });

  it('loses nothing where its last batch is torn off: the raft log has it', () =>
    withDatabase('tikv', ['truncate db/000014.log 4000'], async (dir) => {
      expect(await kvdoctor(`repair --mode point-in-time --in-place --yes ${dir}/db`)).toMatchObject({
        status: 0,
      });
      const { status, out } = await kvdoctor(`scan --application --format json ${dir}/db`);
      expect(status).toBe(0);
      expect(JSON.parse(out).targets[0].findings).toEqual([]);
    }));

  it('says so where the raft log beside it does not open', () =>
    withDatabase('tikv', ['remove raft/000009.sst'], async (dir) => {
      const { status, out } = await kvdoctor(`scan --application --format json ${dir}/db`);
      const rules = JSON.parse(out).targets[0].findings.map(({ rule }: { rule: string }) => rule);
      expect([...new Set(rules)]).toEqual(['tikv/raft-log-unread']);
      expect(status).toBe(0);
    }));
});

describe('a store with a damaged table', () => {
  it('says which regions and tables are hit, in a report that its schema describes', async () => {
    const { status, out } = await kvdoctor('scan --application --format json fixtures/tikv-damaged/db');
    const report = JSON.parse(out);
    expectValid(report);
    expect(status).toBe(1);
    const [{ findings, application }] = report.targets;
    expect(application).toMatchObject({ name: 'TiKV', profile: 'tikv', checked: true });
    const [{ impact }] = findings;
    expect(impact.hits[0].keyText).toBe(
      'regions 26960, 26964, 26968, 26972, 26976, 26980 (6 of 6 on this store)',
    );
    expect(impact.hits[1].keyText).toBe('tables 45, 46');
  });

  it('is what it was once healed', () =>
    withDatabase('tikv-damaged/db', [], async (dir) => {
      expect(await kvdoctor(`repair --strategy heal --in-place --yes ${dir}`)).toMatchObject({ status: 0 });
      expect(readFileSet(dir).get('000017.sst')).toEqual(fixture('tikv/db').get('000017.sst'));
      expect(await kvdoctor(`scan --application ${dir}`)).toMatchObject({ status: 0 });
    }));

  it('is salvaged without the block where it is gone, and says what that leaves behind', () =>
    withDatabase('tikv/db', ['zero 000017.sst 0x100 200'], async (dir) => {
      const repaired = await kvdoctor(`repair --strategy tables --in-place --yes ${dir}`);
      expect(repaired.status).toBe(0);
      const { out } = await kvdoctor(`scan --application --format json ${dir}`);
      const { findings } = JSON.parse(out).targets[0];
      expect(findings.map(({ rule }: { rule: string }) => rule)).toContain('tikv/orphan-value');
    }));
});

describe('a store whose raft log a damaged batch ends', () => {
  it('has applied more than its log holds, and says where the log is damaged', async () => {
    const { status, out } = await kvdoctor('scan --application --format json fixtures/tikv-raft-engine');
    const report = JSON.parse(out);
    expectValid(report);
    expect(status).toBe(1);
    const [db, log] = report.targets.map(
      ({ findings }: { findings: { rule: string; cause?: unknown }[] }) => findings,
    );
    expect(db.map(({ rule }: { rule: string }) => rule)).toEqual(Array(5).fill('tikv/apply-log-mismatch'));
    expect(log).toMatchObject([{ rule: 'raft-engine/batch', offset: 0x5c5, cause: { certainty: 'proven' } }]);
  });

  it('is whole once the bit is put back', () =>
    withDatabase('tikv-raft-engine', [], async (dir) => {
      const heal = `repair --strategy heal --in-place --yes ${dir}/raft-engine`;
      expect(await kvdoctor(heal)).toMatchObject({ status: 0 });
      expect(await kvdoctor(`scan --application ${dir}`)).toMatchObject({ status: 0 });
    }));
});
