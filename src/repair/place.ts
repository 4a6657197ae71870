import { lstat, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Database } from '../engine/database.js';
import { fileName } from '../format/filename.js';
import type { Inventory } from '../io/inventory.js';
import { isWithin, realPlace } from '../io/real-place.js';
import { Refusal } from './refusal.js';

/** A file of a target by its relative path, and by its root where it is outside (wal_dir, another db_path). */
export interface FilePlace {
  path: string;
  root?: string;
}

/** The absolute path of a place. */
export function absolute(target: string, place: FilePlace): string {
  return path.resolve(place.root ?? target, place.path);
}

/** One string per place, to compare and to index by. */
export function placeKey(place: FilePlace): string {
  return place.root === undefined ? place.path : path.join(place.root, place.path);
}

/**
 * The directory outside the target in which the engine begins its WALs; `undefined`: in the target, as Pebble does where it has a second
 * directory to go on in.
 */
export function walRoot({ inventory, options }: Pick<Database, 'inventory' | 'options'>): string | undefined {
  if (options.pebble?.secondaryDir !== undefined && options.walDir === undefined) return undefined;
  return inventory.roots.find(({ place }) => place === 'wal-dir')?.directory;
}

/** The same for tables of a path id. */
export function tableRoot({ roots }: Inventory, pathId: number): string | undefined {
  return roots.find((root) => root.place === 'db-path' && root.pathId === pathId)?.directory;
}

/** The name of a table: LevelDB's tables end as those do that are there. */
export function tableName({ entries }: Inventory, number: bigint): string {
  const tables = entries.filter(({ kind }) => kind === 'table');
  const isLdb = tables.some(({ name }) => name.endsWith('.ldb'));
  return fileName('table', number, isLdb ? '.ldb' : '.sst');
}

/** A place by its name in the target, or in a root where there is one. */
export function placeIn(root: string | undefined, name: string): FilePlace {
  return root === undefined ? { path: name } : { path: name, root };
}

/**
 * The file that a change of a place writes to: a symbolic link stays, and the file that it leads to changes. Refuses where that
 * is not plainly the same file of the database: below a directory that is a link out of the root, a link to another name, to
 * something that is no regular file, or into another database.
 */
export async function locate(target: string, place: FilePlace): Promise<string> {
  const file = absolute(target, place);
  const root = await realPlace(place.root ?? target);
  const parent = await realPlace(path.dirname(file));
  if (!isWithin(root, parent)) throw leadsOut(place, parent);
  const inRoot = path.join(parent, path.basename(file));
  const itself = await lstat(inRoot).catch(() => undefined);
  if (!itself?.isSymbolicLink()) return inRoot;
  const real = await realpath(inRoot).catch(() => undefined);
  if (real === undefined) throw leadsOut(place, 'nothing');
  const sameFile = path.basename(real) === path.basename(file) && (await stat(real)).isFile();
  const elsewhere = !isWithin(root, real);
  if (!sameFile || (elsewhere && (await isDatabase(path.dirname(real))))) throw leadsOut(place, real);
  return real;
}

async function isDatabase(directory: string): Promise<boolean> {
  return lstat(path.join(directory, 'CURRENT')).then(
    () => true,
    () => false,
  );
}

function leadsOut(place: FilePlace, to: string): Refusal {
  return new Refusal(
    'refused',
    `${placeKey(place)} leads out of the directory, to ${to}, which is not changed`,
    'put the file itself where the link is, or repair a copy: --output DIR',
  );
}
