import path from 'node:path';
import { fixture, withTemporaryDirectory, writeFileSet } from './files.js';
import { applyPatches } from './patch.js';

/**
 * Runs `body` with a private copy of a fixture, patched (see patch.ts). The directory is gone afterwards.
 * The copy's name is `db`, alone in its parent, so that a command may write beside it. `{dir}` in a patch is its path.
 */
export async function withDatabase<T>(
  name: string,
  patches: readonly string[],
  body: (dir: string) => Promise<T>,
): Promise<T> {
  return withTemporaryDirectory(async (parent) => {
    const dir = path.join(parent, 'db');
    const here = patches.map((patch) => patch.replaceAll('{dir}', dir));
    writeFileSet(await applyPatches(fixture(name), here), dir);
    return body(dir);
  });
}
