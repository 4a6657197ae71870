import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withDatabase } from '../support/database.js';
import { withTemporaryDirectory } from '../support/files.js';
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

  it('ends with 1 on a log that speaks of corruption in words that are not known', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'triage-'));
    try {
      const log = join(dir, 'LOG');
      for (const line of ['Corruption: of a new kind', 'The file /d/MANIFEST-000005 may be corrupted.']) {
        writeFileSync(log, `${line}\n`);
        expect(await kvdoctor(`triage ${log}`)).toMatchObject({ status: 1 });
      }
      writeFileSync(log, 'rocksdb.footer.corruption.count COUNT : 0\n');
      expect(await kvdoctor(`triage ${log}`)).toMatchObject({ status: 0 });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('says what a scan finds where the log is silent, and where it speaks of something else', () =>
    withDatabase('basic-7.8', ['remove 000016.sst'], async (db) => {
      const log = join(db, '..', 'server.log');
      writeFileSync(log, 'all is well\n');
      const { status, out } = await kvdoctor(`triage --dir ${db} ${log}`);
      expect(status).toBe(1);
      expect(out).toContain(`A scan of ${db}   1 error`);
      expect(out).toContain('finds   directory/missing-table  000016.sst');
      const json = JSON.parse((await kvdoctor(`triage --dir ${db} --format json ${log}`)).out);
      expect(json.scan.findings).toMatchObject([{ rule: 'directory/missing-table' }]);
      writeFileSync(log, 'Corruption: Malformed blob file\n');
      expect((await kvdoctor(`triage --dir ${db} ${log}`)).out).toContain('finds   directory/missing-table');
    }));

  it('knows a table by its number, whatever the message calls it', () =>
    withDatabase('basic-7.8', ['remove 000016.sst'], async (db) => {
      const log = join(db, '..', 'server.log');
      const line = `While open a file for random read: ${db}/000016.ldb: No such file or directory`;
      writeFileSync(log, `IO error: ${line}\n`);
      const { out } = await kvdoctor(`triage --dir ${db} ${log}`);
      expect(out).toContain('files   directory/missing-table  000016.sst');
      expect(out).not.toContain('in other files than the log names');
      expect(out).toContain(`A scan of ${db}   1 error`);
      expect(out).not.toContain('finds   ');
    }));

  it('says of a healthy directory that it is', async () => {
    const { status, out } = await kvdoctor(`triage --dir fixtures/basic-9.7 --format text ${log}`);
    expect(status).toBe(1);
    expect(out).toContain('A scan of fixtures/basic-9.7   no errors or warnings');
  });

  it.skipIf(process.platform === 'win32')('does not wait for a writer of a named pipe', () =>
    withTemporaryDirectory(async (dir) => {
      const pipe = join(dir, 'pipe');
      execFileSync('mkfifo', [pipe]);
      const { status, err } = await kvdoctor(`triage ${pipe}`);
      expect(status).toBe(2);
      expect(err).toContain('named pipe');
      expect(await kvdoctor(`render ${pipe}`)).toMatchObject({ status: 2 });
      const input = `${process.execPath} ${inRepository('bin/kvdoctor.js')} triage <(echo all is well)`;
      expect(execFileSync('bash', ['-c', input], { encoding: 'utf8' })).toContain('Nothing in this log');
    }),
  );

  it('reads standard input', () => {
    const input = readFileSync(inRepository(log));
    const bin = inRepository('bin/kvdoctor.js');
    const run = () => execFileSync(process.execPath, [bin, 'triage', '-'], { input, encoding: 'utf8' });
    expect(run).toThrow(
      expect.objectContaining({ status: 1, stdout: expect.stringContaining('two threads') }),
    );
  });
});
