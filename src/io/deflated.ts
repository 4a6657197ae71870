import { pipeline, Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { type ByteSource, FILLER, type SourceDescriptor, type SourceRange } from '../bytes/source.js';
import { systemCode } from './target-error.js';

type Deflated = Extract<SourceDescriptor, { kind: 'deflated' }>;

/** Files up to this size can be unpacked. Bytes. */
const LARGEST = 128 << 20;

/** Bytes that stay unpacked, over all files of a thread: the file used last is always among them. */
const KEPT = 192 << 20;

/** Compressed bytes that are unpacked at once. */
const STEP = 256 << 10;

interface Unpacked {
  bytes: Uint8Array;
  /** Bytes that came out before the stream ended or made no sense. */
  length: number;
}

/** Files that were unpacked, the one used last at the end. */
const kept = new Map<SourceDescriptor, Promise<Unpacked>>();

/**
 * A raw deflate stream, unpacked into memory when it is read, and again when it has been dropped for others since. What does not come out of
 * a damaged stream counts as unreadable. Rejects with ENOTSUP where it is too large.
 */
export async function openDeflated(
  descriptor: Deflated,
  open: (descriptor: SourceDescriptor) => Promise<ByteSource>,
): Promise<ByteSource> {
  const { size } = descriptor;
  if (size > LARGEST) {
    const message = `larger than ${LARGEST >> 20} MiB in a compressed archive: unpack it`;
    throw Object.assign(new Error(message), { code: 'ENOTSUP' });
  }
  const unreadable: SourceRange[] = [];
  return {
    descriptor,
    size,
    unreadable,
    async read(into, offset) {
      const { bytes, length } = await unpacked(descriptor, open);
      const from = bytes.subarray(offset, offset + into.length);
      into.set(from);
      if (length < size && unreadable.length === 0)
        unreadable.push({ offset: length, length: size - length });
      return from.length;
    },
    async close() {},
  };
}

function unpacked(
  descriptor: Deflated,
  open: (descriptor: SourceDescriptor) => Promise<ByteSource>,
): Promise<Unpacked> {
  const found = kept.get(descriptor) ?? unpack(descriptor, open);
  kept.delete(descriptor);
  kept.set(descriptor, found);
  let total = 0;
  for (const each of kept.keys()) total += (each as Deflated).size;
  for (const each of kept.keys()) {
    if (total <= KEPT || each === descriptor) break;
    kept.delete(each);
    total -= (each as Deflated).size;
  }
  return found;
}

async function unpack(
  { of, size }: Deflated,
  open: (descriptor: SourceDescriptor) => Promise<ByteSource>,
): Promise<Unpacked> {
  const source = await open(of);
  try {
    const bytes = new Uint8Array(size).fill(FILLER);
    let length = 0;
    try {
      for await (const chunk of inflated(source)) {
        const wanted = chunk.subarray(0, size - length);
        bytes.set(wanted, length);
        length += wanted.length;
        if (length === size) break;
      }
    } catch (error) {
      if (systemCode(error) !== undefined) throw error;
    }
    return { bytes, length };
  } finally {
    await source.close();
  }
}

/** What comes out of a deflate stream. Rejects where it makes no sense, and with the system's error. */
export function inflated(source: ByteSource): AsyncIterable<Uint8Array> {
  return pipeline(Readable.from(pieces(source)), createInflateRaw({ chunkSize: STEP }), () => {});
}

/** All bytes of a source, in order. */
export async function* pieces(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.size; at += STEP) {
    const piece = new Uint8Array(Math.min(STEP, source.size - at));
    yield piece.subarray(0, await source.read(piece, at));
  }
}
