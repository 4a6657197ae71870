import type { Finding } from '../../finding/finding.js';
import { sequenceRange } from './evidence.js';
import type { SequenceTrack } from './sequence.js';

/** A finding whose evidence waits for what comes after it. */
interface Waiting {
  finding: Finding;
  /** Whole batches before it. */
  batches: number;
  /** The number that should have come next. */
  expected?: bigint;
  /** The first whole batch after it. */
  first?: { offset: number; sequence: bigint };
}

/**
 * What follows damage: whole batches there prove that it is no torn tail. Their sequence numbers say how
 * much is gone.
 */
export class Following {
  private readonly waiting: Waiting[] = [];
  /** How many of `waiting` know their first batch. */
  private answered = 0;
  private batches = 0;

  /** Damage has been met since the last whole batch. */
  get open(): boolean {
    return this.answered < this.waiting.length;
  }

  /** A finding about the place that the parser has come to. */
  await(finding: Finding, track: SequenceTrack): void {
    const { batches } = this;
    this.waiting.push({ finding, batches, ...(track.started && { expected: track.next }) });
  }

  /** A whole batch. */
  count(): void {
    this.batches++;
  }

  /** The batch just counted is the first one after open damage. */
  answer(offset: number, sequence: bigint): void {
    const first = { offset, sequence };
    while (this.open) this.waiting[this.answered++].first = first;
  }

  /** At the end of the file: puts what is known into the findings. With transactions numbers do not count operations. */
  conclude(track: SequenceTrack, transactions: boolean): void {
    for (const { finding, batches, expected, first } of this.waiting) {
      const { evidence } = finding;
      if (first === undefined) {
        evidence.following = 'no whole batch';
        continue;
      }
      const count = this.batches - batches;
      evidence.followingOffset = first.offset;
      evidence.followingSequence = String(first.sequence);
      evidence.proof =
        `${count} whole ${count === 1 ? 'batch' : 'batches'}, sequences ` +
        `${sequenceRange(first.sequence, track.last)}, follow: damage, not a crash tail`;
      if (!transactions && expected !== undefined && first.sequence > expected)
        evidence.sequencesMissing = sequenceRange(expected, first.sequence - 1n);
    }
  }
}
