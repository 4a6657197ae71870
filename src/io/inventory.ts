import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SourceDescriptor } from '../bytes/source.js';
import { type FileKind, type FileName, parseFileName } from '../format/filename.js';
import { TargetError } from './target-error.js';

/** One file that belongs, or might belong, to a database. */
export interface InventoryEntry extends FileName {
  /** Without a directory. Where the raw name is not UTF-8, wrong bytes are replaced: see `nameBytes`. */
  name: string;
  /** The raw name, where it is not valid UTF-8. */
  nameBytes?: Uint8Array;
  /** For findings: relative to the target (`archive/000004.log`), or to `root` when that is set. */
  file: string;
  /** The directory outside the target that the file lies in (wal_dir, another db_path). */
  root?: string;
  /** How to open it. */
  source: SourceDescriptor;
  /** What the directory that it lies in is for. */
  place: 'database' | 'wal-dir' | 'db-path' | 'archive' | 'lost';
  /** Index of the db_path, for tables. */
  pathId?: number;
  /** Bytes. */
  size: number;
  mtimeMs: number;
  /** Bytes of storage that the file takes; fewer than `size` in a sparse file. */
  allocated: number;
}

/** A name in the directory that cannot be read as a file. */
export interface Unlistable {
  file: string;
  root?: string;
  nameBytes?: Uint8Array;
  kind: FileKind;
  number?: bigint;
  reason: string;
}

/** What lies in a database's directories. */
export interface Inventory {
  /** As given. */
  target: string;
  /** Files, by directory and name. */
  entries: InventoryEntry[];
  /** Names of the target's own subdirectories. */
  directories: string[];
  unlistable: Unlistable[];
  /** Further directories that were listed. */
  roots: { directory: string; place: 'wal-dir' | 'db-path' }[];
}

export interface InventoryOptions {
  /** Another directory for WALs. One that is the target itself counts as none. */
  walDir?: string;
  /** db_paths in their order; the first is where path id 0 lies. */
  dbPaths?: readonly string[];
}

/** Subdirectories that belong to the database; nothing below them does. */
const ownDirectories: Record<string, 'archive' | 'lost'> = { archive: 'archive', lost: 'lost' };

/** Calls to stat under way at once. */
const STATS_AT_ONCE = 64;

interface Place {
  directory: string;
  place: InventoryEntry['place'];
  /** Before the name in `file`. */
  prefix: string;
  root?: string;
  pathId?: number;
}

/**
 * Lists a directory and those that belong to it. Links to files are followed, links to directories are not, except for
 * `archive` and `lost`. Rejects with a `TargetError` when the target itself cannot be listed.
 */
export async function takeInventory(target: string, options: InventoryOptions = {}): Promise<Inventory> {
  const inventory: Inventory = { target, entries: [], directories: [], unlistable: [], roots: [] };
  const own: Place = { directory: target, place: 'database', prefix: '', pathId: 0 };
  const names = await listNames(target).catch((error) => {
    throw TargetError.from(error, target);
  });
  await takePlace(inventory, own, names);
  for (const name of inventory.directories) {
    const place = Object.hasOwn(ownDirectories, name) ? ownDirectories[name] : undefined;
    if (place) await addPlace(inventory, { directory: path.join(target, name), place, prefix: `${name}/` });
  }
  await addRoots(inventory, target, options);
  return inventory;
}

async function addRoots(inventory: Inventory, target: string, options: InventoryOptions): Promise<void> {
  const seen = new Set([await canonical(target)]);
  const wanted = [
    ...(options.walDir === undefined ? [] : [{ directory: options.walDir, place: 'wal-dir' as const }]),
    ...(options.dbPaths ?? []).map((directory, pathId) => ({
      directory,
      pathId,
      place: 'db-path' as const,
    })),
  ];
  for (const { directory, place, ...rest } of wanted) {
    const real = await canonical(directory);
    if (seen.has(real)) continue;
    seen.add(real);
    inventory.roots.push({ directory, place });
    const names = await listNames(directory).catch((error) => {
      throw TargetError.from(error, directory);
    });
    await takePlace(inventory, { directory, place, prefix: '', root: directory, ...rest }, names);
  }
}

/** Two names of one directory give the same text. */
async function canonical(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch {
    return path.resolve(directory);
  }
}

type RawName = Dirent<Buffer>;

async function listNames(directory: string): Promise<RawName[]> {
  // Node's types for this version know Dirent with string names only
  const names = (await readdir(directory, {
    encoding: 'buffer',
    withFileTypes: true,
  })) as unknown as RawName[];
  return names.sort((a, b) => Buffer.compare(a.name, b.name));
}

async function addPlace(inventory: Inventory, place: Place): Promise<void> {
  try {
    await takePlace(inventory, place, await listNames(place.directory));
  } catch (error) {
    inventory.unlistable.push({
      file: place.prefix.slice(0, -1),
      kind: 'other',
      reason: TargetError.from(error, place.directory).message,
    });
  }
}

async function takePlace(inventory: Inventory, place: Place, names: RawName[]): Promise<void> {
  for (let start = 0; start < names.length; start += STATS_AT_ONCE) {
    const batch = names.slice(start, start + STATS_AT_ONCE);
    const taken = await Promise.all(batch.map((name) => takeName(place, name)));
    for (const item of taken) {
      if (item === undefined) continue;
      if ('reason' in item) inventory.unlistable.push(item);
      else if ('directory' in item) {
        if (place.place === 'database') inventory.directories.push(item.directory);
      } else inventory.entries.push(item);
    }
  }
}

type Taken = InventoryEntry | Unlistable | { directory: string } | undefined;

async function takeName(place: Place, { name: raw }: RawName): Promise<Taken> {
  const name = raw.toString('utf8');
  const valid = Buffer.from(name, 'utf8').equals(raw);
  const identity = {
    file: place.prefix + name,
    ...(place.root === undefined ? {} : { root: place.root }),
    ...(valid ? {} : { nameBytes: new Uint8Array(raw) }),
  };
  const full = valid
    ? path.join(place.directory, name)
    : Buffer.concat([Buffer.from(place.directory + path.sep), raw]);
  const { kind, number, suffix, marker } = valid ? parseFileName(name) : { kind: 'other' as const };
  const unlistable = (reason: string): Unlistable => ({ ...identity, kind, number, reason });

  let found: Stats;
  try {
    found = await stat(full);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') return unlistable(TargetError.from(error, name).message);
    // gone since the directory was read: nothing to list; or a link to nowhere
    return (await exists(full)) ? unlistable('a symbolic link to a file that does not exist') : undefined;
  }
  if (found.isDirectory()) return { directory: name };
  if (!found.isFile()) return unlistable('not a regular file');
  return {
    ...identity,
    name,
    kind,
    ...(number === undefined ? {} : { number }),
    ...(suffix === undefined ? {} : { suffix }),
    ...(marker === undefined ? {} : { marker }),
    source: { kind: 'file', path: typeof full === 'string' ? full : new Uint8Array(full) },
    place: place.place,
    ...(place.pathId === undefined ? {} : { pathId: place.pathId }),
    size: found.size,
    mtimeMs: found.mtimeMs,
    allocated: (found.blocks ?? 0) * 512,
  };
}

async function exists(full: string | Buffer): Promise<boolean> {
  return lstat(full).then(
    () => true,
    () => false,
  );
}
