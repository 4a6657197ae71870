import type { Writable } from 'node:stream';

/** A stream that may be a terminal. */
export interface Output extends Writable {
  isTTY?: boolean;
  columns?: number;
}

/** What a run touches of the process it runs in. Tests pass their own. */
export interface Host {
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  /** Runs a handler on each SIGINT and SIGTERM instead of ending the process; returns how to stop that. */
  onInterrupt(handler: () => void): () => void;
  /** Ends the process at once, with nothing flushed. */
  kill(status: number): void;
}

/** The process itself. */
export const processHost: Host = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  onInterrupt(handler) {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    for (const signal of signals) process.on(signal, handler);
    return () => {
      for (const signal of signals) process.off(signal, handler);
    };
  },
  kill: (status) => process.exit(status),
};
