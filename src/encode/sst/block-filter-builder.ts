import { BLOOM_SEED, rocksdbHash } from '../../bytes/rocksdb-hash.js';
import { ByteBuilder } from '../byte-builder.js';

const BITS_PER_KEY = 10;
/** What 10 bits a key do best with (leveldb util/bloom.cc). */
const PROBES = 6;
const LEAST_BITS = 64;
/** A filter for every 2 KiB of the file. */
const BASE_LOG = 11;

/** Builds LevelDB's filter block, see format/sst/filter/block-filter.ts. Keys belong to the data block that was begun last. */
export class BlockFilterBuilder {
  private readonly filters = new ByteBuilder();
  private readonly offsets: number[] = [];
  private hashes: number[] = [];
  private last: number | undefined;
  /** Keys added, repetitions of one key after each other not counted. */
  count = 0;

  /** Adds `bytes[0, length)`, a user key. */
  add(bytes: Uint8Array, length: number): void {
    const hash = rocksdbHash(bytes, 0, length, BLOOM_SEED, 'unsigned');
    if (hash === this.last) return;
    this.last = hash;
    this.hashes.push(hash);
    this.count++;
  }

  /** The next data block stands at that file offset. */
  startBlock(offset: number): void {
    const index = Math.floor(offset / 2 ** BASE_LOG);
    while (index > this.offsets.length) this.endFilter();
  }

  finish(): Uint8Array {
    if (this.hashes.length > 0) this.endFilter();
    const start = this.filters.length;
    for (const offset of [...this.offsets, start]) this.filters.raw(u32(offset));
    return this.filters.u8(BASE_LOG).finish();
  }

  private endFilter(): void {
    const { hashes, filters } = this;
    this.offsets.push(filters.length);
    this.hashes = [];
    this.last = undefined;
    if (hashes.length === 0) return;
    const filter = new Uint8Array(Math.ceil(Math.max(LEAST_BITS, hashes.length * BITS_PER_KEY) / 8));
    const bits = filter.length * 8;
    for (let hash of hashes) {
      const delta = ((hash >>> 17) | (hash << 15)) >>> 0;
      for (let i = 0; i < PROBES; i++) {
        const bit = hash % bits;
        filter[bit >>> 3] |= 1 << (bit & 7);
        hash = (hash + delta) >>> 0;
      }
    }
    filters.raw(filter).u8(PROBES);
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
