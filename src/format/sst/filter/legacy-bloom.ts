import { BLOOM_SEED, rocksdbHash } from '../../../bytes/rocksdb-hash.js';
import type { Filter, FilterProblem } from './filter.js';

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
