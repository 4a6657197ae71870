import { stat } from 'node:fs/promises';

/** Names of what the process has open already: a pipe of a shell's `<(…)` among them has its writer. */
const OPEN_ALREADY = /^\/(?:dev\/(?:stdin$|fd\/)|proc\/(?:self|\d+)\/fd\/)/;

/**
 * Rejects where a path names a pipe in the file system: opening it waits until somebody writes, which may be never. In the way of a
 * system's error, so that it is told like one.
 */
export async function refuseNamedPipe(path: string): Promise<void> {
  if (OPEN_ALREADY.test(path) || !(await stat(path)).isFIFO()) return;
  const message =
    'it is a named pipe, and reading it could wait for ever; give it as standard input: - < PIPE';
  throw Object.assign(new Error(message), { code: 'ENOTSUP', path });
}
