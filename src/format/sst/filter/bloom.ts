import { hashResult, hashXxph3, KERNEL_FILTER, keyHashes, probeBloom } from '../../../bytes/kernel.js';
import { BLOOM_SEED, rocksdbHash } from '../../../bytes/rocksdb-hash.js';
import type { Filter, FilterProblem, KernelBloom } from './filter.js';

/** The Bloom filter of table format 5: all probes of a key in one line of 64 bytes (rocksdb util/bloom_impl.h). */
export class FastLocalBloom implements Filter {
  /** Bytes. */
  static readonly LINE = 64;
  readonly kind = 'fast-local-bloom';
  readonly problems = [];
  private readonly bits: Uint8Array;
  /** The bits in words: two operations less a probe than bytes. */
  private readonly words: Uint32Array;
  private readonly lines: number;
  /** A hash times this is its line, where the product is exact. */
  private readonly scale: number;

  constructor(
    bits: Uint8Array,
    private readonly probes: number,
  ) {
    this.bits = Uint8Array.from(bits);
    this.words = new Uint32Array(this.bits.buffer);
    this.lines = bits.length / FastLocalBloom.LINE;
    this.scale = this.lines / 0x1_0000_0000;
  }

  get bloom(): KernelBloom | undefined {
    const { bits, lines, probes } = this;
    return bits.length <= KERNEL_FILTER ? { bits, lines, probes, parts: 0 } : undefined;
  }

  mayMatch(bytes: Uint8Array, start: number, end: number): boolean {
    hashXxph3(bytes, start, end);
    return this.mayMatchAll(hashResult, 1);
  }

  mayMatchAll(hashes: Uint32Array, count: number): boolean {
    const { bits, words, probes, lines, scale } = this;
    if (hashes === keyHashes && bits.length <= KERNEL_FILTER) return probeBloom(bits, probes, count);
    const exact = lines <= EXACT_LINES;
    for (let at = 0; at < 2 * count; at += 2) {
      const line = (exact ? (hashes[at] * scale) | 0 : scaled(hashes[at], lines)) * WORDS;
      let hash = hashes[at + 1] | 0;
      for (let i = 0; i < probes; i++) {
        // the top nine bits are the bit's number in the line; a shift counts modulo 32
        if (((words[line + (hash >>> 28)] >>> (hash >>> 23)) & 1) === 0) return false;
        hash = Math.imul(hash, GOLDEN_RATIO);
      }
    }
    return true;
  }
}

/** Up to here a hash times the number of lines stays below 2^53. */
const EXACT_LINES = 1 << 21;

/** `hash · lines / 2^32`, rounded down, by halves. */
function scaled(hash: number, lines: number): number {
  const low = Math.floor(((hash & 0xffff) * lines) / 0x10000);
  return Math.floor(((hash >>> 16) * lines + low) / 0x10000);
}

/** Words in a line. */
const WORDS = 16;
const GOLDEN_RATIO = 0x9e3779b9;

/** The Bloom filter of table formats up to 4: all probes of a key in one cache line (rocksdb util/bloom_impl.h). */
export class LegacyBloom implements Filter {
  readonly kind = 'legacy-bloom';
  private readonly bitMask: number;

  constructor(
    private readonly bits: Uint8Array,
    private readonly lines: number,
    /** Bytes, a power of two. */
    private readonly lineSize: number,
    private readonly probes: number,
    readonly problems: readonly FilterProblem[],
  ) {
    this.bitMask = lineSize * 8 - 1;
  }

  mayMatch(bytes: Uint8Array, start: number, end: number): boolean {
    let hash = rocksdbHash(bytes, start, end, BLOOM_SEED);
    const delta = (hash >>> 17) | (hash << 15) | 0;
    const line = (hash % this.lines) * this.lineSize;
    for (let i = 0; i < this.probes; i++) {
      const bit = hash & this.bitMask;
      if ((this.bits[line + (bit >>> 3)] & (1 << (bit & 7))) === 0) return false;
      hash = (hash + delta) | 0;
    }
    return true;
  }
}
