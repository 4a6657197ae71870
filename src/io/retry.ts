import type { ByteSource, SourceDescriptor } from '../bytes/source.js';
import type { Range } from '../finding/finding.js';

/** What a failing medium is asked for again: a page first, then a sector. */
const PAGE = 4096;
const SECTOR = 512;

/**
 * Give-ups on one file before the rest of a failing read is taken as lost without asking sector by sector: each can cost a
 * disk many seconds.
 */
const PATIENCE = 256;

/** Codes that mean that the medium does not give these bytes, while others may come. */
const mediumErrors: ReadonlySet<string> = new Set([
  'EIO',
  'EBADMSG',
  'EUCLEAN',
  'EREMOTEIO',
  'ENODATA',
  'ETIMEDOUT',
]);

/** A source that reads around what the medium will not give. */
export interface RetryingSource extends ByteSource {
  /** Ranges that could not be read and were filled with zeros, in file order, merged. They grow as the file is read. */
  readonly unreadable: readonly Range[];
}

function isMediumError(error: unknown): boolean {
  return mediumErrors.has((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Wraps a source so that an input/output error does not end the reading: the range is read again page by page and sector by
 * sector, what still fails is filled with zeros and noted in `unreadable`. Errors of another kind (a file that may not be
 * read) still reject.
 */
export function retryingSource(inner: ByteSource): RetryingSource {
  return new Retrying(inner);
}

class Retrying implements RetryingSource {
  readonly unreadable: Range[] = [];
  private givenUp = 0;

  constructor(private readonly inner: ByteSource) {}

  get size(): number {
    return this.inner.size;
  }

  get descriptor(): SourceDescriptor {
    return this.inner.descriptor;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    try {
      return await this.inner.read(into, offset);
    } catch (error) {
      if (!isMediumError(error)) throw error;
      return this.inPieces(into, offset, into.length > PAGE ? PAGE : SECTOR);
    }
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  /** Reads piece by piece, aligned to their size in the file. */
  private async inPieces(into: Uint8Array, offset: number, size: number): Promise<number> {
    // what the file's end cuts off was never there to be read
    const wanted = Math.min(into.length, Math.max(this.size - offset, 0));
    for (let at = 0; at < wanted; ) {
      const length = Math.min(size - ((offset + at) % size), wanted - at);
      const piece = into.subarray(at, at + length);
      const got = await this.piece(piece, offset + at, size);
      at += got;
      if (got < length) return at;
    }
    return wanted;
  }

  private async piece(into: Uint8Array, offset: number, size: number): Promise<number> {
    try {
      return await this.inner.read(into, offset);
    } catch (error) {
      if (!isMediumError(error)) throw error;
      if (size > SECTOR && this.givenUp < PATIENCE) return this.inPieces(into, offset, SECTOR);
      this.givenUp++;
      into.fill(0);
      this.note({ offset, length: into.length });
      return into.length;
    }
  }

  private note(range: Range): void {
    const at = this.unreadable.findIndex((known) => range.offset <= known.offset + known.length);
    if (at < 0) {
      this.unreadable.push(range);
      return;
    }
    const start = range.offset;
    let end = range.offset + range.length;
    let last = at;
    let first = start;
    while (last < this.unreadable.length && this.unreadable[last].offset <= end) {
      first = Math.min(first, this.unreadable[last].offset);
      end = Math.max(end, this.unreadable[last].offset + this.unreadable[last].length);
      last++;
    }
    this.unreadable.splice(at, last - at, { offset: first, length: end - first });
  }
}
