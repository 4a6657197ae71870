import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inRepository } from '../support/repository.js';
import { kvdoctor } from './host.js';

const log = 'fixtures/kvrocks-race-10/kvrocks.INFO';

describe('kvdoctor triage', () => {
  it('names the incident and what to do', async () => {
    const { status, out } = await kvdoctor(`triage ${log}`);
    expect(status).toBe(1);
    expect(out).toContain('Kvrocks 2.10.0');
    expect(out).toMatch(/incident Kvrocks: two threads wrote into one batch .*\(likely\)/);
    expect(out).toContain('error batch-incoherent   line 24');
    expect(out).toContain('kvdoctor scan DIR');
    expect(out).toContain('https://github.com/apache/kvrocks/issues/2766');
  });

  it('holds the log against the files', async () => {
    const { status, out } = await kvdoctor(`triage --dir fixtures/kvrocks-race-10/db ${log}`);
    expect(status).toBe(1);
    expect(out).toContain('files   batch/unknown-tag  000010.log at 0x1a9a (6810)');
    expect(out).toContain('kvdoctor scan fixtures/kvrocks-race-10/db');
  });

  it('says when the files do not bear it out', async () => {
    const { out } = await kvdoctor(`triage --dir fixtures/basic-9.7 ${log}`);
    expect(out).toContain('finds nothing of the kind now');
  });

  it('writes JSON', async () => {
    const { out } = await kvdoctor(`triage --dir fixtures/kvrocks-race-10/db --format json ${log}`);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ schemaVersion: 1, log, incidents: [{ id: 'kvrocks-shared-batch' }] });
    expect(report.symptoms[0].confirmedBy[0].rule).toBe('batch/unknown-tag');
    expect(report.symptoms[0].causes[0]).toEqual({ code: 'software', detail: 'a fault of the program' });
  });

  it('ends with 0 on a log that says nothing', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'triage-'));
    const quiet = join(dir, 'LOG');
    try {
      writeFileSync(quiet, 'all is well\n');
      expect(await kvdoctor(`triage ${quiet}`)).toMatchObject({ status: 0 });
      expect(await kvdoctor('triage no/such/log')).toMatchObject({ status: 2 });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('reads standard input', () => {
    const input = readFileSync(inRepository(log));
    const bin = inRepository('bin/kvdoctor.js');
    const run = () => execFileSync(process.execPath, [bin, 'triage', '-'], { input, encoding: 'utf8' });
    expect(run).toThrow(
      expect.objectContaining({ status: 1, stdout: expect.stringContaining('two threads') }),
    );
  });
});
