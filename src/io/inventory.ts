import { isUtf8 } from 'node:buffer';
import { lstatSync, type Stats, statSync } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { SourceDescriptor } from '../bytes/source.js';
import { type FileName, type FileNameKind, parseFileName } from '../format/filename.js';
import { systemCode, TargetError } from './target-error.js';

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
interface Unlistable {
  file: string;
  root?: string;
  nameBytes?: Uint8Array;
  kind: FileNameKind;
  number?: bigint;
  /** What it is, instead: `not a regular file`. */
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
  /** Further directories that were listed. `pathId`: index among the db_paths. */
  roots: { directory: string; place: 'wal-dir' | 'db-path'; pathId?: number }[];
  /** What was asked to be seen in place of files that are there. */
  instead: readonly Replacement[];
  /** What it was taken with, to take it again. */
  asked: InventoryOptions;
}

interface InventoryOptions {
  /** Other directories for WALs. One that is the target itself counts as none. */
  walDirs?: readonly string[];
  /** db_paths in their order; the first is where path id 0 lies. */
  dbPaths?: readonly string[];
  /** Files to see in place of what lies there, so that a repair can be looked at before it is made. */
  instead?: readonly Replacement[];
}

/** A file that is seen in place of what lies there under its name. */
export interface Replacement {
  /** Relative to the target, or to `root`. */
  file: string;
  root?: string;
  /** Absent: the file is not there. */
  content?: { source: SourceDescriptor; size: number };
}

/** Subdirectories that belong to the database; nothing below them does. */
const ownDirectories: Record<string, 'archive' | 'lost'> = { archive: 'archive', lost: 'lost' };
const ARCHIVE = 'archive';

/** Names that are examined together. */
const BATCH = 64;

/**
 * After so many batches that took longer than this, in milliseconds, files are examined several at once: each answer comes
 * from far away. On a local disk one after the other is ten times faster (100,000 files: 0.3 s against 3 s), since a
 * promise costs more than the call.
 */
const SLOW_BATCH = 100;
const SLOW_BATCHES = 3;

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
  const { instead = [] } = options;
  const inventory: Inventory = {
    target,
    entries: [],
    directories: [],
    unlistable: [],
    roots: [],
    instead,
    asked: options,
  };
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
  for (const replacement of instead) replace(inventory, replacement);
  return inventory;
}

/** Sees a file in place of what lies there. */
export function replace(inventory: Inventory, { file, root, content }: Replacement): void {
  const at = inventory.entries.findIndex((entry) => entry.file === file && entry.root === root);
  const there = inventory.entries[at];
  if (content === undefined) {
    if (at >= 0) inventory.entries.splice(at, 1);
  } else if (there !== undefined) {
    inventory.entries[at] = { ...there, ...content, allocated: content.size };
  } else {
    const known = inventory.roots.find(({ directory }) => directory === root);
    // a directory that is not listed yet: it is listed again with the replacement
    if (root !== undefined && known === undefined) return;
    const entry: InventoryEntry = {
      ...parseFileName(file),
      name: file,
      file,
      ...(root !== undefined && { root }),
      ...content,
      place: known?.place ?? 'database',
      ...(known?.place === 'wal-dir' ? {} : { pathId: known?.pathId ?? 0 }),
      mtimeMs: 0,
      allocated: content.size,
    };
    inventory.entries.push(entry);
    inventory.entries.sort((a, b) => (a.file < b.file ? -1 : 1));
  }
}

async function addRoots(inventory: Inventory, target: string, options: InventoryOptions): Promise<void> {
  const seen = new Set([await canonical(target)]);
  const wanted = [
    ...(options.walDirs ?? []).map((directory) => ({ directory, place: 'wal-dir' as const })),
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
    inventory.roots.push({ directory, place, ...rest });
    const names = await listNames(directory).catch((error) => {
      throw TargetError.from(error, directory);
    });
    await takePlace(inventory, { directory, place, prefix: '', root: directory, ...rest }, names);
    // obsolete WALs go to a directory beside the live ones (rocksdb file/filename.cc, ArchivalDirectory)
    const archive = path.join(directory, ARCHIVE);
    if (
      place === 'wal-dir' &&
      names.some((name) => name.equals(Buffer.from(ARCHIVE))) &&
      (await isDirectory(archive))
    )
      await addPlace(inventory, {
        directory: archive,
        place: 'archive',
        prefix: `${ARCHIVE}/`,
        root: directory,
      });
  }
}

