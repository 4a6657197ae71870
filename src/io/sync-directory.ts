import { open } from 'node:fs/promises';
import { platform } from 'node:os';

/**
 * Makes names that were created, renamed or removed in a directory durable. Windows opens no directory as a file, and its file systems
 * journal names themselves: there is nothing to be done there.
 */
export async function syncDirectory(directory: string | Buffer, system: string = platform()): Promise<void> {
  if (system === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
