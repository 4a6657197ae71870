import { ReusedBuffer, retire } from '../../bytes/reused-buffer.js';
import type { ByteSource } from '../../bytes/source.js';
import { BLOCK_SIZE } from './types.js';

/** Blocks that one read brings in: 1 MiB. */
const CHUNK_BLOCKS = 32;

/**
 * Reads a file from a block on in chunks of whole blocks, the next one while the current one is worked on. Two buffers,
 * used in turn: a chunk is good until `next`.
 */
export class BlockChunks {
  /** The current chunk; only `length` bytes of it are of the file. */
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  /** File offset of its first byte. */
  offset: number;
  /** Nothing comes after it. */
  last = false;
  /** The current block, as positions in the chunk. */
  blockStart = 0;
  blockEnd = 0;
  /** Bytes of the file: what the source said, or less if it came to its end before. */
  size: number;

  /** The buffer of the current chunk, and the buffer for the next one. */
  private buffer = new ReusedBuffer();
  private other = new ReusedBuffer();
  private ahead: { bytes: Uint8Array; read: Promise<number> } | undefined;

  /** `from`: file offset of the first block to read. */
  constructor(
    private readonly source: ByteSource,
    from: number,
  ) {
    this.offset = from;
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
    const { bytes, read } = this.ahead ?? this.read(this.offset);
    this.ahead = undefined;
    retire(this.bytes);
    this.length = await read;
    [this.buffer, this.other] = [this.other, this.buffer];
    this.bytes = bytes;
    if (this.length < bytes.length) this.size = this.offset + this.length;
    this.last = this.offset + this.length >= this.size;
    this.blockStart = 0;
    this.blockEnd = Math.min(BLOCK_SIZE, this.length);
    if (this.last) return;
    this.ahead = this.read(this.offset + this.length);
    // A failure is for the `next` that waits for it; it must not be an unhandled rejection until then.
    this.ahead.read.catch(() => {});
  }

  private read(offset: number): { bytes: Uint8Array; read: Promise<number> } {
    const wanted = Math.min(Math.max(this.size - offset, 0), CHUNK_BLOCKS * BLOCK_SIZE);
    const bytes = this.other.give(wanted);
    return { bytes, read: this.source.read(bytes, offset) };
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
