import { ReusedBuffer } from '../../bytes/reused-buffer.js';
import type { ByteSource } from '../../bytes/source.js';

/** Bytes read at once: large enough that a read's fixed cost does not show, small enough to stay in the cache. */
const CHUNK = 1024 * 1024;

/** Ranges of a source, read in large pieces into one buffer. For one reader: what it was given ends with the next read. */
export class SourceWindow {
  private readonly buffer: ReusedBuffer;
  private current: Uint8Array = NOTHING;
  private isReading = false;
  private offset = 0;
  private held = 0;
  /** Bytes that came from the source. */
  bytesRead = 0;

  constructor(
    private readonly source: ByteSource,
    /** No read reaches past it. */
    private readonly limit: number,
    /** Memory to read into, or how much of it to take; more is taken where a range does not fit. */
    buffer: Uint8Array | number = CHUNK,
  ) {
    this.buffer = new ReusedBuffer(
      typeof buffer === 'number' ? Math.max(1, Math.min(buffer, limit)) : buffer,
    );
  }

  /** Makes `[offset, offset + length)` available, up to the end of the source. Rejects when the medium fails. */
  async ensure(offset: number, length: number): Promise<void> {
    if (this.has(offset, length)) return;
    if (this.isReading) throw new Error('two readers share one window');
    const wanted = Math.max(0, Math.min(Math.max(length, this.buffer.capacity), this.limit - offset));
    this.current = this.buffer.give(wanted);
    this.offset = offset;
    this.held = 0;
    this.isReading = true;
    try {
      this.held = await this.source.read(this.current, offset);
    } finally {
      this.isReading = false;
    }
    this.bytesRead += this.held;
  }

  /** File offset of the first byte in the buffer. */
  get start(): number {
    return this.offset;
  }

  /** How many bytes of the file are in the buffer. */
  get filled(): number {
    return this.held;
  }

  /** True when the range is in the buffer. */
  has(offset: number, length: number): boolean {
    return offset >= this.offset && offset + length <= this.offset + this.held;
  }

  /** Where file offset `offset` stands in `bytes`, for ranges that `has` confirms. */
  position(offset: number): number {
    return offset - this.offset;
  }

  /** The buffer itself; the next `ensure` overwrites it. */
  get bytes(): Uint8Array {
    return this.current;
  }

  /** The range as a view of the buffer; undefined when the source does not hold all of it. */
  view(offset: number, length: number): Uint8Array | undefined {
    if (!this.has(offset, length)) return undefined;
    return this.current.subarray(offset - this.offset, offset - this.offset + length);
  }

  /** Fills `into` with what there is of it from file offset `offset` on; returns how many bytes that are. */
  copy(into: Uint8Array, offset: number): number {
    const from = offset - this.offset;
    const found = from < 0 ? NOTHING : this.current.subarray(from, Math.min(this.held, from + into.length));
    into.set(found);
    return found.length;
  }
}

const NOTHING = new Uint8Array(0);
