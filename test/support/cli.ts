import { spawn } from 'node:child_process';
import { inRepository } from './repository.js';

export interface CliRun {
  /** Exit status, null when a signal ended it. */
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  cwd?: string;
  env?: Record<string, string>;
  uid?: number;
  /** Called when the process runs, to do something to its files meanwhile. */
  meanwhile?: (pid: number) => void;
}

/** Runs the built command line (`npm run build` first) without a terminal. */
export function kvdoctor(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return new Promise((done, failed) => {
    const { cwd, uid } = options;
    const child = spawn(process.execPath, [inRepository('bin/kvdoctor.js'), ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => err.push(data));
    child.on('error', failed);
    child.on('close', (status, signal) =>
      done({ status, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
    options.meanwhile?.(child.pid!);
  });
}
