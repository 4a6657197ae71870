import type { Decompressed } from './decompressed.js';
import { zstdFrame } from './zstd-frame.js';
import { zstdLibrary } from './zstd-library.js';

/*
 * Zstandard frames, with and without dictionary. node:zlib has zstd from 22.15 on, and for blocks of 16 KiB and more it is
 * 1.6 times as fast, but it takes bytes after the frame, and of 3,000 frames with one flipped bit it gave out 26 as good
 * that libzstd's own one-shot decoder refuses or decodes otherwise. Here a block is exactly one frame, or damaged.
 */

/** A block of 128 KiB can be one repeated byte, four bytes on disk. */
const MOST_EXPANSION = 32768;

/** zstd's error numbers with the text of zstd_errors.h, for errors that damaged data can cause. */
const ERRORS: Record<number, string> = {
  [-10]: 'not a zstd frame',
  [-14]: 'unsupported zstd frame parameter',
  [-16]: 'the zstd frame wants too much memory',
  [-20]: 'corrupt zstd block',
  [-22]: 'the zstd content checksum does not match',
  [-24]: 'corrupt zstd literals',
  [-30]: 'the zstd dictionary is corrupt',
  [-32]: 'the zstd frame was written with another dictionary',
  [-64]: 'no memory for the zstd frame',
  [-70]: 'the zstd frame holds more than its size promises',
  [-72]: 'the zstd frame is cut off',
};

/**
 * Decompresses zstd frames into `length` bytes (absent: what the frame itself promises, at most `limit`). A dictionary may
 * be a trained one or raw content; zstd tells them apart by the magic. It must not change between calls. The result is a view
 * of `into` where that is large enough, else of new memory.
 */
export function decompressZstd(
  input: Uint8Array,
  length: number | undefined,
  limit: number,
  dictionary?: Uint8Array,
  into?: Uint8Array,
): Decompressed {
  const frame = zstdFrame(input);
  if (frame === undefined) return { error: 'the zstd frame is cut off' };
  if ('error' in frame) return frame;
  const size = length ?? frame.contentSize;
  if (size === undefined) return { error: 'the zstd frame does not say how large its content is' };
  if (frame.contentSize !== undefined && frame.contentSize !== size) {
    return { error: `the zstd frame promises ${frame.contentSize} bytes, the block ${size}` };
  }
  if (size > limit) return { error: `the zstd size of ${size} is above the limit of ${limit}` };
  if (size > input.length * MOST_EXPANSION)
    return { error: `${input.length} bytes of zstd cannot expand to ${size}` };
  const { decoder } = zstdLibrary();
  try {
    const decoded = decoder.decode(input, size, dictionary, into);
    if (typeof decoded !== 'number') return { bytes: decoded };
    return { error: ERRORS[decoded] ?? `zstd error ${-decoded}` };
  } catch (error) {
    return { error: `zstd: ${error instanceof Error ? error.message : error}` };
  }
}

export function compressZstd(bytes: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  return zstdLibrary().compress(bytes, dictionary);
}
