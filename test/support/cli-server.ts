import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { CliRun } from './cli.js';
import { shim } from './faults.js';
import { inRepository } from './repository.js';

/** The built kvdoctor in a process with the shim of faults.c, for one command after the other: faults are what `env` says. */
export class CliServer {
  private readonly ended: Promise<never>;

  private constructor(private readonly child: ChildProcess) {
    this.ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the process ended: ${code ?? signal}`);
    });
    this.ended.catch(() => {});
  }

  static async start(): Promise<CliServer> {
    const child = fork(inRepository('test/support/cli-server.mjs'), {
      execArgv: ['--expose-gc', '--trace-warnings'],
      env: { ...process.env, NO_COLOR: '1', LD_PRELOAD: shim() },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    await once(child, 'message');
    return new CliServer(child);
  }

  async run(args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> {
    this.child.send({ args, env });
    const [answer] = await Promise.race([once(this.child, 'message'), this.ended]);
    return { ...answer, signal: null };
  }

  async close(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended.catch(() => {});
  }
}
