import type { ReplayOutcome } from '../recovery/outcome.js';

/** Sequences of what is written and may not be seen: both ends included. */
export interface SequenceRange {
  from: bigint;
  to: bigint;
}

/**
 * What transactions that recovery leaves undecided have put into memtables and tables. Under WriteCommitted that is nothing:
 * a prepared section stays out until its commit.
 */
export function uncommittedRanges({ transactions }: Pick<ReplayOutcome, 'transactions'>): SequenceRange[] {
  return transactions
    .flatMap(({ batches }) => batches)
    .filter(({ subBatches }) => subBatches > 0n)
    .map(({ sequence, subBatches }) => ({ from: sequence, to: sequence + subBatches - 1n }));
}

/** Answers for trailer halves whether the sequence is uncommitted; allocates nothing. */
export class UncommittedSequences {
  private readonly bounds: Float64Array;

  constructor(ranges: readonly SequenceRange[]) {
    // exact up to 2^53, which no sequence of a real database passes
    this.bounds = Float64Array.from(ranges.flatMap(({ from, to }) => [Number(from), Number(to)]));
  }

  has(high: number, low: number): boolean {
    const { bounds } = this;
    if (bounds.length === 0) return false;
    const sequence = high * 0x1000000 + (low >>> 8);
    for (let i = 0; i < bounds.length; i += 2) {
      if (bounds[i] <= sequence && sequence <= bounds[i + 1]) return true;
    }
    return false;
  }
}
