import { hostname } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { shellWord } from '../finding/shell-word.js';
import type { RunReport } from '../report/report.js';

/** A stream that may be a terminal. */
export interface Output extends Writable {
  isTTY?: boolean;
  columns?: number;
}

/** Where answers to questions come from. */
interface Input extends Readable {
  isTTY?: boolean;
}

/** What a run touches of the process it runs in. Tests pass their own. */
export interface Host {
  stdout: Output;
  stderr: Output;
  stdin: Input;
  env: Readonly<Record<string, string | undefined>>;
  /** Which machine this is, and what was typed; absent where no report is to say so. */
  run?: RunReport;
  /** Runs a handler on each SIGINT and SIGTERM instead of ending the process; returns how to stop that. */
  onInterrupt(handler: () => void): () => void;
  /** Ends the process at once, with nothing flushed. */
  kill(status: number): void;
}

/** The process itself. */
export const processHost: Host = {
  stdout: process.stdout,
  stderr: process.stderr,
  // opened when it is asked for: touching it would keep a command alive that asks nothing
  get stdin() {
    return process.stdin;
  },
  env: process.env,
  get run() {
    const words = process.argv.slice(2).map(shellWord);
    return { host: hostname(), directory: process.cwd(), command: ['kvdoctor', ...words].join(' ') };
  },
  onInterrupt(handler) {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    for (const signal of signals) process.on(signal, handler);
    return () => {
      for (const signal of signals) process.off(signal, handler);
    };
  },
  kill: (status) => process.exit(status),
};
