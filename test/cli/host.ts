import { PassThrough } from 'node:stream';
import type { Host, Output } from '../../src/cli/host.js';
import { run } from '../../src/cli/run.js';

export interface FakeHost extends Host {
  out(): string;
  err(): string;
  /** What Ctrl-C does. */
  interrupt(): void;
  killed: number[];
}

function recorded(isTTY: boolean, columns: number): [Output, () => string] {
  const pieces: Buffer[] = [];
  const stream: Output = new PassThrough();
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  Object.assign(stream, isTTY ? { isTTY, columns } : {});
  return [stream, () => Buffer.concat(pieces).toString()];
}

/**
 * A process that records what is written; `terminal` gives it one of 80 columns or `columns`, where `answer` is typed. `input`: what
 * comes through a pipe.
 */
export function fakeHost(
  options: {
    terminal?: boolean;
    columns?: number;
    env?: Record<string, string>;
    answer?: string;
    input?: Uint8Array;
  } = {},
): FakeHost {
  const { terminal = false, columns = 80, env = {}, answer, input } = options;
  const [stdout, out] = recorded(terminal, columns);
  const [stderr, err] = recorded(terminal, columns);
  const stdin: PassThrough & { isTTY?: boolean } = new PassThrough();
  if (terminal) stdin.isTTY = true;
  if (input !== undefined) stdin.end(input);
  else stdin.push(answer === undefined ? null : `${answer}\n`);
  const handlers = new Set<() => void>();
  const killed: number[] = [];
  return {
    stdout,
    stderr,
    stdin,
    env,
    out,
    err,
    killed,
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    interrupt() {
      for (const handler of handlers) handler();
    },
    kill: (status) => killed.push(status),
  };
}

/** Runs a command line as typed, words parted by spaces. */
export async function kvdoctor(line: string, host = fakeHost()) {
  const status = await run(line.split(' ').filter(Boolean), host);
  return { status, out: host.out(), err: host.err() };
}
