import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isDatabase } from './below.js';

/** Whether `inner` is `outer` or lies below it. Both are real paths. */
export function isWithin(outer: string, inner: string): boolean {
  const way = path.relative(outer, inner);
  return way === '' || (way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way));
}

/**
 * The real path of the nearest directory that is there, with the names below it that are not: where a path would lead
 * if it were made.
 */
export async function realPlace(file: string): Promise<string> {
  const whole = path.resolve(file);
  try {
    return await realpath(whole);
  } catch (error) {
    const parent = path.dirname(whole);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === whole) throw error;
    return path.join(await realPlace(parent), path.basename(whole));
  }
}

/**
 * The target in which a file that a command is to write would lie, by path or through a link: a directory, the archive or file
 * itself, or the database that a single file is of. Or any other database: a file of its may have the name.
 */
export async function targetAround(file: string, targets: readonly string[]): Promise<string | undefined> {
  const real = await realPlace(file);
  for (const target of targets) {
    const there = await realPlace(target);
    const isFile = await stat(there).then(
      (found) => !found.isDirectory(),
      () => false,
    );
    const inDatabase = isFile && (await hasCurrent(path.dirname(there)));
    if (isWithin(inDatabase ? path.dirname(there) : there, real)) return target;
  }
  const names = await readdir(path.dirname(real)).catch(() => []);
  return isDatabase(names) ? path.dirname(real) : undefined;
}

async function hasCurrent(directory: string): Promise<boolean> {
  return lstat(path.join(directory, 'CURRENT')).then(
    () => true,
    () => false,
  );
}
