import type { ByteSource, SourceDescriptor } from '../bytes/source.js';

/** All of a member's bytes, in `into` or in memory of their own. */
export async function concatenated(
  content: AsyncIterable<Uint8Array>,
  size: number,
  into: Uint8Array = new Uint8Array(size),
): Promise<Uint8Array> {
  let at = 0;
  for await (const chunk of content) {
    into.set(chunk, at);
    at += chunk.length;
  }
  return into.subarray(0, at);
}

/** Bytes after the newest that stay readable: a check that finds damage looks at it again. */
const BEHIND = 24 << 20;
/** Bytes ahead that a read may jump over. */
const AHEAD = 16 << 20;

/**
 * A large file that streams by: its end has been kept from an earlier reading, the rest can be read in order, once. A read
 * elsewhere rejects with ENOTSUP.
 */
export class PassingSource implements ByteSource {
  readonly descriptor: SourceDescriptor;
  private readonly chunks: { at: number; bytes: Uint8Array }[] = [];
  private readonly content: AsyncIterator<Uint8Array>;
  /** Bytes that have come. */
  private end = 0;

  constructor(
    member: { path: string; content: AsyncIterable<Uint8Array> },
    readonly size: number,
    private readonly tail: Uint8Array,
  ) {
    this.descriptor = { kind: 'archived', archive: '', member: member.path };
    this.content = member.content[Symbol.asyncIterator]();
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const wanted = Math.max(0, Math.min(into.length, this.size - offset));
    const tailAt = this.size - this.tail.length;
    if (offset >= tailAt) {
      into.set(this.tail.subarray(offset - tailAt, offset - tailAt + wanted));
      return wanted;
    }
    if (offset > this.end + AHEAD || (this.chunks.length > 0 && offset < this.chunks[0].at)) {
      throw Object.assign(
        new Error('too large to be read at any offset while it streams out of an archive'),
        {
          code: 'ENOTSUP',
        },
      );
    }
    await this.advance(Math.min(offset + wanted, tailAt), offset);
    let done = 0;
    for (const { at, bytes } of this.chunks) {
      const from = offset + done - at;
      if (from < 0 || from >= bytes.length) continue;
      const part = bytes.subarray(from, from + wanted - done);
      into.set(part, done);
      done += part.length;
      if (done === wanted) return done;
    }
    return offset + done >= tailAt
      ? done + (await this.read(into.subarray(done, wanted), offset + done))
      : done;
  }

  private async advance(to: number, keep: number): Promise<void> {
    while (this.end < to) {
      const { value, done } = await this.content.next();
      if (done) return;
      this.chunks.push({ at: this.end, bytes: value });
      this.end += value.length;
      const from = Math.min(keep, this.end - BEHIND);
      while (this.chunks.length > 1 && this.chunks[1].at <= from) this.chunks.shift();
    }
  }

  /** Lets the rest pass, so that what follows it can be read. */
  async drain(): Promise<void> {
    this.chunks.length = 0;
    while (!(await this.content.next()).done);
  }

  async close(): Promise<void> {}
}