async function isDirectory(name: string): Promise<boolean> {
  return stat(name).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Two names of one directory give the same text. */
async function canonical(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch {
    return path.resolve(directory);
  }
}

/** The names in a directory as the bytes that they are. */
async function listNames(directory: string): Promise<Buffer[]> {
  return (await readdir(directory, { encoding: 'buffer' })).sort(Buffer.compare);
}

async function addPlace(inventory: Inventory, place: Place): Promise<void> {
  try {
    await takePlace(inventory, place, await listNames(place.directory));
  } catch (error) {
    inventory.unlistable.push({
      file: place.prefix.slice(0, -1),
      ...(place.root !== undefined && { root: place.root }),
      kind: 'other',
      reason: TargetError.from(error, place.directory).message,
    });
  }
}

async function takePlace(inventory: Inventory, place: Place, all: Buffer[]): Promise<void> {
  let slow = 0;
  for (let start = 0; start < all.length; start += BATCH) {
    const batch = all.slice(start, start + BATCH);
    const began = performance.now();
    const names = batch.map((name) => fullName(place, name));
    const answers = slow >= SLOW_BATCHES ? await Promise.all(names.map(ask)) : names.map(askNow);
    if (performance.now() - began > SLOW_BATCH) slow++;
    for (const [i, name] of batch.entries()) add(inventory, place, taken(place, name, names[i], answers[i]));
    if (start % (16 * BATCH) === 0) await setImmediate();
  }
}

function add(inventory: Inventory, place: Place, item: Taken): void {
  if (item === undefined) return;
  if ('reason' in item) inventory.unlistable.push(item);
  else if ('directory' in item) {
    if (place.place === 'database') inventory.directories.push(item.directory);
  } else inventory.entries.push(item);
}

type Taken = InventoryEntry | Unlistable | { directory: string } | undefined;

/** What the file system says of a name: its status, or why not. A link to nowhere is told from a name that is gone. */
type Answer = Stats | NodeJS.ErrnoException | 'dangling' | undefined;

function fullName(place: Place, raw: Buffer): string | Buffer {
  const name = raw.toString('utf8');
  return isUtf8(raw)
    ? path.join(place.directory, name)
    : Buffer.concat([Buffer.from(place.directory + path.sep), raw]);
}

function askNow(full: string | Buffer): Answer {
  try {
    return statSync(full);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error as NodeJS.ErrnoException;
    return lstatSync(full, { throwIfNoEntry: false }) && 'dangling';
  }
}

async function ask(full: string | Buffer): Promise<Answer> {
  try {
    return await stat(full);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error as NodeJS.ErrnoException;
    return lstat(full).then(
      () => 'dangling',
      () => undefined,
    );
  }
}

function taken(place: Place, raw: Buffer, full: string | Buffer, answer: Answer): Taken {
  // gone since the directory was read
  if (answer === undefined) return undefined;
  const name = raw.toString('utf8');
  const valid = isUtf8(raw);
  const { kind, number, suffix, marker } = valid ? parseFileName(name) : { kind: 'other' as const };
  const identity = {
    file: place.prefix + name,
    ...(place.root === undefined ? {} : { root: place.root }),
    ...(valid ? {} : { nameBytes: new Uint8Array(raw) }),
    kind,
    ...(number === undefined ? {} : { number }),
  };
  if (answer === 'dangling') {
    return { ...identity, reason: 'a symbolic link to a file that does not exist' };
  }
  if (answer instanceof Error) {
    const code = systemCode(answer) ?? answer.message;
    return { ...identity, reason: `a file that cannot be looked at (${code})` };
  }
  if (answer.isDirectory()) return { directory: name };
  if (!answer.isFile()) return { ...identity, reason: 'not a regular file' };
  return {
    ...identity,
    name,
    ...(suffix === undefined ? {} : { suffix }),
    ...(marker === undefined ? {} : { marker }),
    source: { kind: 'file', path: typeof full === 'string' ? full : new Uint8Array(full) },
    place: place.place,
    ...(place.pathId === undefined ? {} : { pathId: place.pathId }),
    size: answer.size,
    mtimeMs: answer.mtimeMs,
    allocated: (answer.blocks ?? 0) * 512,
  };
}
