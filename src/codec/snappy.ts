import { snappyCompressor, snappyUncompressor } from 'hysnappy';
import { Cursor } from '../bytes/cursor.js';
import type { Decompressed } from './decompressed.js';

/*
 * A raw Snappy block: varint32 uncompressed length, then literals and copies. Snappy's own framing format is not used by
 * any of the stores.
 */

const uncompress = snappyUncompressor();
const compress = snappyCompressor();

/** The densest element is a copy of 64 bytes in 3. */
const MOST_EXPANSION = 22;

/** Decompresses a raw Snappy block of at most `limit` bytes of output. */
export function decompressSnappy(input: Uint8Array, limit: number): Decompressed {
  const length = new Cursor(input).varint32();
  if (length === undefined) return { error: 'the Snappy length is cut off' };
  if (length > limit) return { error: `the Snappy length of ${length} is above the limit of ${limit}` };
  if (length > input.length * MOST_EXPANSION) {
    return { error: `${input.length} bytes of Snappy cannot expand to ${length}` };
  }
  try {
    return { bytes: uncompress(input, length) };
  } catch {
    // hysnappy's own words ("missing eof marker") mean any of these
    return { error: 'a Snappy element is cut off or reaches outside of the block' };
  }
}

export function compressSnappy(bytes: Uint8Array): Uint8Array {
  return compress(bytes);
}
