import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { expectValid } from '../report/schema.js';
import { withDatabase } from '../support/database.js';
import { fakeHost, kvdoctor } from './host.js';

const folder = mkdtempSync(join(tmpdir(), 'kvdoctor-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const damaged = 'fixtures/kvrocks-race-10/db';

function config(content: object): string {
  const path = join(folder, 'config.json');
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const withEnv = (line: string, env: Record<string, string>) => kvdoctor(line, fakeHost({ env }));

describe('--config', () => {
  it('lowers a severity', async () => {
    const file = config({ severity: { 'batch/*': 'warning' } });
    const { status, out } = await kvdoctor(`scan ${damaged} --config ${file}`);
    expect([status, out.includes('warning batch/unknown-tag')]).toEqual([0, true]);
  });

  it('sets a finding aside: it does not fail, and stays in the report with the reason', async () => {
    const file = config({
      ignore: [{ rule: 'batch/unknown-tag', reason: 'ticket 7', expires: '2999-01-01' }],
    });
    const { status, out } = await kvdoctor(`scan ${damaged} --config ${file} --format json`);
    const report = JSON.parse(out);
    expectValid(report);
    expect([status, report.verdict]).toEqual([0, 'clean']);
    expect(report.targets[0].suppressed[0]).toMatchObject({
      rule: 'batch/unknown-tag',
      suppressed: { reason: 'ticket 7' },
    });
    const sarif = JSON.parse((await kvdoctor(`scan ${damaged} --config ${file} --format sarif`)).out);
    expect(sarif.runs[0].results[0].suppressions).toEqual([{ kind: 'external', justification: 'ticket 7' }]);
    expect((await kvdoctor(`scan ${damaged} --config ${file}`)).out).toContain(
      'Set aside by the configuration: 1 finding.',
    );
  });

  it('says when an ignore has ended, and counts the finding again', async () => {
    const file = config({
      ignore: [{ rule: 'batch/unknown-tag', reason: 'ticket 7', expires: '2020-01-01' }],
    });
    const { status, err } = await kvdoctor(`scan ${damaged} --config ${file} -q`);
    expect([status, err]).toEqual([
      1,
      'kvdoctor: the ignore of batch/unknown-tag ended on 2020-01-01 (ticket 7)\n',
    ]);
  });

  it('names the application', async () => {
    const file = config({ paths: [{ path: '**/kvrocks-*/**', profile: 'none' }] });
    const { out } = await kvdoctor(`scan ${damaged} --config ${file}`);
    expect(out).not.toContain('Kvrocks,');
    expect((await kvdoctor(`scan ${damaged} --config ${file} --profile kvrocks`)).out).toContain('Kvrocks,');
  });

  it('fails where its path is told to', async () => {
    const file = config({
      failOn: 'never',
      paths: [{ path: 'fixtures/kvrocks-race-*/**', failOn: 'error' }],
    });
    expect((await kvdoctor(`scan ${damaged} --config ${file}`)).status).toBe(1);
    const other = config({ failOn: 'never' });
    expect((await kvdoctor(`scan ${damaged} --config ${other}`)).status).toBe(0);
    expect((await kvdoctor(`scan ${damaged} --config ${other} --fail-on error`)).status).toBe(1);
  });

  it('chooses outputs, unless the command line does', async () => {
    const file = config({ format: ['gitlab'] });
    expect((await kvdoctor(`scan ${damaged} --config ${file}`)).out).toMatch(/^\[\n {2}\{"description"/);
    expect((await kvdoctor(`scan ${damaged} --config ${file} --format junit`)).out).toMatch(/^<\?xml/);
  });
});

describe('the environment', () => {
  it('sets options that the command line leaves open', async () => {
    expect((await withEnv(`scan ${damaged}`, { KVDOCTOR_FAIL_ON: 'never' })).status).toBe(0);
    expect((await withEnv(`scan ${damaged} --fail-on error`, { KVDOCTOR_FAIL_ON: 'never' })).status).toBe(1);
    expect((await withEnv(`scan ${damaged}`, { KVDOCTOR_FORMAT: 'gitlab' })).out).toMatch(/^\[/);
  });

  it('stands over the configuration', async () => {
    const file = config({ failOn: 'never' });
    const env = { KVDOCTOR_CONFIG: file, KVDOCTOR_FAIL_ON: 'error' };
    expect((await withEnv(`scan ${damaged}`, env)).status).toBe(1);
    expect((await withEnv(`scan ${damaged}`, { KVDOCTOR_CONFIG: file })).status).toBe(0);
  });

  it('a wrong value is refused like a wrong option', async () => {
    const { status, err } = await withEnv(`scan ${damaged}`, { KVDOCTOR_DEPTH: 'deep' });
    expect([status, err.split('\n')[0]]).toEqual([
      2,
      expect.stringContaining('Choose one of structure, checksums, full'),
    ]);
  });
});

describe('--baseline', () => {
  it('fails only on what is new', async () => {
    await withDatabase('basic-7.8', ['flip 000014.sst 100.2'], async (dir) => {
      const before = join(folder, 'before.json');
      expect((await kvdoctor(`scan ${dir} --format json=${before} -q`)).status).toBe(1);
      const same = await kvdoctor(`scan ${dir} --baseline ${before}`);
      expect(same.status).toBe(0);
      expect(same.out).toContain('Known from the baseline: 1 finding.');
      await withDatabase('basic-7.8', ['flip 000014.sst 100.2', 'flip 000014.sst 600.2'], async (worse) => {
        const { status, out } = await kvdoctor(`scan ${worse} --baseline ${before} --format json`);
        const { findings } = JSON.parse(out).targets[0];
        expect(status).toBe(1);
        expect(findings.map(({ known }: { known?: true }) => known === true)).toEqual([true, false]);
      });
    });
  });
});

describe('targets', () => {
  it('may be patterns', async () => {
    const { out } = await kvdoctor('scan fixtures/kvrocks-race-*/db --format json');
    expect(JSON.parse(out).targets.map(({ path }: { path: string }) => path)).toEqual(
      ['10', '12', '8', '9'].map((n) => `fixtures/kvrocks-race-${n}/db`),
    );
  });

  it('a pattern that matches nothing is a mistake', async () => {
    const { status, err } = await kvdoctor('scan nothing/*');
    expect([status, err]).toEqual([2, 'kvdoctor: nothing matches nothing/*\n']);
  });
});
