import type { Problem } from './cursor.js';

/** Problems kept of one walk; the rest is only counted. */
const MAX_KEPT = 1000;

/**
 * What one walk over a column family could not read. Strict, the walk ends at the first problem, as the engine's iterators
 * do; lenient, it goes on after each.
 */
export class ProblemLog {
  readonly kept: Problem[] = [];
  count = 0;
  stopped = false;

  constructor(readonly lenient: boolean) {}

  /** Something odd that does not keep the walk from going on, nor the engine. */
  note(problem: Problem): void {
    this.count++;
    if (this.kept.length < MAX_KEPT) this.kept.push(problem);
  }

  /** Something that cannot be read. True: go on after it. */
  add(problem: Problem): boolean {
    this.note(problem);
    if (!this.lenient) this.stopped = true;
    return this.lenient;
  }
}
