import { type ByteSource, FILLER, type SourceRange } from '../bytes/source.js';
import { SourceWrapper } from './wrappers.js';

/** What a failing medium is asked for again: a page first, then a sector. */
const PAGE = 4096;
const SECTOR = 512;

/**
 * Give-ups on one file after which it is asked page by page only, and after as many again no smaller than it is read: each can
 * cost a disk many seconds.
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
  /** In file order, merged. */
  readonly unreadable: readonly SourceRange[];
}

/** The medium has failed, and nothing that a person may or may not do. */
export function isMediumError(error: unknown): boolean {
  return mediumErrors.has((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Wraps a source so that an input/output error does not end the reading: the range is read again page by page and sector by
 * sector, what still fails is filled with `FILLER` and noted in `unreadable`. Errors of another kind (a file that may not be
 * read) still reject.
 */
export function retryingSource(inner: ByteSource): RetryingSource {
  return new Retrying(inner);
}

class Retrying extends SourceWrapper implements RetryingSource {
  private readonly lost: SourceRange[] = [];
  private givenUp = 0;

  override get unreadable(): SourceRange[] {
    return this.lost;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const from = offset + done;
      const known = this.unreadable.find((range) => range.offset + range.length > from);
      const lost = known !== undefined && known.offset <= from;
      const end = lost ? known.offset + known.length : (known?.offset ?? Number.POSITIVE_INFINITY);
      const part = into.subarray(done, Math.min(end - offset, into.length));
      // the device is not asked twice for what it has refused
      const got = lost ? part.fill(FILLER).length : await this.piece(part, from, Number.POSITIVE_INFINITY);
      done += got;
      if (got < part.length) break;
    }
    return done;
  }

  /** Reads piece by piece, aligned to their size in the file. */
  private async inPieces(into: Uint8Array, offset: number, size: number): Promise<number> {
    for (let at = 0; at < into.length; ) {
      const rest = into.length - at;
      const patient = this.givenUp < 2 * PATIENCE;
      const length = patient ? Math.min(size - ((offset + at) % size), rest) : rest;
      const got = await this.piece(into.subarray(at, at + length), offset + at, size);
      at += got;
      if (got < length) return at;
    }
    return into.length;
  }

  /** Reads what may be lost, in smaller pieces where it is and the patience lasts. */
  private async piece(into: Uint8Array, offset: number, size: number): Promise<number> {
    try {
      return await this.inner.read(into, offset);
    } catch (error) {
      if (!isMediumError(error)) throw error;
      // what the file's end cuts off was never there to be read
      const wanted = into.subarray(0, Math.max(this.size - offset, 0));
      const smaller = this.smaller(Math.min(size, wanted.length));
      if (smaller !== undefined) return this.inPieces(wanted, offset, smaller);
      this.givenUp++;
      wanted.fill(FILLER);
      if (wanted.length > 0) this.note({ offset, length: wanted.length });
      return wanted.length;
    }
  }

  /** In which pieces to read what could not be read in one of `size`. `undefined`: it is lost. */
  private smaller(size: number): number | undefined {
    if (size > PAGE && this.givenUp < 2 * PATIENCE) return PAGE;
    return size > SECTOR && this.givenUp < PATIENCE ? SECTOR : undefined;
  }

  private note(range: SourceRange): void {
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
