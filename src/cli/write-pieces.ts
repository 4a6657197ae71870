import type { Sink } from './sink.js';

/** Characters gathered before they are written: a tree comes in pieces of a line. */
const GATHERED = 1 << 15;
/** Milliseconds after which what is gathered is written all the same. */
const LONGEST_WAIT = 50;

/**
 * Writes text as it is made: in large pieces where it comes fast, at once where the next piece is long in coming. Ends early
 * when nobody reads any more.
 */
export async function writePieces(
  sink: Sink,
  pieces: AsyncIterable<string> | Iterable<string>,
): Promise<void> {
  let gathered = '';
  let writing: Promise<boolean> = Promise.resolve(true);
  const flush = (): Promise<boolean> => {
    const text = gathered;
    gathered = '';
    writing = writing.then((wanted) => wanted && sink.write(text));
    return writing;
  };
  const timer = setInterval(() => {
    // a failure is met again by the next write that is waited for
    if (gathered !== '') flush().catch(() => {});
  }, LONGEST_WAIT);
  try {
    for await (const piece of pieces) {
      gathered += piece;
      if (gathered.length >= GATHERED && !(await flush())) return;
    }
    await flush();
  } finally {
    clearInterval(timer);
  }
}
