import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { attempt, type Decompressed } from './decompressed.js';

/*
 * RocksDB writes raw deflate (no zlib header, no checksum). Its writer's window is 2^14 by default, and readers inflate
 * with 2^14 too; 2^15 reads both.
 */
const WINDOW_BITS = 15;

/** Deflate cannot do better than 258 bytes in two bits. */
const MOST_EXPANSION = 1032;

/** Above this a chunk is not sized to the whole output, so that a hostile size costs nothing before bytes justify it. */
const LARGEST_CHUNK = 1 << 20;

/**
 * Inflates raw deflate. `length` is what the block's size prefix promises, absent where the format has none: then the
 * output grows up to `limit`. Bytes after the end of the stream are ignored, as RocksDB ignores them.
 */
export function decompressZlib(
  input: Uint8Array,
  length: number | undefined,
  limit: number,
  dictionary?: Uint8Array,
): Decompressed {
  if (length !== undefined && length > input.length * MOST_EXPANSION) {
    return { error: `${input.length} bytes of deflate cannot expand to ${length}` };
  }
  const most = Math.min(length ?? limit, limit);
  return attempt(() =>
    inflateRawSync(input, {
      windowBits: WINDOW_BITS,
      dictionary,
      // zlib insists on 64, and one spare byte saves a second chunk
      chunkSize: Math.max(64, Math.min(most + 1, LARGEST_CHUNK)),
      maxOutputLength: Math.max(1, most),
    }),
  );
}

export function compressZlib(bytes: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  return deflateRawSync(bytes, { windowBits: 14, dictionary });
}
