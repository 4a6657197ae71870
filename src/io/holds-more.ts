import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** Whether the files that lie right in a directory are larger than so many bytes together. False where that cannot be told. */
export async function holdsMoreThan(dir: string, bytes: number): Promise<boolean> {
  let sum = 0;
  for (const name of await readdir(dir).catch(() => [])) {
    sum += await stat(path.join(dir, name)).then(
      ({ size }) => size,
      () => 0,
    );
    if (sum > bytes) return true;
  }
  return false;
}
