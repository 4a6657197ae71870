import { stat } from 'node:fs/promises';
import { sha256 } from '../bytes/sha256.js';
import { type ByteSource, FILLER, type SourceRange } from '../bytes/source.js';
import { openSource, openUnretried } from '../io/source.js';
import { absolute, type FilePlace } from './place.js';
import type { FileState, Segment } from './plan.js';

/** Bytes read at a time from the old files. */
const CHUNK = 1 << 20;

/** The bytes of a new file, streamed from its segments. Rejects when an old file is shorter than a segment says. */
export async function* contentOf(target: string, segments: readonly Segment[]): AsyncGenerator<Uint8Array> {
  for (const segment of segments) {
    if (segment.from === 'plan') {
      yield segment.bytes;
      continue;
    }
    if (segment.length === 0) continue;
    let length = 0;
    const source = await openUnretried({ kind: 'file', path: absolute(target, segment) });
    try {
      for await (const chunk of chunksOf(source, segment.offset, segment.length)) {
        length += chunk.length;
        yield chunk;
      }
    } finally {
      await source.close();
    }
    if (length !== segment.length) {
      throw new Error(
        `${segment.path} ended ${segment.length - length} bytes early: it changed while it was read`,
      );
    }
  }
}

/** Bytes of a source in chunks, each valid until the next one is asked for. Ends early where the source does. */
export async function* chunksOf(
  source: ByteSource,
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(Math.min(CHUNK, length));
  for (let at = 0; at < length; ) {
    const got = await source.read(chunk.subarray(0, Math.min(chunk.length, length - at)), offset + at);
    if (got === 0) return;
    yield chunk.subarray(0, got);
    at += got;
  }
}

/** Size of a new file in bytes. */
export function contentSize(segments: readonly Segment[]): number {
  return segments.reduce((sum, s) => sum + (s.from === 'plan' ? s.bytes.length : s.length), 0);
}

/** Size and SHA-256 of a stream of chunks. */
export async function sizeAndHash(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ size: number; sha256: string }> {
  const hash = sha256();
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/**
 * The state of a file as it is on disk now; without a hash when it is not there. The hash is taken over `FILLER` where the medium does
 * not give the file back, and in the ranges of `unread`.
 */
export async function fileState(
  target: string,
  place: FilePlace,
  unread: readonly SourceRange[] = [],
): Promise<FileState> {
  const file = absolute(target, place);
  const where: FilePlace =
    place.root === undefined ? { path: place.path } : { path: place.path, root: place.root };
  try {
    await stat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { ...where, size: 0 };
    throw error;
  }
  const source = await openSource({ kind: 'file', path: file });
  try {
    const chunks = chunksOf(source, 0, Number.POSITIVE_INFINITY);
    const state = await sizeAndHash(unread.length === 0 ? chunks : without(chunks, unread));
    const { unreadable = [] } = source;
    return { ...where, ...state, ...(unreadable.length > 0 && { unreadable: [...unreadable] }) };
  } finally {
    await source.close();
  }
}

/**
 * Whether a file is in a state that was taken of it. Ranges that the medium did not give back then do not count: it may give them
 * back now.
 */
export async function isInState(
  target: string,
  place: FilePlace,
  state: Pick<FileState, 'size' | 'sha256' | 'unreadable'>,
): Promise<boolean> {
  return sameState(await fileState(target, place, state.unreadable), state);
}

/** The same chunks with `FILLER` in these ranges. */
async function* without(
  chunks: AsyncIterable<Uint8Array>,
  ranges: readonly SourceRange[],
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of chunks) {
    for (const { offset, length } of ranges)
      chunk.fill(FILLER, Math.max(offset - at, 0), Math.max(offset + length - at, 0));
    at += chunk.length;
    yield chunk;
  }
}

/** Whether two states are of the same bytes; absence equals absence. */
export function sameState(
  a: Pick<FileState, 'size' | 'sha256'>,
  b: Pick<FileState, 'size' | 'sha256'>,
): boolean {
  return a.sha256 === b.sha256 && (a.sha256 === undefined || a.size === b.size);
}
