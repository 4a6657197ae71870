import { crc32c } from '../bytes/crc32c.js';
import type { ByteSource, SourceDescriptor, SourceRange } from '../bytes/source.js';

/** A source that reads through another one, of the same size and the same name. Closing it closes the other. */
export abstract class SourceWrapper implements ByteSource {
  constructor(protected readonly inner: ByteSource) {}

  get size(): number {
    return this.inner.size;
  }

  get descriptor(): SourceDescriptor {
    return this.inner.descriptor;
  }

  get unreadable(): readonly SourceRange[] | undefined {
    return this.inner.unreadable;
  }

  abstract read(into: Uint8Array, offset: number): Promise<number>;

  close(): Promise<void> {
    return this.inner.close();
  }
}

class MeteredSource extends SourceWrapper {
  constructor(
    inner: ByteSource,
    private readonly onRead: (bytes: number) => unknown,
  ) {
    super(inner);
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const bytes = await this.inner.read(into, offset);
    await this.onRead(bytes);
    return bytes;
  }
}

/**
 * A source that tells how many bytes each read brought, so that progress is true whatever is read twice. What `onRead` returns
 * is waited for before the bytes are handed on.
 */
export function metered(inner: ByteSource, onRead: (bytes: number) => unknown): ByteSource {
  return new MeteredSource(inner, onRead);
}

/** Bytes that are read at once where nothing else has read them. */
const WINDOW = 1 << 20;

/**
 * Computes the CRC-32C of a whole file out of what passes through: a check reads most of a file once and in order, and only
 * what it left out has to be read besides.
 */
export class ChecksummingSource extends SourceWrapper {
  private crc = 0;
  /** Bytes that the CRC covers. */
  private next = 0;

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
}
