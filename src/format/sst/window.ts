import type { ByteSource } from '../../bytes/source.js';

/** Bytes read at once: large enough that a read's fixed cost does not show, small enough to stay in the cache. */
const CHUNK = 1024 * 1024;

/**
 * Ranges of a source, read in large pieces into one buffer that is used again and again: fresh pages for every file cost
 * more than the reading itself.
 */
export class SourceWindow {
  private buffer: Uint8Array;
  private start = 0;
  private filled = 0;
  /** Bytes that came from the source. */
  bytesRead = 0;

  constructor(
    private readonly source: ByteSource,
    /** No read reaches past it. */
    private readonly limit: number,
    /** Memory to read into, or how much of it to take; more is taken where a range does not fit. */
    buffer: Uint8Array | number = CHUNK,
  ) {
    this.buffer = typeof buffer === 'number' ? new Uint8Array(Math.max(1, Math.min(buffer, limit))) : buffer;
  }

  /** Makes `[offset, offset + length)` available, as far as the source has it. Rejects when the medium fails. */
  async ensure(offset: number, length: number): Promise<void> {
    if (this.has(offset, length)) return;
    if (length > this.buffer.length) this.buffer = new Uint8Array(length);
    const wanted = Math.max(0, Math.min(this.buffer.length, this.limit - offset));
    this.start = offset;
    this.filled = 0;
    this.filled = await this.source.read(this.buffer.subarray(0, wanted), offset);
    this.bytesRead += this.filled;
  }

  /** True when the range is in the buffer. */
  has(offset: number, length: number): boolean {
    return offset >= this.start && offset + length <= this.start + this.filled;
  }

  /** Where file offset `offset` stands in `bytes`, for ranges that `has` confirms. */
  position(offset: number): number {
    return offset - this.start;
  }

  /** The buffer itself; the next `ensure` overwrites it. */
  get bytes(): Uint8Array {
    return this.buffer;
  }

  /** The range as a view of the buffer; undefined when the source does not hold all of it. */
  view(offset: number, length: number): Uint8Array | undefined {
    if (!this.has(offset, length)) return undefined;
    return this.buffer.subarray(offset - this.start, offset - this.start + length);
  }
}
