import path from 'node:path';
import { append } from '../bytes/append.js';
import { databaseOptions } from '../format/database-options.js';
import { parseOptions } from '../format/options.js';
import { readHead } from '../io/head.js';
import { type Inventory, takeInventory } from '../io/inventory.js';
import { directoriesNearby } from '../io/nearby.js';
import { formerName, infoLogPaths, newest, OPTIONS_LIMIT } from './named-places.js';

/**
 * Databases whose files lie in a directory besides their own, as OPTIONS and LOG of each say: the engine locks the database
 * directory only, so whoever writes to a wal_dir or db_path asks the lock there. Looked for in the directory itself, beside it
 * and beside `target`, and where `target` lay when it wrote its LOG; `target` is not among them.
 */
export async function ownersOf(root: string, target: string): Promise<string[]> {
  const former = await formerPath(target);
  const near = [root, ...(former === undefined ? [] : [former])];
  append(near, await directoriesNearby(root));
  append(near, await directoriesNearby(target));
  const owners: string[] = [];
  for (const directory of new Set(near.map((each) => path.resolve(each)))) {
    if (directory === path.resolve(target)) continue;
    const inventory = await takeInventory(directory).catch(() => undefined);
    if (inventory?.entries.some(({ kind }) => kind === 'current') !== true) continue;
    const names = directory === path.resolve(root) ? [directory] : await namesOf(inventory);
    if (names.includes(path.resolve(root))) owners.push(directory);
  }
  return owners;
}

/** Directories that a database names, as absolute paths. */
async function namesOf(inventory: Inventory): Promise<string[]> {
  const options = newest(inventory, 'options');
  const bytes = options && (await readHead(options.source, OPTIONS_LIMIT).catch(() => undefined));
  const { walDir, pebble } = databaseOptions(bytes && parseOptions(bytes));
  const info = await infoLogPaths(inventory);
  return [walDir, pebble?.secondaryDir, info?.wal, ...(info?.tables ?? [])].flatMap((name) =>
    name === undefined ? [] : [path.resolve(inventory.target, name)],
  );
}

/**
 * The database that `target` was copied from, where it uses a directory as well: the one of `owners` that stands where its LOG says
 * that it lay, while the target does not.
 */
export async function originalOf(target: string, owners: readonly string[]): Promise<string | undefined> {
  if ((await formerPath(target)) === path.resolve(target)) return undefined;
  for (const owner of owners) if ((await formerPath(owner)) === owner) return owner;
  return undefined;
}

/** Where a database lay when it wrote its LOG, absolute. */
async function formerPath(directory: string): Promise<string | undefined> {
  const inventory = await takeInventory(directory).catch(() => undefined);
  const former = inventory && formerName(await infoLogPaths(inventory));
  return former && path.resolve(directory, former);
}
