import { databaseRoots, reasonForNone } from '../../../engine/archive-root.js';
import { basename, parseBackupName } from '../../../format/backup-name.js';
import { type FileName, parseFileName } from '../../../format/filename.js';
import { walkArchive } from '../../../io/archive.js';
import { type ArchiveIndex, indexArchive, listingBelow, WHOLE_MEMBER } from '../../../io/archive-index.js';
import { type ArchiveKind, sniffArchive } from '../../../io/archive-stream.js';
import { concatenated } from '../../../io/archive-window.js';
import type { Listing } from '../../../io/listing.js';
import { Refusal } from '../../refusal.js';

/** Whether a file of a source may be needed, by its name in a database. */
export type IsNeeded = (name: FileName) => boolean;

/** Bytes of files of compressed archives that are held in memory. */
const MOST_HELD = 512 << 20;

interface ArchivedSource {
  /** The directory in the archive. */
  root: string;
  listing: Listing;
  /** Files that are needed and too large to be held. */
  unread: string[];
}

/**
 * The databases and backup directories of an archive. What a compressed one has of files that are needed is held in memory, and the
 * others are left out.
 */
export async function archiveListings(place: string, isNeeded: IsNeeded): Promise<ArchivedSource[]> {
  const kind = await sniffArchive(place);
  if (kind === undefined) throw new Refusal('usage', `--from ${place}: it is no directory and no archive`);
  const index = await indexArchive(place, kind, { verify: false, onRead: () => {} });
  const roots = databaseRoots(index);
  if (roots.length === 0) throw new Refusal('usage', `--from ${place}: ${reasonForNone(roots)}`);
  const unread = kind.compression === 'none' ? [] : await hold(place, kind, index, isNeeded);
  return roots.map((root) => ({ root, listing: listingBelow(place, index, root), unread }));
}

/** Reads what is needed of a compressed archive into memory, and takes out of the index what cannot be read. */
async function hold(
  place: string,
  { compression }: ArchiveKind,
  { files, links }: ArchiveIndex,
  isNeeded: IsNeeded,
): Promise<string[]> {
  const wanted = new Set<string>();
  for (const { path, source } of files.values())
    if (source.kind === 'archived' && isNeeded(parseFileName(parseBackupName(basename(path)).name)))
      wanted.add(links.get(path) ?? path);
  const held = new Map<string, Uint8Array>();
  let left = MOST_HELD;
  if (wanted.size > 0)
    await walkArchive(place, { compression, onRead: () => {} }, async ({ path, size, content }) => {
      if (!wanted.has(path) || size > Math.min(left, WHOLE_MEMBER)) return;
      left -= size;
      held.set(path, await concatenated(content, size));
    });
  for (const [path, file] of files) {
    if (file.source.kind !== 'archived') continue;
    const bytes = held.get(links.get(path) ?? path);
    if (bytes === undefined) files.delete(path);
    else file.source = { kind: 'memory', bytes };
  }
  return [...wanted].filter((path) => !held.has(path));
}
