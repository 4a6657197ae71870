import { BeyondLimit } from '../bytes/beyond-limit.js';
import type { SourceDescriptor } from '../bytes/source.js';
import { parseFileName } from '../format/filename.js';
import { type ArchiveDamage, type ArchiveReading, type TarMember, walkArchive } from './archive.js';
import type { ArchiveKind } from './archive-stream.js';
import { concatenated } from './archive-window.js';
import type { Listing, ListingEntry } from './listing.js';
import { walkTarHeaders } from './tar-members.js';
import { walkZip } from './zip.js';

/** The files of an archive. Metadata is in memory, everything else is read when the archive streams by again. */
export interface ArchiveIndex {
  /** By the path in the archive. */
  files: Map<string, ListingEntry>;
  /** Paths in the archive under which the bytes of a file lie, where they lie under another: hard links. */
  links: Map<string, string>;
  /** The last bytes of members that are too large to be held whole. */
  tails: Map<string, Uint8Array>;
  damage?: ArchiveDamage;
}

/** Members up to this size are held in memory, one at a time, while they are checked. Bytes. */
export const WHOLE_MEMBER = 128 << 20;

/** Files of an archive that are told apart. */
export const MAX_MEMBERS = 50_000;

/** Metadata that is kept, over all files. Bytes. */
const METADATA_BUDGET = 96 << 20;

/** Larger LOG files are not kept. Bytes. */
const INFO_LOG_LIMIT = 4 << 20;

/** What is kept of the end of a large member, where footer and index of a table lie; and of all of them. Bytes. */
const TAIL_LEAST = 4 << 20;
const TAIL_MOST = 32 << 20;
const TAILS_BUDGET = 96 << 20;

/**
 * What an archive is read with. Of a zip archive, `verify` holds every file against its checksum meanwhile. `source`: where the bytes of a
 * tar archive that is not compressed are, if not in a file.
 */
type IndexReading = Omit<ArchiveReading, 'compression'> & { verify: boolean; source?: SourceDescriptor };

/** What lies in an archive. Of a tar archive that is not compressed only the headers are read. */
export function indexArchive(
  archive: string,
  { format, compression }: ArchiveKind,
  reading: IndexReading,
): Promise<ArchiveIndex> {
  if (format === 'zip') return indexZip(archive, reading);
  return compression === 'none'
    ? indexPlainTar(archive, reading)
    : indexTar(archive, { ...reading, compression });
}

/** The directory of a zip archive says where each file lies. */
async function indexZip(archive: string, reading: IndexReading): Promise<ArchiveIndex> {
  const listing: ArchiveIndex = { files: new Map(), links: new Map(), tails: new Map() };
  const damage = await walkZip(archive, reading, (member) => {
    refuseCrowd(archive, listing);
    listing.files.set(member.path, member);
  });
  if (damage !== undefined) listing.damage = damage;
  return listing;
}

function refuseCrowd(archive: string, { files }: ArchiveIndex): void {
  if (files.size >= MAX_MEMBERS)
    throw new BeyondLimit(archive, `it holds more than ${MAX_MEMBERS} files, which are not told apart`);
}

/** Members of a tar archive that is not compressed are ranges of it. */
async function indexPlainTar(
  archive: string,
  { source = { kind: 'file', path: archive }, signal }: IndexReading,
): Promise<ArchiveIndex> {
  const listing: ArchiveIndex = { files: new Map(), links: new Map(), tails: new Map() };
  const damage = await walkTarHeaders(source, signal, (member) => {
    refuseCrowd(archive, listing);
    if (isLink(listing, member)) return;
    const { path, size, mtimeMs, offset } = member;
    const pieces = [{ of: source, offset, length: size }];
    listing.files.set(path, { path, size, mtimeMs, source: { kind: 'pieces', pieces } });
  });
  if (damage !== undefined) listing.damage = damage;
  return listing;
}

/** Whether a member is a hard link, which is taken into the listing where its target has been seen. */
function isLink(listing: ArchiveIndex, { path, linkTo }: TarMember): boolean {
  if (linkTo === undefined) return false;
  const target = listing.files.get(linkTo);
  if (target !== undefined) {
    listing.links.set(path, listing.links.get(linkTo) ?? linkTo);
    listing.files.set(path, { ...target, path });
  }
  return true;
}

/** Reads through a compressed tar archive once: what lies in it, and the content of small files that say how the others belong together. */
async function indexTar(archive: string, reading: ArchiveReading): Promise<ArchiveIndex> {
  const listing: ArchiveIndex = { files: new Map(), links: new Map(), tails: new Map() };
  let metadataLeft = METADATA_BUDGET;
  let tailsLeft = TAILS_BUDGET;
  const damage = await walkArchive(archive, reading, async (member) => {
    refuseCrowd(archive, listing);
    if (isLink(listing, member)) return;
    const { path, size, mtimeMs } = member;
    const file: ListingEntry = { path, size, mtimeMs, source: { kind: 'archived', archive, member: path } };
    if (isMetadata(path, size) && size <= metadataLeft) {
      metadataLeft -= size;
      file.source = { kind: 'memory', bytes: await concatenated(member.content, size) };
    } else if (size > WHOLE_MEMBER) {
      const length = Math.min(tailsLeft, Math.max(TAIL_LEAST, Math.min(TAIL_MOST, Math.ceil(size / 24))));
      tailsLeft -= length;
      listing.tails.set(path, await lastBytes(member.content, size, length));
    } else {
      await skipped(member.content);
    }
    // only now: one that the archive's damage is in does not count as there
    listing.files.set(path, file);
  });
  if (damage !== undefined) listing.damage = damage;
  return listing;
}

function isMetadata(path: string, size: number): boolean {
  if (/(?:^|\/)meta\/[^/]+$/.test(path)) return true;
  const { kind } = parseFileName(path.slice(path.lastIndexOf('/') + 1));
  // its beginning names the release
  if (kind === 'info-log') return size <= INFO_LOG_LIMIT;
  return kind === 'current' || kind === 'manifest' || kind === 'options' || kind === 'identity';
}

async function skipped(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of content) void chunk;
}

async function lastBytes(
  content: AsyncIterable<Uint8Array>,
  size: number,
  length: number,
): Promise<Uint8Array> {
  const tail = new Uint8Array(length);
  const from = size - length;
  let at = 0;
  for await (const chunk of content) {
    const skip = Math.max(0, from - at);
    if (skip < chunk.length) tail.set(chunk.subarray(skip), at + skip - from);
    at += chunk.length;
  }
  return tail;
}

/** A directory of an archive as a listing of its own; paths are relative to it. */
export function listingBelow(target: string, { files }: ArchiveIndex, root: string): Listing {
  const prefix = root === '' ? '' : `${root}/`;
  const below = new Map<string, ListingEntry>();
  for (const file of [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    if (!file.path.startsWith(prefix)) continue;
    const path = file.path.slice(prefix.length);
    below.set(path, { ...file, path });
  }
  return { target, files: below, directories: [], unlistable: [] };
}
