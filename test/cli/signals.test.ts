import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batch, FIRST, operation, withLog } from '../../bench/limits-inputs.js';
import { inRepository } from '../support/repository.js';

// real processes: that a signal is heeded in time depends on the turns that a command leaves to the system

const program = inRepository('bin/kvdoctor.js');
const can = existsSync(inRepository('dist/bin/kvdoctor.js')) && existsSync('/proc/self/fd');
if (!can) console.log('skipped: npm run build has not been run, or there is no /proc');

const RECORDS = 20_000;
const OPERATIONS = 200;
const PUT = 1;
/** Ticks of the times in /proc/PID/stat. */
const TICKS = 100;
/** A command may have ended before it was seen at work. */
const ATTEMPTS = 5;

let folder: string;
let target: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kvdoctor-signals-'));
  target = join(folder, 'db');
  withLog(target, function* () {
    const operations = Buffer.concat(
      Array.from({ length: OPERATIONS }, (_, i) => operation(PUT, `k${i}`, new Uint8Array(0))),
    );
    for (let i = 0; i < RECORDS; i++) yield batch(FIRST + i * OPERATIONS, OPERATIONS, operations);
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether a process has a log open: it is at work. */
function readsLog(pid: number): boolean {
  const descriptors = `/proc/${pid}/fd`;
  return readdirSync(descriptors).some((descriptor) => {
    try {
      return readlinkSync(join(descriptors, descriptor)).endsWith('.log');
    } catch {
      return false; // closed meanwhile
    }
  });
}

/** Processor time of a process, in seconds: the machine may have much else to do. */
function processor(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

interface Ending {
  /** The exit status, or the signal that ended it. */
  by: number | string;
  /** Processor time from the signal on. */
  seconds: number;
  out: string;
  err: string;
}

/** Sends SIGTERM to a command as soon as it reads a log, or tells nothing where it has ended before. */
async function terminated(args: readonly string[]): Promise<Ending | undefined> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (piece) => {
    out += piece;
  });
  child.stderr.on('data', (piece) => {
    err += piece;
  });
  let by: number | string | undefined;
  const closed = new Promise((resolve) => {
    child.on('close', (status, signal) => {
      by = status ?? String(signal);
      resolve(undefined);
    });
  });
  let asked: number | undefined;
  let last = 0;
  for (; by === undefined; await setTimeout(5)) {
    try {
      last = processor(child.pid!);
      if (asked !== undefined || !readsLog(child.pid!)) continue;
      asked = last;
      child.kill('SIGTERM');
    } catch {
      await closed; // it has just ended
    }
  }
  return asked === undefined ? undefined : { by, seconds: last - asked, out, err };
}

async function ending(line: string): Promise<Ending> {
  const args = line.split(' ').map((arg) => arg.replace('DB', target).replace('OUT', join(folder, 'out')));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const seen = await terminated(args);
    if (seen !== undefined) return seen;
  }
  throw new Error(`${line} ends too soon to be interrupted`);
}

describe.skipIf(!can)('SIGTERM ends within a second of processor time', () => {
  it.each([
    'scan --max-read 4M --jobs 1 --no-progress DB',
    'scan --recovery --no-progress DB',
    'simulate --digest --no-progress DB',
    'find --key k1 --no-progress DB',
    'export --output OUT.ndjson --no-progress DB',
    'repair --strategy auto --dry-run --no-progress DB',
  ])('%s, with status 130', { timeout: 120_000 }, async (line) => {
    const { by, seconds, err } = await ending(line);
    expect(err).not.toContain('internal error');
    expect(by).toBe(130);
    expect(seconds).toBeLessThan(1);
  });

  it.each(['inspect --records DB/000030.log', 'compare DB DB'])(
    '%s, at once',
    { timeout: 120_000 },
    async (line) => {
      const { by, seconds } = await ending(line);
      expect(by).toBe('SIGTERM');
      expect(seconds).toBeLessThan(1);
    },
  );
});
