import { stat } from 'node:fs/promises';

/** Names of what the process has open already: a pipe of a shell's `<(…)` among them has its writer. */
const OPEN_ALREADY = /^\/(?:dev\/(?:stdin$|fd\/)|proc\/(?:self|\d+)\/fd\/)/;

/**
 * Rejects where a path names a pipe in the file system: opening it waits until somebody writes, which may be never. The same of
 * devices without an end. In the way of a system's error, so that it is told like one.
 */
export async function refuseNamedPipe(path: string): Promise<void> {
  if (OPEN_ALREADY.test(path)) return;
  const there = await stat(path);
  const isDevice = there.isCharacterDevice() && path !== '/dev/null';
  if (!there.isFIFO() && !isDevice) return;
  const what = isDevice ? 'a device' : 'a named pipe';
  const message = `it is ${what}, and reading it could wait for ever; give it as standard input: - < ${isDevice ? 'DEVICE' : 'PIPE'}`;
  throw Object.assign(new Error(message), { code: 'ENOTSUP', path });
}
