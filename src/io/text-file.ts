import { readFile } from 'node:fs/promises';
import { refuseNamedPipe } from './named-pipe.js';

/** A whole file as text, for what a person names on the command line. Rejects with the system's error. */
export async function readText(path: string): Promise<string> {
  await refuseNamedPipe(path);
  return readFile(path, 'utf8');
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
