import { stat } from 'node:fs/promises';
import type { StoreSettings } from '../bytes/source.js';
import { isObjectAddress } from './objects/address.js';
import { expandObjects } from './objects/globs.js';

/** One of these is in every pattern. */
const PATTERN = /[*?[\]{}()!+@\\]/;

/**
 * What a path or pattern names, in the order of the names. A path that is there is itself, whatever characters are in it; a
 * pattern that matches nothing gives nothing.
 */
export async function expandPath(path: string, store?: StoreSettings): Promise<string[]> {
  if (!PATTERN.test(path)) return [path];
  if (isObjectAddress(path)) return expandObjects(path, store);
  // loaded here, for hardly any command line has a pattern in it
  const { glob, isDynamicPattern } = await import('tinyglobby');
  if (!isDynamicPattern(path)) return [path];
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  if (there) return [path];
  const found = await glob(path, {
    onlyFiles: false,
    expandDirectories: false,
    dot: true,
    absolute: path.startsWith('/'),
  });
  return found.map((match) => match.replace(/(?<=.)\/$/, '')).sort();
}
