import { Interrupted } from '../io/interruption.js';

/**
 * A repair that is not carried out. `refused`: nothing was changed and repeating will not help (exit status 5);
 * `in-use`: a live process owns the directory (4); `usage`: what was asked for cannot be done this way (2); `incomplete`: something
 * that must be known first could not be looked at (3).
 */
export class Refusal extends Error {
  constructor(
    readonly kind: 'refused' | 'in-use' | 'usage' | 'incomplete',
    message: string,
    /** What to do next, in words. */
    readonly next?: string,
    /** What to type next. */
    readonly command?: string,
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new Interrupted('interrupted before anything was changed');
}

/** The same chunks, until the signal comes. */
export async function* untilAborted(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    stopIfAborted(signal);
    yield chunk;
  }
}
