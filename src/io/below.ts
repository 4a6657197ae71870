import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { parseFileName } from '../format/filename.js';

/** Servers keep their databases at most this deep in a data directory. */
const DEPTH = 3;
/** Directories looked into; a target by mistake (`/`) must not become a search of the disk. */
const DIRECTORIES = 500;

/**
 * Subdirectories of a directory that hold a database or a backup, by their names alone, relative to it, in order. Links are
 * not followed, and nothing below a database is looked at.
 */
export async function databasesBelow(target: string): Promise<string[]> {
  const found: string[] = [];
  let queue = [''];
  let left = DIRECTORIES;
  for (let depth = 0; depth <= DEPTH && queue.length > 0; depth++) {
    const next: string[] = [];
    for (const relative of queue) {
      if (left-- <= 0) return found.sort();
      const names = await readdir(path.join(target, relative), { withFileTypes: true }).catch(() => []);
      if (depth > 0 && isDatabase(names.map((name) => name.name))) {
        found.push(relative);
        continue;
      }
      for (const name of names) {
        if (name.isDirectory() && !name.name.startsWith('.')) next.push(path.join(relative, name.name));
      }
    }
    queue = next;
  }
  return found.sort();
}

/** Whether a directory with these names holds a database or backups. */
export function isDatabase(names: readonly string[]): boolean {
  if (names.includes('meta') && names.some((name) => name === 'private' || name.startsWith('shared'))) {
    return true;
  }
  const kinds = new Set(names.map((name) => parseFileName(name).kind));
  return (
    kinds.has('manifest') || kinds.has('pebble-marker') || (kinds.has('options') && kinds.has('current'))
  );
}
