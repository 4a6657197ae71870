import { hashResult, hashXxph3 } from '../../../bytes/kernel.js';
import type { Filter } from './filter.js';

/** The Bloom filter of table format 5: all probes of a key in one line of 64 bytes (rocksdb util/bloom_impl.h). */
export class FastLocalBloom implements Filter {
  /** Bytes. */
  static readonly LINE = 64;
  readonly kind = 'fast-local-bloom';
  readonly problems = [];
  private readonly lines: number;

  constructor(
    private readonly bits: Uint8Array,
    private readonly probes: number,
  ) {
    this.lines = bits.length / FastLocalBloom.LINE;
  }

  mayMatch(bytes: Uint8Array, start: number, end: number): boolean {
    hashXxph3(bytes, start, end);
    return this.mayMatchAll(hashResult, 1);
  }

  mayMatchAll(hashes: Uint32Array, count: number): boolean {
    const { bits, probes, lines } = this;
    for (let at = 0; at < 2 * count; at += 2) {
      const line = scaled(hashes[at], lines) * FastLocalBloom.LINE;
      let hash = hashes[at + 1] | 0;
      for (let i = 0; i < probes; i++) {
        const bit = hash >>> 23;
        if ((bits[line + (bit >>> 3)] & (1 << (bit & 7))) === 0) return false;
        hash = Math.imul(hash, GOLDEN_RATIO);
      }
    }
    return true;
  }
}

const GOLDEN_RATIO = 0x9e3779b9;

/** `hash · count / 2^32`, both unsigned 32 bits: by halves, as the product would pass 2^53. */
function scaled(hash: number, count: number): number {
  const low = Math.floor(((hash & 0xffff) * count) / 0x10000);
  return Math.floor(((hash >>> 16) * count + low) / 0x10000);
}
