import { setImmediate } from 'node:timers/promises';

/*
 * Ctrl-C and SIGTERM are the process's: a command that ends early by them says so once, here, and whatever works long asks here.
 * Reading a file in the main thread asks by itself; a loop that works long without reading takes a `turn` now and then.
 */

/** Work that was ended by the signal. */
export class Interrupted extends Error {}

/** Longest stretch of work without a turn for the event loop, in milliseconds: signals arrive in between. */
export const STRETCH = 50;

let asked: AbortSignal | undefined;
/** Calls of `undisturbed` that are under way. */
let undisturbedCalls = 0;
let turnAt = 0;

/** From here on reads and turns reject with `Interrupted` once the signal is aborted, until what is returned is called. */
export function interruptible(signal: AbortSignal): () => void {
  asked = signal;
  return () => {
    if (asked === signal) asked = undefined;
  };
}

export function stopIfInterrupted(): void {
  if (asked?.aborted && undisturbedCalls === 0) throw new Interrupted('interrupted');
}

/** Lets signals in, at most every 50 ms: a loop may call it as often as it likes. */
export async function turn(): Promise<void> {
  if (performance.now() < turnAt) return;
  await setImmediate();
  turnAt = performance.now() + STRETCH;
  stopIfInterrupted();
}

/** What `work` comes to, or `otherwise` where it is interrupted. */
export async function unlessInterrupted<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return otherwise;
  }
}

/** Short work that a report needs, and that is done to its end after the signal too. */
export async function undisturbed<T>(work: () => Promise<T>): Promise<T> {
  undisturbedCalls++;
  try {
    return await work();
  } finally {
    undisturbedCalls--;
  }
}
