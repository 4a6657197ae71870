import type { Decompressed } from './decompressed.js';

/*
 * A raw LZ4 block (lz4 doc/lz4_Block_format.md): sequences of
 *
 *   +-------+-----------------+----------+---------------+-----------------+
 *   | token | literal length… | literals | offset u16 LE | match length…   |
 *   +-------+-----------------+----------+---------------+-----------------+
 *
 * token = literal length (high nibble) and match length - 4 (low nibble); a nibble of 15 is continued in bytes that are
 * added up until one is not 255. The last sequence ends after its literals.
 *
 * Our own, because no library will do: lz4js accepts damaged input, lz4 wants an install script, and neither takes the
 * external dictionary that RocksDB's blocks refer back into. It refuses what the reference decoder refuses, the rules for
 * the end of a block included.
 */

const LONGEST_OFFSET = 0xffff;
const SHORTEST_MATCH = 4;
/** The last five bytes of a block are literals, and a match does not start in the last twelve. */
const LAST_LITERALS = 5;
const MATCH_FREE_END = 12;
/** A length byte of 255 adds at most 255 bytes of output. */
const MOST_EXPANSION = 255;

/**
 * Decompresses one LZ4 block into exactly `length` bytes. `dictionary` is what stood before the block for its writer; its
 * last 64 KiB count. The result is a view of `into` where that is large enough, else of new memory.
 */
export function decompressLz4(
  input: Uint8Array,
  length: number,
  dictionary?: Uint8Array,
  into?: Uint8Array,
): Decompressed {
  if (length > input.length * MOST_EXPANSION)
    return { error: `${input.length} bytes of LZ4 cannot expand to ${length}` };
  const output =
    into !== undefined && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
  const error = expand(input, output, dictionary ?? EMPTY);
  return error === undefined ? { bytes: output } : { error };
}

const EMPTY = new Uint8Array(0);

function expand(input: Uint8Array, output: Uint8Array, dictionary: Uint8Array): string | undefined {
  const inputEnd = input.length;
  const outputEnd = output.length;
  let from = 0;
  let to = 0;
  while (from < inputEnd) {
    const token = input[from++];

    let literals = token >> 4;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255) {
        if (from >= inputEnd) return `the literal length at ${from} is cut off`;
        literals += byte = input[from++];
      }
    }
    if (literals > inputEnd - from) return `${literals} literals at ${from} reach past the end of the input`;
    if (literals > outputEnd - to) return `${literals} literals at ${from} reach past the end of the output`;
    // below 32 bytes a loop is faster than copying through a view
    if (literals < 32) for (let i = 0; i < literals; i++) output[to + i] = input[from + i];
    else output.set(input.subarray(from, from + literals), to);
    from += literals;
    to += literals;

    if (from === inputEnd) {
      return to === outputEnd ? undefined : `the block ends after ${to} of ${outputEnd} bytes`;
    }
    if (outputEnd - to < MATCH_FREE_END)
      return `a match starts at ${from}, too close to the end of the block`;
    if (inputEnd - from < 2) return `the match offset at ${from} is cut off`;
    const offset = input[from] | (input[from + 1] << 8);
    from += 2;
    if (offset === 0) return `the match offset at ${from - 2} is zero`;

    let match = (token & 15) + SHORTEST_MATCH;
    if (match === 15 + SHORTEST_MATCH) {
      let byte = 255;
      while (byte === 255) {
        if (from >= inputEnd) return `the match length at ${from} is cut off`;
        match += byte = input[from++];
      }
    }
    if (match > outputEnd - to - LAST_LITERALS)
      return `a match of ${match} bytes reaches past the end of the output`;

    let copyFrom = to - offset;
    const end = to + match;
    if (copyFrom < 0) {
      const inDictionary = dictionary.length + copyFrom;
      if (inDictionary < 0) return `the match offset ${offset} reaches before the start of the block`;
      const stop = Math.min(end, to - copyFrom);
      for (let i = inDictionary; to < stop; ) output[to++] = dictionary[i++];
      copyFrom = 0;
    }
    // byte by byte: a match may overlap itself, which repeats it
    while (to < end) output[to++] = output[copyFrom++];
  }
  return 'the block ends without literals';
}

/**
 * An LZ4 block of literals only: valid for every decoder and larger than its input by one byte in 255. For the few places
 * where a value must be stored as LZ4 (blob files compress every value or none).
 */
export function compressLz4(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  const extra = length < 15 ? 0 : Math.floor((length - 15) / 255) + 1;
  const output = new Uint8Array(1 + extra + length);
  output[0] = Math.min(length, 15) << 4;
  if (extra > 0) {
    output.fill(255, 1, extra);
    output[extra] = (length - 15) % 255;
  }
  output.set(bytes, 1 + extra);
  return output;
}

/** Only the last 64 KiB of a dictionary can be referred to. */
export function effectiveLz4Dictionary(dictionary: Uint8Array): Uint8Array {
  return dictionary.subarray(Math.max(0, dictionary.length - LONGEST_OFFSET - 1));
}
