import { stat } from 'node:fs/promises';

/** What a path leads to. Rejects with the system's error when it cannot be looked at. */
export async function pathKind(path: string | Buffer): Promise<'file' | 'directory' | 'special'> {
  const found = await stat(path);
  return found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'special';
}
