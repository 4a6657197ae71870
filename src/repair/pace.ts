import { setImmediate } from 'node:timers/promises';
import { STRETCH } from '../io/interruption.js';
import { stopIfAborted } from './refusal.js';

/** What a long plan is made at: it can be interrupted, and tells how far it is. */
interface PaceHooks {
  signal?: AbortSignal;
  onProgress?(progress: { done: number; total: number }): void;
}

/** Lets signals in while a plan is made, and keeps account of the bytes that have been looked at. */
export class Pace {
  private turnAt = performance.now() + STRETCH;
  private done = 0;
  private total = 0;

  constructor(private readonly hooks: PaceHooks = {}) {}

  /** To be called often: rejects with `Interrupted` once the signal is there. */
  async step(): Promise<void> {
    if (performance.now() >= this.turnAt) {
      await setImmediate();
      this.turnAt = performance.now() + STRETCH;
    }
    stopIfAborted(this.hooks.signal);
  }

  /** So many more bytes are to be looked at. */
  expect(bytes: number): void {
    this.total += bytes;
  }

  /** So many more bytes have been looked at. */
  advance(bytes: number): void {
    this.done += bytes;
    this.hooks.onProgress?.({ done: this.done, total: this.total });
  }
}
