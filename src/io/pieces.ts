import type { ByteSource, SourceDescriptor } from '../bytes/source.js';

/** A piece in its place. */
interface Placed {
  /** Where it begins in the whole, and in its source. */
  at: number;
  offset: number;
  length: number;
  source: ByteSource;
}

/** Sources end to end. A piece whose source is too short ends the whole, as the end of a file would. */
class PiecedSource implements ByteSource {
  constructor(
    readonly descriptor: SourceDescriptor,
    private readonly pieces: readonly Placed[],
    readonly size: number,
  ) {}

  async read(into: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    for (const { at, length, offset: from, source } of this.pieces) {
      const position = offset + done;
      if (position < at || position >= at + length) continue;
      const wanted = Math.min(into.length - done, at + length - position);
      const got = await source.read(into.subarray(done, done + wanted), from + position - at);
      done += got;
      if (got < wanted || done === into.length) break;
    }
    return done;
  }

  async close(): Promise<void> {
    for (const source of new Set(this.pieces.map(({ source }) => source))) await source.close();
  }
}

/** Opens every source that pieces are taken from, each file once. */
export async function openPieces(
  descriptor: Extract<SourceDescriptor, { kind: 'pieces' }>,
  open: (descriptor: SourceDescriptor) => Promise<ByteSource>,
): Promise<ByteSource> {
  const opened: { of: SourceDescriptor; source: ByteSource }[] = [];
  const placed: Placed[] = [];
  let at = 0;
  try {
    for (const { of, offset, length } of descriptor.pieces) {
      let known = opened.find((each) => sameFile(each.of, of));
      if (known === undefined) opened.push((known = { of, source: await open(of) }));
      placed.push({ at, offset, length, source: known.source });
      at += length;
    }
  } catch (error) {
    for (const { source } of opened) await source.close();
    throw error;
  }
  return new PiecedSource(descriptor, placed, at);
}

function sameFile(a: SourceDescriptor, b: SourceDescriptor): boolean {
  return a === b || (a.kind === 'file' && b.kind === 'file' && a.path === b.path);
}
