import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { HiddenSequences } from '../recovery/outcome.js';

/** Answers for a trailer's halves whether an undecided transaction wrote the entry; allocates nothing. */
export class UncommittedSequences {
  private readonly bounds: Float64Array;
  private readonly keepsMerges: readonly boolean[];

  constructor(hidden: readonly HiddenSequences[]) {
    // exact up to 2^53, which no sequence of a real database passes
    this.bounds = Float64Array.from(hidden.flatMap(({ from, to }) => [Number(from), Number(to)]));
    this.keepsMerges = hidden.map(({ keepsMerges }) => keepsMerges);
  }

  has(high: number, low: number): boolean {
    const { bounds } = this;
    if (bounds.length === 0) return false;
    const sequence = high * 0x1000000 + (low >>> 8);
    const isMerge = (low & 0xff) === VALUE_TYPE.merge;
    for (let i = 0; i < bounds.length; i += 2) {
      if (bounds[i] <= sequence && sequence < bounds[i + 1] && !(isMerge && this.keepsMerges[i / 2]))
        return true;
    }
    return false;
  }
}
