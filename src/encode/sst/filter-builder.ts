import { hashResult, hashXxph3 } from '../../bytes/kernel.js';
import { BLOOM_SEED, rocksdbHash } from '../../bytes/rocksdb-hash.js';

const LINE = 64;
const BITS_PER_KEY = 10;
/** What 10 bits a key do best with (rocksdb util/bloom_impl.h, `ChooseNumProbes`). */
const PROBES = 6;
const GOLDEN_RATIO = 0x9e3779b9;

/** Collects keys and builds the Bloom filter of table format 5 for them, see format/sst/filter/bloom.ts. */
export class FilterBuilder {
  private hashes = new Uint32Array(1024);
  /** Keys added, repetitions of one key after each other not counted. */
  count = 0;

  /** Adds `bytes[0, length)`, a user key without its timestamp. */
  add(bytes: Uint8Array, length: number): void {
    hashXxph3(bytes, 0, length);
    const [low, high] = hashResult;
    const at = 2 * this.count;
    if (this.count > 0 && this.hashes[at - 2] === low && this.hashes[at - 1] === high) return;
    if (at === this.hashes.length) {
      const grown = new Uint32Array(2 * at);
      grown.set(this.hashes);
      this.hashes = grown;
    }
    this.hashes[at] = low;
    this.hashes[at + 1] = high;
    this.count++;
  }

  /** The filter block; `undefined` without keys. */
  finish(): Uint8Array | undefined {
    if (this.count === 0) return undefined;
    const lines = Math.max(1, Math.ceil((this.count * BITS_PER_KEY) / (8 * LINE)));
    const block = new Uint8Array(lines * LINE + 5);
    const wide = BigInt(lines);
    for (let at = 0; at < 2 * this.count; at += 2) {
      const line = Number((BigInt(this.hashes[at]) * wide) >> 32n) * LINE;
      let hash = this.hashes[at + 1] | 0;
      for (let i = 0; i < PROBES; i++) {
        const bit = hash >>> 23;
        block[line + (bit >>> 3)] |= 1 << (bit & 7);
        hash = Math.imul(hash, GOLDEN_RATIO);
      }
    }
    // the mark of filters newer than the first kind, no sub-kind, 64-byte lines
    block[lines * LINE] = 0xff;
    block[lines * LINE + 2] = PROBES;
    return block;
  }
}

/** Collects keys and builds the Bloom filter of older table formats, which Pebble writes, see format/sst/filter/bloom.ts. */
export class LegacyFilterBuilder {
  private hashes = new Uint32Array(1024);
  /** Keys added, repetitions of one key after each other not counted. */
  count = 0;

  /** Adds `bytes[0, length)`, a user key as filters have it. */
  add(bytes: Uint8Array, length: number): void {
    const hash = rocksdbHash(bytes, 0, length, BLOOM_SEED);
    if (this.count > 0 && this.hashes[this.count - 1] === hash) return;
    if (this.count === this.hashes.length) {
      const grown = new Uint32Array(2 * this.count);
      grown.set(this.hashes);
      this.hashes = grown;
    }
    this.hashes[this.count++] = hash;
  }

  /** The filter block: lines, an odd number of them | probes u8 | lines u32; `undefined` without keys. */
  finish(): Uint8Array | undefined {
    if (this.count === 0) return undefined;
    const lines = Math.ceil((this.count * BITS_PER_KEY) / (8 * LINE)) | 1;
    const block = new Uint8Array(lines * LINE + 5);
    for (let at = 0; at < this.count; at++) {
      let hash = this.hashes[at] | 0;
      const delta = (hash >>> 17) | (hash << 15) | 0;
      const line = (this.hashes[at] % lines) * LINE;
      for (let i = 0; i < PROBES; i++) {
        const bit = hash & (8 * LINE - 1);
        block[line + (bit >>> 3)] |= 1 << (bit & 7);
        hash = (hash + delta) | 0;
      }
    }
    block[lines * LINE] = PROBES;
    new DataView(block.buffer).setUint32(lines * LINE + 1, lines, true);
    return block;
  }
}
