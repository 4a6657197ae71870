import { execFile, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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
      // the directory itself is listed before a scan begins
      return readlinkSync(join(descriptors, descriptor)).startsWith(`${folder}/`);
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

describe.skipIf(!built || process.platform !== 'linux')('a directory whose name is not UTF-8', () => {
  const odd = (suffix = '') =>
    Buffer.concat([Buffer.from(join(dir, 'caf')), Buffer.from([0xe9]), Buffer.from(suffix)]);
  const bash = async (command: string) => {
    const done = await shell(`cd ${dir}; ${command}`).catch((error) => error);
    return { ...done, json: done.stdout.startsWith('{') ? JSON.parse(done.stdout) : undefined };
  };

  beforeEach(() => {
    const plain = join(dir, 'plain');
    cpSync(inRepository('fixtures/basic-9.7'), plain, { recursive: true });
    renameSync(plain, odd());
  });

  it('is scanned, and its findings name it', async () => {
    const { json } = await bash("rm caf$'\\xe9'/CURRENT; $KV scan caf$'\\xe9' --format json");
    const [target] = json.targets;
    expect(Buffer.from(target.pathBase64, 'base64')).toEqual(odd().subarray(dir.length + 1));
    expect(target.findings.map(({ rule }: { rule: string }) => rule)).toEqual(['directory/current-missing']);
    expect(JSON.stringify(json)).not.toContain('/proc/');
  });

  it('is simulated', async () => {
    const { json } = await bash("$KV simulate caf$'\\xe9' --format json");
    expect(json.targets[0].recovery[0]).toMatchObject({ opens: true });
    expect(JSON.stringify(json)).not.toContain('/proc/');
  });

  it('is repaired into a copy beside it, and not in place', async () => {
    await bash("rm caf$'\\xe9'/CURRENT");
    const refused = await bash("$KV repair --strategy auto --in-place --yes caf$'\\xe9'");
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('Rename the directory first'),
    ]);
    const { json } = await bash("$KV repair --strategy auto --yes caf$'\\xe9' --format json");
    expect(json.targets[0].repair.state).toBe('repaired');
    expect(readdirSync(join(dir, 'caf\ufffd.repaired'))).toContain('CURRENT');
    expect(readdirSync(odd())).not.toContain('CURRENT');
  });
});
