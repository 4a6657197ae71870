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

/**
 * The same block with the length in front that its elements come to, where they come to another one: the length alone may be
 * wrong. Undefined where they do not end with the block.
 */
export function snappyLength(input: Uint8Array, limit: number): Uint8Array | undefined {
  const cursor = new Cursor(input);
  if (cursor.varint32() === undefined) return undefined;
  const body = input.subarray(cursor.position);
  let length = 0;
  for (let at = 0; at < body.length; ) {
    const tag = body[at++];
    const size = tag >> 2;
    if ((tag & 3) === 0) {
      // literals of more than 60 bytes have their length after the tag
      const extra = Math.max(0, size - 59);
      let literal = size;
      if (extra > 0) {
        literal = 0;
        for (let i = extra - 1; i >= 0; i--) literal = literal * 256 + (body[at + i] ?? 0);
        at += extra;
      }
      at += literal + 1;
      length += literal + 1;
      if (at > body.length) return undefined;
    } else {
      at += COPY_OFFSET[tag & 3];
      length += (tag & 3) === 1 ? (size & 7) + 4 : size + 1;
      if (at > body.length) return undefined;
    }
    if (length > limit) return undefined;
  }
  const prefix: number[] = [];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    prefix.push(rest < 128 ? rest : (rest % 128) | 0x80);
    if (rest < 128) break;
  }
  return Buffer.concat([Uint8Array.from(prefix), body]);
}

/** Bytes after the tag of a copy, by its kind. */
const COPY_OFFSET = [0, 1, 2, 4];
