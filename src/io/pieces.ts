import type { ByteSource, SourceDescriptor, SourceRange } from '../bytes/source.js';

/** A range of an open source; of zeros, where there is none. */
export interface OpenPiece {
  source?: ByteSource;
  offset: number;
  /** Bytes. */
  length: number;
}

/**
 * Ranges of sources end to end. A piece whose source is too short ends the whole, as the end of a file would. Closing it
 * closes the sources.
 */
export class PiecedSource implements ByteSource {
  readonly size: number;
  /** Where each piece begins. */
  private readonly starts: number[] = [];

  constructor(
    readonly descriptor: SourceDescriptor,
    private readonly pieces: readonly OpenPiece[],
  ) {
    let at = 0;
    for (const { length } of pieces) {
      this.starts.push(at);
      at += length;
    }
    this.size = at;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    for (let i = this.pieceAt(offset); i < this.pieces.length && done < into.length; i++) {
      const { source, offset: from, length } = this.pieces[i];
      const skipped = offset + done - this.starts[i];
      const wanted = Math.min(into.length - done, length - skipped);
      if (wanted <= 0) continue;
      const part = into.subarray(done, done + wanted);
      const got = source === undefined ? part.fill(0).length : await source.read(part, from + skipped);
      done += got;
      if (got < wanted) break;
    }
    return done;
  }

  get unreadable(): readonly SourceRange[] {
    return this.pieces.flatMap(({ source, offset: from, length }, i) =>
      (source?.unreadable ?? []).flatMap((range) => {
        const start = Math.max(range.offset, from);
        const end = Math.min(range.offset + range.length, from + length);
        return start < end ? [{ offset: this.starts[i] + start - from, length: end - start }] : [];
      }),
    );
  }

  /** The last piece that begins at or before an offset: a repaired table has thousands. */
  private pieceAt(offset: number): number {
    let [low, high] = [0, this.starts.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle] <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  async close(): Promise<void> {
    for (const source of new Set(this.pieces.map(({ source }) => source))) await source?.close();
  }
}

/** A range of a source. */
export function slice(source: ByteSource, offset: number, length: number): ByteSource {
  return new PiecedSource(source.descriptor, [{ source, offset, length }]);
}

/** Opens every source that pieces are taken from, each file once. */
export async function openPieces(
  descriptor: Extract<SourceDescriptor, { kind: 'pieces' }>,
  open: (descriptor: SourceDescriptor) => Promise<ByteSource>,
): Promise<ByteSource> {
  const files = new Map<string, ByteSource>();
  const placed: Required<OpenPiece>[] = [];
  try {
    for (const { of, offset, length } of descriptor.pieces) {
      const name = of.kind === 'file' ? String(of.path) : undefined;
      const source = (name === undefined ? undefined : files.get(name)) ?? (await open(of));
      if (name !== undefined) files.set(name, source);
      placed.push({ source, offset, length });
    }
  } catch (error) {
    for (const source of new Set(placed.map((piece) => piece.source))) await source.close();
    throw error;
  }
  return new PiecedSource(descriptor, placed);
}
