import type { ByteSource } from '../../bytes/source.js';
import { BLOCK_SIZE } from './types.js';

/** Blocks that one read brings in: 1 MiB. */
const CHUNK_BLOCKS = 32;

/**
 * Reads a file front to back in chunks of whole blocks, the next one while the current one is worked on. Two buffers,
 * used in turn: what was read before is written over by the second `next`.
 */
export class BlockChunks {
  /** The current chunk; only `length` bytes of it are of the file. */
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  /** File offset of its first byte. */
  offset = 0;
  /** Nothing comes after it. */
  last = false;
  /** The current block, as positions in the chunk. */
  blockStart = 0;
  blockEnd = 0;
  /** Bytes of the file: what the source said, or less if it came to its end before. */
  size: number;

  private other: Uint8Array | undefined;
  private pending: Promise<number> | undefined;

  constructor(private readonly source: ByteSource) {
    this.size = source.size;
  }

  /** The current block is cut short by the end of the file. */
  get short(): boolean {
    return this.blockEnd - this.blockStart < BLOCK_SIZE;
  }

  /** Makes the next block of the chunk current; false when there is none. */
  nextBlock(): boolean {
    if (this.blockEnd >= this.length) return false;
    this.blockStart = this.blockEnd;
    this.blockEnd = Math.min(this.blockEnd + BLOCK_SIZE, this.length);
    return true;
  }

  /** Makes the next chunk and its first block current. Rejects when the medium fails. */
  async next(): Promise<void> {
    this.offset += this.length;
    const current = this.other ?? this.buffer(this.offset);
    this.length = await (this.pending ?? this.source.read(current, this.offset));
    this.pending = undefined;
    this.other = this.bytes.length > 0 ? this.bytes : undefined;
    this.bytes = current;
    if (this.length < current.length) this.size = this.offset + this.length;
    this.last = this.offset + this.length >= this.size;
    this.blockStart = 0;
    this.blockEnd = Math.min(BLOCK_SIZE, this.length);
    if (!this.last) this.prefetch();
  }

  private prefetch(): void {
    const next = this.offset + this.length;
    const wanted = Math.min(this.size - next, CHUNK_BLOCKS * BLOCK_SIZE);
    if (this.other === undefined || this.other.length !== wanted) this.other = this.buffer(next);
    this.pending = this.source.read(this.other, next);
    // A failure is for the `next` that waits for it; it must not be an unhandled rejection until then.
    this.pending.catch(() => {});
  }

  private buffer(offset: number): Uint8Array {
    return new Uint8Array(Math.min(Math.max(this.size - offset, 0), CHUNK_BLOCKS * BLOCK_SIZE));
  }
}

const zeros = Buffer.alloc(BLOCK_SIZE);

/** The first byte in `bytes[from, to)` that is not zero, or `to`. */
export function firstNonZero(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to) {
    const end = Math.min(at + BLOCK_SIZE, to);
    if (zeros.compare(bytes, at, end, 0, end - at) !== 0) {
      while (bytes[at] === 0) at++;
      return at;
    }
    at = end;
  }
  return to;
}
