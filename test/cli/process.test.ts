import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inRepository } from '../support/repository.js';

// the built program in a real process: what only the system can show

const program = inRepository('bin/kvdoctor.js');
const built = existsSync(inRepository('dist/bin/kvdoctor.js'));
if (!built) console.log('skipped: npm run build has not been run');

const shell = async (command: string) => {
  const env = { ...process.env, KV: `${process.execPath} ${program}` };
  return promisify(execFile)('bash', ['-c', command], { env, cwd: dir });
};

/** Whether a process has a file below `folder` open. */
function reads(pid: number, folder: string): boolean {
  const descriptors = `/proc/${pid}/fd`;
  return readdirSync(descriptors).some((descriptor) => {
    try {
      return readlinkSync(join(descriptors, descriptor)).startsWith(folder);
    } catch {
      return false; // closed meanwhile
    }
  });
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kvdoctor-process-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe.skipIf(!built)('the program', () => {
  it('ends quietly when its reader goes away', async () => {
    const { stdout, stderr } = await shell(
      '$KV explain --format markdown | head -n 1; echo "status $PIPESTATUS"',
    );
    expect(stdout).toBe('# Rules\nstatus 0\n');
    expect(stderr).toBe('');
  });

  it('says so when the disk under its output is full', async () => {
    const { stdout, stderr } = await shell('$KV explain > /dev/full; echo "status $?"');
    expect(stdout).toBe('status 3\n');
    expect(stderr).toContain('no space left on the device (ENOSPC)');
  });

  it('is not run by a wrong command', async () => {
    await expect(shell('$KV scna')).rejects.toMatchObject({ code: 2, stdout: '' });
  });

  it.skipIf(process.platform !== 'linux')('Ctrl-C ends a scan with what is known, and 130', async () => {
    const db = join(dir, 'db');
    cpSync(inRepository('fixtures/basic-7.8'), db, { recursive: true });
    // many targets with many files: work that lasts longer than the test waits
    for (let i = 0; i < 2_000; i++) writeFileSync(join(db, `leftover-${i}.tmp`), '');
    const child = spawn(process.execPath, [program, 'scan', ...Array(1000).fill(db)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    while (!reads(child.pid!, db)) await new Promise((done) => setTimeout(done, 2));
    child.kill('SIGINT');
    const [status, signal] = await new Promise<[number | null, string | null]>((done) =>
      child.on('close', (...end) => done(end)),
    );
    expect({ status, signal }).toEqual({ status: 130, signal: null });
    expect(out).toContain('Interrupted: ');
  });
});
