import type { Metadata } from '../metadata.js';
import { type ElementCheck, wrongSize } from './element-check.js';
import type { Element } from './element-cursor.js';
import type { Fault } from './fault.js';
import { PieceHash, SetSum } from './set-sum.js';

/** Bytes of a score. */
export const SCORE = 8;

/**
 * A sorted set stands twice: `default` has member → score, `zset_score` has score and member as one key. They come in two
 * orders, and a set may be larger than memory, so sums over all pairs tell whether they are the same.
 */
export class SortedSetCheck implements ElementCheck {
  private readonly members = new SetSum();
  private readonly indexed = new SetSum();
  private readonly hash = new PieceHash();
  private memberCount = 0;
  /** Members with a score, and entries of the index with score and member. */
  private scoredCount = 0;
  private indexCount = 0;
  private malformed = 0;

  constructor(private readonly metadata: Metadata) {}

  take(element: Element): void {
    const { bytes, subkeyFrom, subkeyTo, valueBytes, valueFrom, valueTo } = element;
    if (element.family === 'default') {
      this.memberCount++;
      if (valueTo - valueFrom !== SCORE) this.malformed++;
      else {
        this.scoredCount++;
        const hash = this.hash.begin().piece(valueBytes, valueFrom, valueTo);
        this.members.add(hash.piece(bytes, subkeyFrom, subkeyTo).end());
      }
      return;
    }
    const memberFrom = subkeyFrom + SCORE;
    if (memberFrom > subkeyTo || valueTo !== valueFrom) this.malformed++;
    else {
      this.indexCount++;
      const hash = this.hash.begin().piece(bytes, subkeyFrom, memberFrom);
      this.indexed.add(hash.piece(bytes, memberFrom, subkeyTo).end());
    }
  }

  end(): Fault[] {
    const { memberCount, scoredCount, indexCount, malformed, members, indexed, metadata } = this;
    const faults = wrongSize(metadata, memberCount, 'members');
    if (malformed > 0) {
      faults.push({
        rule: 'kvrocks/malformed-element',
        message: `${malformed} entries of the sorted set have not the form of a member or of the index`,
        evidence: { malformed },
      });
    }
    if (scoredCount !== indexCount || !members.equals(indexed)) {
      faults.push({
        rule: 'kvrocks/score-index',
        message:
          scoredCount === indexCount
            ? `Of the ${scoredCount} members of the sorted set some have another score in the index`
            : `Members of the sorted set: ${scoredCount}; entries of its index by score: ${indexCount}`,
        evidence: { members: scoredCount, indexed: indexCount },
      });
    }
    return faults;
  }
}
