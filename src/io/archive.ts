import path from 'node:path';
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { BeyondLimit } from '../bytes/beyond-limit.js';
import { type Compression, openArchiveStream } from './archive-stream.js';
import { systemCode } from './target-error.js';

/** Why an archive cannot be read to its end. */
export interface ArchiveDamage {
  kind: 'cut-short' | 'damaged';
  /** The decoder's words. */
  reason: string;
  /** Compressed bytes that had been read by then, and bytes of the tar archive that came of them. */
  readBytes: number;
  tarBytes: number;
  /** Of a zip archive, whose files are packed each by itself: those that it gives back wrong. Everything else is whole. */
  members?: string[];
}

/** One regular file in a tar archive. */
export interface TarMember {
  /** With `/`, without `./` in front. */
  path: string;
  /** Bytes. */
  size: number;
  mtimeMs: number;
  /** Where its bytes begin in the tar archive. */
  offset: number;
  /** Of a hard link: the path whose bytes it has. It has none of its own. */
  linkTo?: string;
}

export interface ArchiveMember extends TarMember {
  /** Its bytes; to be read, in part or to the end, before the next member comes. */
  content: AsyncIterable<Uint8Array>;
}

export interface ArchiveReading {
  compression: Compression;
  onRead(bytes: number): void;
  signal?: AbortSignal;
}

/** Bytes of a header, and of what everything in a tar archive is a multiple of. */
export const HEADER = 512;

/** A cut-off archive ends without the zeros that close one, or inside a member, or inside a compressed frame. */
const cut = /unexpected end/i;

/**
 * Hands every file of an archive to `visit`, in the order in which they lie there. Returns what is wrong with the archive itself,
 * if anything: members before that have been visited; one that the damage is in, in part.
 */
export async function walkArchive(
  archive: string,
  { compression, onRead, signal }: ArchiveReading,
  visit: (member: ArchiveMember) => Promise<void>,
): Promise<ArchiveDamage | undefined> {
  let readBytes = 0;
  let tarBytes = 0;
  let closed = false;
  const count = (bytes: number) => {
    readBytes += bytes;
    onRead(bytes);
  };
  const stream = await openArchiveStream(archive, compression, count, signal);
  const members = extract();
  const feeding = feed(stream, members, (chunk) => {
    tarBytes += chunk.length;
    closed = endsInZeros(chunk, closed);
  });
  let failure: unknown;
  try {
    for await (const entry of members) {
      const { header, offset } = entry as unknown as TarEntry;
      const member = memberOf(header, offset + HEADER);
      if (member !== undefined) await visit({ ...member, content: entry as AsyncIterable<Uint8Array> });
      entry.resume();
    }
  } catch (error) {
    failure = error;
  } finally {
    stream.destroy();
  }
  const fed = await feeding;
  if (!(failure instanceof BeyondLimit)) failure = fed ?? failure;
  if (signal?.aborted) return undefined;
  if (failure !== undefined) {
    // the disk, or a limit of ours, not the archive
    if (systemCode(failure) !== undefined || failure instanceof BeyondLimit) throw failure;
    const reason = failure instanceof Error ? failure.message : String(failure);
    return { kind: cut.test(reason) ? 'cut-short' : 'damaged', reason, readBytes, tarBytes };
  }
  return closed ? undefined : { kind: 'cut-short', reason: 'no end-of-archive marker', readBytes, tarBytes };
}

interface TarEntry {
  offset: number;
  header: MemberHeader;
}

interface MemberHeader {
  name: string;
  size?: number;
  mtime?: Date;
  type?: string | null;
  linkname?: string | null;
}

/** `undefined` for what is no regular file. `offset`: where the bytes begin. */
export function memberOf(
  { name, size = 0, mtime, type, linkname }: MemberHeader,
  offset: number,
): TarMember | undefined {
  if (type !== 'file' && type !== 'contiguous-file' && type !== 'link') return undefined;
  const linkTo = type === 'link' && linkname ? memberPath(linkname) : undefined;
  return {
    path: memberPath(name),
    size: linkTo === undefined ? size : 0,
    mtimeMs: mtime?.getTime() ?? 0,
    offset,
    ...(linkTo !== undefined && { linkTo }),
  };
}

/** Members are only ever compared by name, never written, so a name that leads out of the archive is a name like any other. */
export function memberPath(name: string): string {
  return path.posix.normalize(name).replace(/^(?:\.\/|\/)+/, '');
}

/** Passes the archive on as fast as members are taken. Returns what ended it early. */
async function feed(
  stream: Readable,
  members: ReturnType<typeof extract>,
  onChunk: (chunk: Uint8Array) => void,
): Promise<unknown> {
  try {
    for await (const chunk of stream) {
      onChunk(chunk);
      if (members.destroyed) return undefined;
      if (!members.write(chunk)) await drained(members);
    }
    members.end();
    return undefined;
  } catch (error) {
    members.destroy(error as Error);
    return error;
  }
}

function drained(members: ReturnType<typeof extract>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      members.off('drain', done);
      members.off('close', done);
      resolve();
    };
    members.on('drain', done);
    members.on('close', done);
  });
}

/** Whether the last 512 bytes are zero; a chunk shorter than that continues the one before. */
function endsInZeros(chunk: Uint8Array, before: boolean): boolean {
  const from = Math.max(0, chunk.length - HEADER);
  if (chunk.length < HEADER && !before) return false;
  for (let i = from; i < chunk.length; i++) if (chunk[i] !== 0) return false;
  return true;
}
