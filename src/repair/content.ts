import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { absolute, type Place } from './place.js';
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
    const stream = createReadStream(absolute(target, segment), {
      start: segment.offset,
      end: segment.offset + segment.length - 1,
      highWaterMark: CHUNK,
    });
    for await (const chunk of stream) {
      length += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    if (length !== segment.length) {
      throw new Error(
        `${segment.path} ended ${segment.length - length} bytes early: it changed while it was read`,
      );
    }
  }
}

/** Size of a new file in bytes. */
export function contentSize(segments: readonly Segment[]): number {
  return segments.reduce((sum, s) => sum + (s.from === 'plan' ? s.bytes.length : s.length), 0);
}

/** Size and SHA-256 of a stream of chunks. */
export async function digest(chunks: AsyncIterable<Uint8Array>): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/** The state of a file as it is on disk now; without a hash when it is not there. */
export async function fileState(target: string, place: Place): Promise<FileState> {
  const file = absolute(target, place);
  const where: Place =
    place.root === undefined ? { path: place.path } : { path: place.path, root: place.root };
  try {
    await stat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { ...where, size: 0 };
    throw error;
  }
  return {
    ...where,
    ...(await digest(createReadStream(file, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>)),
  };
}
