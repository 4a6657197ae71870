import { xxph3 } from '../../../bytes/xxph3.js';
import type { Filter } from './filter.js';

/** The Bloom filter of table format 5: all probes of a key in one line of 64 bytes (rocksdb util/bloom_impl.h). */
export class FastLocalBloom implements Filter {
  /** Bytes. */
  static readonly LINE = 64;
  readonly kind = 'fast-local-bloom';
  readonly problems = [];

  constructor(
    private readonly bits: Uint8Array,
    private readonly probes: number,
  ) {}

  mayMatch(bytes: Uint8Array, start: number, end: number): boolean {
    const { bits, probes } = this;
    const hash = xxph3(bytes, start, end);
    const lines = BigInt(bits.length / FastLocalBloom.LINE);
    const line = Number(((hash & 0xffffffffn) * lines) >> 32n) * FastLocalBloom.LINE;
    let rest = Number(hash >> 32n) | 0;
    for (let i = 0; i < probes; i++) {
      const bit = rest >>> 23;
      if ((bits[line + (bit >>> 3)] & (1 << (bit & 7))) === 0) return false;
      rest = Math.imul(rest, GOLDEN_RATIO);
    }
    return true;
  }
}

const GOLDEN_RATIO = 0x9e3779b9;
