import { instantiate, type KernelMemory } from '../bytes/webassembly.js';
import type { Decompressed } from './decompressed.js';
import { CODEC_KERNEL } from './kernel-module.js';

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
 * external dictionary that RocksDB's blocks refer back into. In WebAssembly (kernel/codec/lz4.ts), because that expands
 * blocks of 4 KiB at 0.9 GB/s and JavaScript at 0.27. It refuses what the reference decoder refuses, the rules for the end
 * of a block included, and an offset of zero, which the format forbids and liblz4 1.9 lets pass (held against it on 200,000
 * damaged blocks).
 */

interface Exports {
  memory: KernelMemory;
  OUTPUT: { value: number };
  lz4(input: number, inputLength: number, output: number, outputLength: number, dictionary: number): number;
}

const kernel = instantiate<Exports>(CODEC_KERNEL);
const OUTPUT = kernel.OUTPUT.value;

/** What the kernel's numbers mean. */
const ERRORS = [
  '',
  'a literal length is cut off',
  'literals reach past the end of the input',
  'literals reach past the end of the output',
  'the block ends before its output is full',
  'a match starts too close to the end of the block',
  'a match offset is cut off',
  'a match offset is zero',
  'a match length is cut off',
  'a match reaches past the end of the output',
  'a match offset reaches before the start of the block',
  'the block ends without literals',
];

const LONGEST_OFFSET = 0xffff;
/** A length byte of 255 adds at most 255 bytes of output. */
const MOST_EXPANSION = 255;
/** After output and input: both are touched in words of eight. */
const SLACK = 64;
const PAGE = 65536;

/** The kernel's memory as it is now. */
let memory = new Uint8Array(kernel.memory.buffer);
/** The dictionary that stands before the output. */
let placed: Uint8Array | undefined;

/**
 * Decompresses one LZ4 block into exactly `length` bytes. `dictionary` is what stood before the block for its writer; its
 * last 64 KiB count, and it must not change between calls. The result is a view of `into` where that is large enough, else
 * of new memory.
 */
export function decompressLz4(
  input: Uint8Array,
  length: number,
  dictionary?: Uint8Array,
  into?: Uint8Array,
): Decompressed {
  if (length > input.length * MOST_EXPANSION) {
    return { error: `${input.length} bytes of LZ4 cannot expand to ${length}` };
  }
  const inputAt = OUTPUT + length + SLACK;
  if (!reserve(inputAt + input.length + SLACK)) return { error: `no memory for a block of ${length} bytes` };
  memory.set(input, inputAt);
  const error = kernel.lz4(inputAt, input.length, OUTPUT, length, placeDictionary(dictionary));
  if (error !== 0) return { error: ERRORS[error] };
  const output = memory.subarray(OUTPUT, OUTPUT + length);
  if (into === undefined || into.length < length) return { bytes: output.slice() };
  into.set(output);
  return { bytes: into.subarray(0, length) };
}

/** Grows the memory to `size` bytes; false where memory is exhausted. */
function reserve(size: number): boolean {
  if (size <= memory.length) return true;
  try {
    kernel.memory.grow(Math.ceil((size - memory.length) / PAGE));
  } catch {
    return false;
  }
  memory = new Uint8Array(kernel.memory.buffer);
  return true;
}

/** Puts the dictionary directly before the output; returns how much of it counts. */
function placeDictionary(dictionary: Uint8Array | undefined): number {
  if (dictionary === undefined) return 0;
  const effective = dictionary.subarray(Math.max(0, dictionary.length - LONGEST_OFFSET));
  if (placed !== dictionary) {
    memory.set(effective, OUTPUT - effective.length);
    placed = dictionary;
  }
  return effective.length;
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
