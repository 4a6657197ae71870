import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SourceDescriptor } from '../bytes/source.js';
import { parseFileName } from '../format/filename.js';
import { readHead, readTail } from './head.js';
import type { Inventory, InventoryEntry } from './inventory.js';
import type { FileReader } from './reader.js';
import { TargetError } from './target-error.js';

/** A file somewhere below a target. */
export interface ListingEntry {
  /** Relative to the target, with `/`. */
  path: string;
  /** Bytes. */
  size: number;
  mtimeMs: number;
  source: SourceDescriptor;
}

/** Files of a directory or an archive, however deep they lie. */
export interface Listing {
  target: string;
  files: ReadonlyMap<string, ListingEntry>;
  /** Directories below the target, empty ones too. Of an archive none: it may have no entries for them; of a bucket those right in it. */
  directories: string[];
  /** Names that cannot be read: a directory without permission, or a link that leads nowhere, which is `missing`. */
  unlistable: Unlisted[];
}

interface Unlisted {
  path: string;
  reason: string;
  missing: boolean;
}

/** Why nobody knows whether a path is there: it, or a directory above it, may not be looked at. */
export function unreadableAt({ unlistable }: Listing, path: string): string | undefined {
  return unlistable.find(({ path: at, missing }) => !missing && (path === at || path.startsWith(`${at}/`)))
    ?.reason;
}

/**
 * Lists a backup directory: its subdirectories and theirs, no deeper. Links to files are followed, links to directories are
 * not. Rejects with a `TargetError` when the target itself cannot be listed.
 */
export async function listBelow(target: string, directories: readonly string[]): Promise<Listing> {
  const files = new Map<string, ListingEntry>();
  const listing: Listing = { target, files, directories: [], unlistable: [] };
  for (const directory of directories) await list(listing, files, directory, 2);
  return listing;
}

async function list(listing: Listing, files: Map<string, ListingEntry>, relative: string, depth: number) {
  const names = await readdir(path.join(listing.target, relative), { withFileTypes: true }).catch((error) => {
    // none of them has to be there
    if (error.code !== 'ENOENT') listing.unlistable.push(unlisted(error, relative));
    return [];
  });
  for (const entry of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = `${relative}/${entry.name}`;
    if (entry.isDirectory()) {
      listing.directories.push(below);
      if (depth > 1) await list(listing, files, below, depth - 1);
      continue;
    }
    const full = path.join(listing.target, below);
    try {
      const found = await stat(full);
      if (!found.isFile()) continue;
      const { size, mtimeMs } = found;
      files.set(below, { path: below, size, mtimeMs, source: { kind: 'file', path: full } });
    } catch (error) {
      listing.unlistable.push(unlisted(error, below));
    }
  }
}

function unlisted(error: unknown, path: string): Unlisted {
  const { message, kind } = TargetError.from(error, path);
  return { path, reason: message, missing: kind === 'not-found' };
}

/** A file of a listing as a database's, under the name that it has there. */
export function entryOf(
  file: ListingEntry,
  name: string,
  place: InventoryEntry['place'] = 'database',
): InventoryEntry {
  return {
    ...parseFileName(name),
    name,
    file: file.path,
    source: file.source,
    place,
    ...(place === 'database' && { pathId: 0 }),
    size: file.size,
    mtimeMs: file.mtimeMs,
    allocated: file.size,
  };
}

/** Files that were put together as those of one database. */
export function inventoryOf(
  target: string,
  entries: InventoryEntry[],
  directories: string[] = [],
): Inventory {
  return { target, entries, directories, unlistable: [], roots: [], instead: [], asked: {} };
}

const places: Record<string, 'archive' | 'lost'> = { archive: 'archive', lost: 'lost' };

/** The files of a listing as those of one database, as listing its directory would give them. */
export function databaseInventory(listing: Listing): Inventory {
  const directories = new Set(listing.directories.filter((name) => !name.includes('/')));
  const entries = [...listing.files.values()].flatMap((file) => {
    const [first, second, ...rest] = file.path.split('/');
    if (second === undefined) return [entryOf(file, first)];
    directories.add(first);
    const place = Object.hasOwn(places, first) ? places[first] : undefined;
    return place && rest.length === 0 ? [entryOf(file, second, place)] : [];
  });
  return inventoryOf(listing.target, entries, [...directories]);
}

/** Reads files where their inventory says they are, and knows of no directory around them. */
export const entryReader: FileReader = {
  head: (entry, limit) => readHead(entry.source, limit),
  tail: (entry, limit) => readTail(entry.source, limit),
  databasesBelow: async () => [],
  beside: async () => undefined,
};
