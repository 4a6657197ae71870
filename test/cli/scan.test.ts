import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TargetReport } from '../../src/report/report.js';
import { missingTable, target } from '../report/sample.js';
import { fakeHost, kvdoctor } from './host.js';

// the command line alone is tested here: what a scan finds, the tests of scan/ tell
const scanTarget = vi.hoisted(() => vi.fn());
vi.mock('../../src/scan/scan.js', () => ({ scanTarget }));

const clean = target({ findings: [], files: target().files.filter(({ status }) => status === 'clean') });
const answers = (answer: TargetReport) =>
  scanTarget.mockImplementation(async (path) => ({ ...answer, path }));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kvdoctor-cli-'));
  scanTarget.mockReset();
  answers(clean);
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('what is scanned', () => {
  it('the current directory when none is named, at full depth', async () => {
    await kvdoctor('scan');
    expect(scanTarget).toHaveBeenCalledTimes(1);
    expect(scanTarget.mock.calls[0][0]).toBe('.');
    expect(scanTarget.mock.calls[0][1]).toMatchObject({ depth: 'full' });
    expect(scanTarget.mock.calls[0][1].jobs).toBeGreaterThan(0);
  });

  it('everything as the options say', async () => {
    await kvdoctor(
      'scan a b --depth checksums --jobs 3 --kind backup --db-path x --db-path y --wal-dir w --engine-version 9.3',
    );
    expect(scanTarget.mock.calls.map(([path]) => path)).toEqual(['a', 'b']);
    expect(scanTarget.mock.calls[0][1]).toEqual({
      depth: 'checksums',
      jobs: 3,
      opening: true,
      kind: 'backup',
      dbPaths: ['x', 'y'],
      walDir: 'w',
      engineVersion: '9.3',
    });
  });
});

describe('exit status and streams', () => {
  it('clean: 0, the report on standard output, nothing else', async () => {
    const { status, out, err } = await kvdoctor('scan db');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('\nClean: no damage in ');
  });

  it('damaged: 1', async () => {
    answers(target());
    expect((await kvdoctor('scan db')).status).toBe(1);
    expect((await kvdoctor('scan db --fail-on never')).status).toBe(0);
  });

  it('a warning counts when it is asked to', async () => {
    answers({ ...clean, findings: [{ ...missingTable, severity: 'warning' }] });
    expect((await kvdoctor('scan db')).status).toBe(0);
    expect((await kvdoctor('scan db --fail-on warning')).status).toBe(1);
  });

  it('not everything checked: 3', async () => {
    answers({ ...clean, unchecked: [{ file: '000018.sst', reason: 'permission denied' }] });
    expect((await kvdoctor('scan db')).status).toBe(3);
  });

  it('--quiet says nothing about what is clean', async () => {
    expect(await kvdoctor('scan db --quiet')).toEqual({ status: 0, out: '', err: '' });
  });
});

describe('outputs', () => {
  it('JSON to standard output', async () => {
    const { out } = await kvdoctor('scan db --format json');
    expect(JSON.parse(out)).toMatchObject({ schemaVersion: 1, verdict: 'clean', targets: [{ path: 'db' }] });
  });

  it('JSON to a file, and the verdict still where a person sees it', async () => {
    const { out, err } = await kvdoctor(`scan db --format json=${dir}/report.json`);
    expect(out).toBe('');
    expect(err).toMatch(/^Clean: /);
    expect(JSON.parse(readFileSync(join(dir, 'report.json'), 'utf8')).verdict).toBe('clean');
    expect(readdirSync(dir)).toEqual(['report.json']);
  });

  it('several at once', async () => {
    const { out } = await kvdoctor(`scan db --format text --format json=${dir}/report.json`);
    expect(out).toContain('Clean: ');
    expect(readdirSync(dir)).toEqual(['report.json']);
  });

  it('redacts when told to', async () => {
    answers(target());
    expect((await kvdoctor('scan db --format json')).out).toContain('"utf8":"user:1"');
    const { out } = await kvdoctor('scan db --format json --redact keys');
    expect(out).not.toContain('user:1');
    expect(JSON.parse(out).targets[0].findings[0].evidence.record.hex).toMatchObject({ redacted: 16 });
  });

  it('no colour for a file, whatever the terminal', async () => {
    await kvdoctor(`scan db --format text=${dir}/report.txt`, fakeHost({ terminal: true }));
    expect(readFileSync(join(dir, 'report.txt'), 'utf8')).not.toContain('\u001b');
  });

  it('colour and width of the terminal', async () => {
    answers(target());
    const { out } = await kvdoctor('scan db', fakeHost({ terminal: true }));
    expect(out).toContain('\u001b[31merror');
  });
});

describe('failures', () => {
  const failing = (error: Error) => scanTarget.mockRejectedValue(error);
  const system = (code: string) => Object.assign(new Error(`${code}: no luck, open 'db'`), { code });

  it('a directory that is not there: 2', async () => {
    failing(system('ENOENT'));
    expect(await kvdoctor('scan db')).toEqual({
      status: 2,
      out: '',
      err: 'kvdoctor: db: no such file or directory (ENOENT)\nName the database directory: kvdoctor scan DIR.\n',
    });
  });

  it('one of several that cannot be opened: the others are reported, and 3', async () => {
    scanTarget.mockImplementation(async (path) => {
      if (path === 'b') throw system('ENOENT');
      return { ...clean, path };
    });
    const { status, out } = await kvdoctor('scan a b c');
    expect(status).toBe(3);
    expect(out).toContain('unchecked no such file or directory (ENOENT)');
    expect(out.match(/^[abc]( {3}|$)/gm)).toHaveLength(3);
  });

  it('no permission: 3', async () => {
    failing(system('EACCES'));
    const { status, out } = await kvdoctor('scan db');
    expect(status).toBe(3);
    expect(out).toContain('unchecked permission denied (EACCES)');
  });

  it('a fault of our own: 3, without a stack trace unless it is asked for', async () => {
    failing(new TypeError('boom'));
    const { status, err } = await kvdoctor('scan db');
    expect(status).toBe(3);
    expect(err).toContain('kvdoctor: internal error: boom\n');
    expect(err).not.toContain('    at ');
    expect((await kvdoctor('scan db', fakeHost({ env: { KVDOCTOR_DEBUG: '1' } }))).err).toContain('    at ');
    expect((await kvdoctor('scan db --verbose')).err).toContain('    at ');
  });

  it('leaves no half-written file after', async () => {
    failing(new TypeError('boom'));
    await kvdoctor(`scan db --format json=${dir}/report.json`);
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('Ctrl-C', () => {
  it('reports what is known so far and ends with 130', async () => {
    const host = fakeHost();
    scanTarget.mockImplementation((path, _options, { signal }) => {
      return new Promise((done) => {
        signal.addEventListener('abort', () => done({ ...target({ bytesRead: 1 << 20 }), path }));
        host.interrupt();
      });
    });
    const { status, out } = await kvdoctor('scan db other', host);
    expect(status).toBe(130);
    expect(scanTarget).toHaveBeenCalledTimes(1);
    expect(out).toContain('error wal/checksum-mismatch');
    expect(out).toContain('interrupted before the end');
  });

  it('with nothing found says that nothing is known of the rest', async () => {
    const host = fakeHost();
    scanTarget.mockImplementation(async (path) => {
      host.interrupt();
      return { ...clean, path };
    });
    const { status, out } = await kvdoctor('scan db', host);
    expect(status).toBe(130);
    expect(out).toContain('Interrupted: no error up to here');
  });
});
