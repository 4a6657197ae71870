import { lstat, stat } from 'node:fs/promises';

/** What a path leads to. Rejects with the system's error when it cannot be looked at. */
export async function pathKind(path: string | Buffer): Promise<'file' | 'directory' | 'special'> {
  const found = await stat(path);
  return found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'special';
}

/** Whether something has this name, a link to nowhere too. What may not be looked at counts as there. */
export function isTaken(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}
