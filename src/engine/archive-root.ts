import path from 'node:path';
import { BeyondLimit } from '../bytes/beyond-limit.js';
import type { SourceDescriptor } from '../bytes/source.js';
import { parseFileName } from '../format/filename.js';
import type { ArchiveIndex } from '../io/archive-index.js';
import { type ArchiveKind, sniffArchive } from '../io/archive-stream.js';
import type { Listing } from '../io/listing.js';
import { pathKind } from '../io/path-kind.js';
import { BACKUP_DIRECTORIES } from './detect.js';

/** An archive, and the directory in it that a database lies in; '' at its top. */
export interface ArchivePlace extends ArchiveKind {
  root: string;
}

/**
 * The database in an archive whose files can be read by themselves: zip, and tar that is not compressed. `undefined` for what is no archive.
 * Rejects with a `BeyondLimit` where there is none, or there are several. `object`: where its bytes are, of one in a bucket.
 */
export async function listArchive(
  target: string,
  object?: SourceDescriptor,
): Promise<{ listing: Listing; place: ArchivePlace } | undefined> {
  const kind = object === undefined ? await pathKind(target).catch(() => undefined) : 'file';
  const archive = kind === 'file' ? await sniffArchive(target, object) : undefined;
  if (archive === undefined) return undefined;
  if (object !== undefined && archive.format === 'zip')
    throw new BeyondLimit(target, 'a zip archive is not read in a bucket: copy it first');
  if (archive.compression !== 'none')
    throw new BeyondLimit(target, 'a compressed tar archive is read from its start only: unpack it first');
  // the readers of archives are large, and few targets are one
  const { indexArchive, listingBelow } = await import('../io/archive-index.js');
  const index = await indexArchive(target, archive, {
    verify: false,
    onRead: () => {},
    ...(object && { source: object }),
  });
  const roots = databaseRoots(index);
  if (index.damage !== undefined && roots.length === 0)
    throw new BeyondLimit(target, `the archive cannot be read: ${index.damage.reason}`);
  if (roots.length !== 1) throw new BeyondLimit(target, reasonForNone(roots));
  return { listing: listingBelow(target, index, roots[0]), place: { ...archive, root: roots[0] } };
}

/** Why nothing in an archive is looked at. */
export function reasonForNone(roots: readonly string[]): string {
  return roots.length > 1
    ? `the archive holds several databases, ${roots.slice(0, 5).join(', ')}: pack each by itself`
    : 'the archive holds no database and no backup directory';
}

/** Directories of the archive that are a database or a backup directory; what lies in one of these is part of it. */
export function databaseRoots({ files }: ArchiveIndex): string[] {
  const names = new Map<string, Set<string>>();
  for (const file of files.keys()) {
    for (let at = file; at !== '.'; ) {
      const directory = path.posix.dirname(at);
      const known = names.get(directory);
      if (known) known.add(path.posix.basename(at));
      else names.set(directory, new Set([path.posix.basename(at)]));
      at = directory;
    }
  }
  const found = new Set<string>();
  const shallowFirst = [...names.keys()].sort((a, b) => a.length - b.length);
  for (const directory of shallowFirst) {
    if (liesIn(found, directory)) continue;
    const held = names.get(directory) ?? new Set();
    const backup = BACKUP_DIRECTORIES.filter((name) => held.has(name)).length >= 2;
    const kinds = new Set([...held].map((name) => parseFileName(name).kind));
    if (backup || kinds.has('manifest') || kinds.has('current') || kinds.has('options')) found.add(directory);
  }
  return [...found].map((directory) => (directory === '.' ? '' : directory)).sort();
}

/** Whether one of the directories above it is among those found. */
function liesIn(found: ReadonlySet<string>, directory: string): boolean {
  if (found.has('.')) return true;
  for (let end = directory.lastIndexOf('/'); end > 0; end = directory.lastIndexOf('/', end - 1))
    if (found.has(directory.slice(0, end))) return true;
  return false;
}
