import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** Directories that are listed; a parent like /tmp must not become a search of the disk. */
const DIRECTORIES = 300;

/**
 * Directories in which files of a target may lie that it lacks: those beside it and those in it, in order of name. Links are not
 * followed. What cannot be listed is left out.
 */
export async function directoriesNearby(target: string): Promise<string[]> {
  const own = path.resolve(target);
  const beside = await directoriesIn(path.join(target, '..'), path.dirname(own));
  const within = await directoriesIn(target, own);
  return [...within, ...beside].filter((directory) => path.resolve(directory) !== own).slice(0, DIRECTORIES);
}

/** Subdirectories, named as the directory is: relative where it is. */
async function directoriesIn(named: string, listed: string): Promise<string[]> {
  const names = await readdir(listed, { withFileTypes: true }).catch(() => []);
  return names
    .filter((name) => name.isDirectory() && !name.name.startsWith('.'))
    .map((name) => path.join(named, name.name))
    .sort();
}
