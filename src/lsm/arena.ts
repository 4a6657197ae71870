import { CHUNK, type MemoryPool } from './memory-pool.js';

const FIRST_CHUNK = 4096;
/** A reference is the chunk's index above these bits and the place in the chunk, in units of 8 bytes, below. */
const PLACE_BITS = 17;
const PLACE_MASK = (1 << PLACE_BITS) - 1;

/**
 * Entries packed into chunks that grow from 4 KiB to 1 MiB: no object per entry, no doubling copy of a large array.
 *
 *     u32 low | u32 high | u32 key length | u32 value length | key | value | padding to 8 bytes
 *
 * `low` and `high` are the trailer's halves (see key-order.ts). An entry is named by a u32 reference. One that is
 * larger than a chunk gets a chunk to itself.
 */
export class Arena {
  private readonly chunks: Uint8Array[] = [];
  private readonly words: Uint32Array[] = [];
  /** The chunk that is being filled, and the bytes used of it. */
  private current = -1;
  private used = 0;
  private nextSize = FIRST_CHUNK;
  /** Bytes of all chunks. */
  bytes = 0;

  constructor(private readonly pool: MemoryPool) {}

  add(key: Uint8Array, high: number, low: number, value: Uint8Array): number {
    const size = (16 + key.length + value.length + 7) & ~7;
    let chunk = this.current;
    let at = this.used;
    if (size > CHUNK) {
      chunk = this.grow(size);
      at = 0;
    } else {
      if (chunk < 0 || at + size > this.chunks[chunk].length) {
        while (this.nextSize < size) this.nextSize *= 2;
        chunk = this.current = this.grow(this.nextSize);
        if (this.nextSize < CHUNK) this.nextSize *= 2;
        at = 0;
      }
      this.used = at + size;
    }
    const words = this.words[chunk];
    const word = at >>> 2;
    words[word] = low;
    words[word + 1] = high;
    words[word + 2] = key.length;
    words[word + 3] = value.length;
    const bytes = this.chunks[chunk];
    bytes.set(key, at + 16);
    if (value.length > 0) bytes.set(value, at + 16 + key.length);
    return ((chunk << PLACE_BITS) | (at >>> 3)) >>> 0;
  }

  private grow(size: number): number {
    const buffer = size === CHUNK ? this.pool.takeChunk() : new ArrayBuffer(size);
    this.chunks.push(new Uint8Array(buffer));
    this.words.push(new Uint32Array(buffer));
    this.bytes += size;
    return this.chunks.length - 1;
  }

  /** Gives the chunks back. Nothing may be read from the arena any more. */
  release(): void {
    for (const { buffer } of this.chunks) this.pool.giveChunk(buffer as ArrayBuffer);
    this.chunks.length = 0;
    this.words.length = 0;
    this.bytes = 0;
    this.current = -1;
  }

  /** The chunk that holds an entry. Its key starts at `keyFrom`. */
  chunk(reference: number): Uint8Array {
    return this.chunks[reference >>> PLACE_BITS];
  }

  keyFrom(reference: number): number {
    return ((reference & PLACE_MASK) << 3) + 16;
  }

  keyLength(reference: number): number {
    return this.words[reference >>> PLACE_BITS][((reference & PLACE_MASK) << 1) + 2];
  }

  valueLength(reference: number): number {
    return this.words[reference >>> PLACE_BITS][((reference & PLACE_MASK) << 1) + 3];
  }

  high(reference: number): number {
    return this.words[reference >>> PLACE_BITS][((reference & PLACE_MASK) << 1) + 1];
  }

  low(reference: number): number {
    return this.words[reference >>> PLACE_BITS][(reference & PLACE_MASK) << 1];
  }

  key(reference: number): Uint8Array {
    const from = this.keyFrom(reference);
    return this.chunk(reference).subarray(from, from + this.keyLength(reference));
  }

  value(reference: number): Uint8Array {
    const from = this.keyFrom(reference) + this.keyLength(reference);
    return this.chunk(reference).subarray(from, from + this.valueLength(reference));
  }
}
