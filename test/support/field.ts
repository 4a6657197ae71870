import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { readFileSet, withTemporaryDirectory, writeFileSet } from './files.js';
import { applyPatches } from './patch.js';
import { inRepository } from './repository.js';

type WithCase = <T>(
  name: string,
  patches: readonly string[],
  body: (dir: string) => Promise<T>,
) => Promise<T>;

/**
 * Runs `body` with a private copy of a directory as people have it in the field (fixtures/field), patched (see patch.ts). It is
 * alone in its parent, so that a command may write beside it, and gone afterwards.
 */
export const withFieldCase: WithCase = (...of) => withArchived('field', ...of);

/** The same with a database of the engine matrix (fixtures/engines). */
export const withEngineCase: WithCase = (...of) => withArchived('engines', ...of);

async function withArchived<T>(
  folder: string,
  name: string,
  patches: readonly string[],
  body: (dir: string) => Promise<T>,
): Promise<T> {
  return withTemporaryDirectory(async (parent) => {
    execFileSync('tar', ['-xzf', inRepository('fixtures', folder, `${name}.tar.gz`), '-C', parent]);
    const dir = path.join(parent, name);
    if (patches.length > 0) {
      const patched = await applyPatches(readFileSet(dir), patches);
      rmSync(dir, { recursive: true });
      writeFileSet(patched, dir);
    }
    return body(dir);
  });
}

/** A directory of archives that stays outside the repository: real ones that are too large for it. Absent on most machines. */
export function withSharedArchive<T>(file: string, body: (dir: string) => Promise<T>): Promise<T> {
  return withTemporaryDirectory(async (parent) => {
    execFileSync('tar', ['-xzf', sharedArchive(file), '-C', parent]);
    return body(parent);
  });
}

export function hasSharedArchive(file: string): boolean {
  return existsSync(sharedArchive(file));
}

const sharedArchive = (file: string) => inRepository('..', 'shared', file);
