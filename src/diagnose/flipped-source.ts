import type { ByteSource } from '../bytes/source.js';
import { SourceWrapper } from '../io/wrappers.js';

/** A bit of a file. */
export interface BitChange {
  offset: number;
  bit: number;
}

/** A source with some bits flipped: how a file would read if they were put back. Closing it leaves the inner one open. */
export class FlippedSource extends SourceWrapper {
  constructor(
    inner: ByteSource,
    private readonly changes: readonly BitChange[],
  ) {
    super(inner);
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const got = await this.inner.read(into, offset);
    flipBits(into.subarray(0, got), offset, this.changes);
    return got;
  }

  override async close(): Promise<void> {}
}

/** Flips the bits that lie in `bytes`, which begin at file offset `base`. */
export function flipBits(bytes: Uint8Array, base: number, changes: readonly BitChange[]): void {
  for (const { offset, bit } of changes) {
    const at = offset - base;
    if (at >= 0 && at < bytes.length) bytes[at] ^= 1 << bit;
  }
}
