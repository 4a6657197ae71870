import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BeyondLimit } from '../bytes/beyond-limit.js';
import { refuseNamedPipe } from './named-pipe.js';
import { systemCode } from './target-error.js';

/** Most bytes of a report, configuration or log of commands that is held as text; what it decodes to takes several times that. */
export const TEXT_LIMIT = 64 << 20;

const CHUNK = 1 << 20;

/**
 * A whole file as text, for what a person names on the command line. Rejects with the system's error, and with `BeyondLimit`
 * where it has more than `limit` bytes.
 */
export async function readText(path: string, limit = TEXT_LIMIT): Promise<string> {
  await refuseNamedPipe(path);
  const file = await open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, null);
      if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
      chunks.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
      if (length > limit) throw tooLong(path);
    }
  } finally {
    await file.close();
  }
}

export function tooLong(path: string): BeyondLimit {
  return new BeyondLimit(path, `more than ${TEXT_LIMIT >> 20} MiB, which are not read`);
}

/** The same, `undefined` where there is no such file. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    return await readText(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether nothing has this name in a directory that there is. */
export async function isYetToBeWritten(path: string): Promise<boolean> {
  const found = await stat(path).catch((error) => (systemCode(error) === 'ENOENT' ? undefined : error));
  if (found !== undefined) return false;
  return stat(dirname(path)).then(
    (directory) => directory.isDirectory(),
    () => false,
  );
}
