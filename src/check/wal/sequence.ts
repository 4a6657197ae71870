import type { BatchTally } from '../../format/batch/tally.js';

/** How a batch stands to the one before it. */
export type SequenceStep = 'first' | 'next' | 'gap' | 'overlap' | 'backwards';

const TWO_32 = 2 ** 32;

/**
 * Follows the sequence numbers of a log's batches. Numbers are held as two halves, for they have 56 bits and a loop that
 * runs per record makes no bigints.
 */
export class SequenceTrack {
  started = false;
  private high = 0;
  private low = 0;
  private count = 0;
  private consumed = 0;
  private previousHigh = 0;
  private previousLow = 0;
  private previousCount = 0;

  /** Header sequence of the last batch taken. */
  get last(): bigint {
    return whole(this.high, this.low);
  }

  /** The number after the last batch, each counted operation having taken one. */
  get next(): bigint {
    return this.last + BigInt(this.count);
  }

  /** As `last` and `next`, before the last `take`. */
  get previous(): bigint {
    return whole(this.previousHigh, this.previousLow);
  }

  get previousNext(): bigint {
    return this.previous + BigInt(this.previousCount);
  }

  /** Takes the batch in `tally` and says how it stands to the last one. */
  take(tally: BatchTally): SequenceStep {
    const step = this.started ? this.compare(tally.sequenceHigh, tally.sequenceLow) : 'first';
    this.started = true;
    this.previousHigh = this.high;
    this.previousLow = this.low;
    this.previousCount = this.count;
    this.high = tally.sequenceHigh;
    this.low = tally.sequenceLow;
    this.count = tally.count;
    this.consumed = tally.consumed;
    return step;
  }

  private compare(high: number, low: number): SequenceStep {
    if (high === this.high && low === this.low + this.count && this.count === this.consumed) return 'next';
    const distance = (high - this.high) * TWO_32 + (low - this.low);
    if (distance < 0) return 'backwards';
    if (distance < this.consumed) return 'overlap';
    return distance > this.count ? 'gap' : 'next';
  }
}

function whole(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
