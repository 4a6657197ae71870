import { Interrupted } from '../io/interruption.js';
import { systemCode } from '../io/target-error.js';

/**
 * A repair that is not carried out. `refused`: nothing was changed and repeating will not help (exit status 5);
 * `in-use`: a live process owns the directory (4); `usage`: what was asked for cannot be done this way (2); `incomplete`: something
 * that must be known first could not be looked at (3); `no-room`: what would be written does not fit the device (5); `unfinished`: files have begun to change, and not all could be (5).
 */
export class Refusal extends Error {
  constructor(
    readonly kind: 'refused' | 'no-room' | 'in-use' | 'usage' | 'incomplete' | 'unfinished',
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

/** Work that has begun to change files: where it fails, `next` says how it is ended, and `back` is the command that goes back. */
export async function toItsEnd(
  work: () => Promise<void>,
  next: string,
  back?: () => Promise<string>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refusal) && systemCode(error) === undefined) throw error;
    const { message } = error as Error;
    throw new Refusal(
      'unfinished',
      `${message}: not all files are changed; until they are, an engine refuses the directory or sees it as it was`,
      next,
      await back?.(),
    );
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
