import type { ByteSource } from '../bytes/source.js';

/** Opens the same bytes anew. */
type Reopen = () => Promise<ByteSource>;

/**
 * Sources of which at most `limit` are open at a time: the one that was not read for longest is closed, and opened again
 * when it is read. A database that a repair left with thousands of overlapping tables can be walked so, too. For reads
 * that follow each other, as those of one walk do.
 */
export class SourcePool {
  private readonly open = new Map<Reopen, ByteSource>();

  constructor(private readonly limit: number) {}

  /** A source that opens itself when it must. Rejects when the file cannot be opened at all. */
  async source(reopen: Reopen): Promise<ByteSource> {
    const { size, descriptor } = await this.take(reopen);
    let unreadable: ByteSource['unreadable'];
    return {
      size,
      descriptor,
      get unreadable() {
        return unreadable;
      },
      read: async (into, offset) => {
        const source = await this.take(reopen);
        const got = await source.read(into, offset);
        unreadable = source.unreadable;
        return got;
      },
      close: () => this.release(reopen),
    };
  }

  private async take(reopen: Reopen): Promise<ByteSource> {
    let source = this.open.get(reopen);
    if (source !== undefined) this.open.delete(reopen);
    else {
      for (const oldest of this.open.keys()) {
        if (this.open.size < this.limit) break;
        await this.release(oldest);
      }
      source = await reopen();
    }
    this.open.set(reopen, source);
    return source;
  }

  private async release(reopen: Reopen): Promise<void> {
    const source = this.open.get(reopen);
    this.open.delete(reopen);
    await source?.close();
  }
}
