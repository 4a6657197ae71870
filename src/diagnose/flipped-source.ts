import type { ByteSource, SourceDescriptor } from '../bytes/source.js';

/** A bit of a file. */
export interface BitChange {
  offset: number;
  bit: number;
}

/** A source with some bits flipped: how a file would read if they were put back. Closing it leaves the inner one open. */
export class FlippedSource implements ByteSource {
  readonly size: number;

  constructor(
    private readonly inner: ByteSource,
    private readonly changes: readonly BitChange[],
  ) {
    this.size = inner.size;
  }

  get descriptor(): SourceDescriptor {
    return this.inner.descriptor;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const got = await this.inner.read(into, offset);
    flipBits(into.subarray(0, got), offset, this.changes);
    return got;
  }

  async close(): Promise<void> {}
}

/** Flips the bits that lie in `bytes`, which begin at file offset `base`. */
export function flipBits(bytes: Uint8Array, base: number, changes: readonly BitChange[]): void {
  for (const { offset, bit } of changes) {
    const at = offset - base;
    if (at >= 0 && at < bytes.length) bytes[at] ^= 1 << bit;
  }
}
