import { crc32c } from '../bytes/crc32c.js';
import type { ByteSource, SourceDescriptor } from '../bytes/source.js';

/** Bytes that are read at once where nothing else has read them. */
const WINDOW = 1 << 20;

/**
 * Computes the CRC-32C of a whole file out of what passes through: a check reads most of a file once and in order, and only
 * what it left out has to be read besides.
 */
export class ChecksummingSource implements ByteSource {
  private crc = 0;
  /** Bytes that the CRC covers. */
  private next = 0;

  constructor(private readonly inner: ByteSource) {}

  get size(): number {
    return this.inner.size;
  }

  get descriptor(): SourceDescriptor {
    return this.inner.descriptor;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const got = await this.inner.read(into, offset);
    const skip = this.next - offset;
    if (skip >= 0 && got > skip) {
      this.crc = crc32c(into, skip, got, this.crc);
      this.next += got - skip;
    }
    return got;
  }

  /** CRC-32C of the whole file. Reads what has not passed through yet. */
  async checksum(): Promise<number> {
    const window = new Uint8Array(Math.min(WINDOW, Math.max(this.size - this.next, 0)));
    while (this.next < this.size) {
      const got = await this.read(
        window.subarray(0, Math.min(window.length, this.size - this.next)),
        this.next,
      );
      if (got === 0) break;
    }
    return this.crc;
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
