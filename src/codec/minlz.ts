import type { Decompressed } from './decompressed.js';
import { decompressSnappy } from './snappy.js';

/*
 * A MinLZ block (minio/minlz SPEC.md 1.0): 00 | uncompressed length varint | operations. The low two bits of an operation's first
 * byte say what it is; a copy repeats earlier output, and leaves its offset for repeats:
 *
 *   0   bit 2 clear: literals; set: a copy from the last offset; length from the upper five bits
 *   1   a short copy: 10 bits of offset, 4 of length
 *   2   a copy: 16 bits of offset, 6 of length
 *   3   bit 2 clear: up to 4 literals, then a copy with 16 bits of offset and 3 of length
 *       bit 2 set: up to 3 literals, then a copy with 21 bits of offset and 6 of length
 *
 * Length 0: the rest is the content as it is. A block that begins with another byte is Snappy's.
 */
const LONGEST = 8 * 1024 * 1024;
const CUT_OFF = { error: 'a MinLZ operation is cut off or reaches outside of the block' } as const;

/** Decompresses a block of at most `limit` bytes of output. */
export function decompressMinLz(input: Uint8Array, limit: number): Decompressed {
  if (input.length === 0) return CUT_OFF;
  if (input[0] !== 0) return decompressSnappy(input, limit);
  let at = 1;
  let length = 0;
  for (let scale = 1, i = 0; ; scale *= 0x80, i++) {
    if (i === 5 || at >= input.length) return { error: 'the MinLZ length is cut off' };
    const byte = input[at++];
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (length === 0) return { bytes: input.subarray(at) };
  if (length > Math.min(limit, LONGEST)) return { error: `the MinLZ length of ${length} is above the limit` };
  return run(input, at, new Uint8Array(length));
}

/** A number of `width` bytes; past the end of the input its bytes are 0, and the position then tells. */
function fixed(input: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + (input[at + i] ?? 0);
  return value;
}

function run(input: Uint8Array, start: number, output: Uint8Array): Decompressed {
  let at = start;
  let to = 0;
  let offset = 1;
  /** The length that a field means: from `base` on its bytes follow, and `most` is added to them. */
  const lengthOf = (field: number, base: number, none: number, most: number) => {
    if (field < base) return field + none;
    const width = field - base + 1;
    const value = fixed(input, at, width) + most;
    at += width;
    return value;
  };
  while (at < input.length) {
    const tag = input[at];
    let literals = 0;
    let copied = 0;
    switch (tag & 3) {
      case 0: {
        at++;
        const length = lengthOf(tag >> 3, 29, 1, 30);
        if ((tag & 4) === 0) literals = length;
        else copied = length;
        break;
      }
      case 1: {
        offset = ((tag >> 6) | ((input[at + 1] ?? 0) << 2)) + 1;
        at += 2;
        copied = lengthOf((tag >> 2) & 15, 15, 4, 18);
        break;
      }
      case 2: {
        offset = 64 + fixed(input, at + 1, 2);
        at += 3;
        copied = lengthOf(tag >> 2, 61, 4, 64);
        break;
      }
      default:
        if ((tag & 4) === 0) {
          literals = 1 + ((tag >> 3) & 3);
          offset = 64 + fixed(input, at + 1, 2);
          copied = 4 + (tag >> 5);
          at += 3;
        } else {
          const word = fixed(input, at, 4);
          literals = (word >>> 3) & 3;
          offset = 65536 + (word >>> 11);
          at += 4;
          copied = lengthOf((word >>> 5) & 63, 61, 4, 64);
        }
    }
    if (at + literals > input.length || to + literals + copied > output.length) return CUT_OFF;
    output.set(input.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (copied > 0 && offset > to) return CUT_OFF;
    for (const end = to + copied; to < end; to++) output[to] = output[to - offset];
  }
  if (to === output.length) return { bytes: output };
  return { error: `${to} bytes came out, ${output.length} were promised` };
}
