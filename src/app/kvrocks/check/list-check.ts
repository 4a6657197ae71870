import { u32BigEndian } from '../../../bytes/u32.js';
import type { Metadata } from '../metadata.js';
import type { ElementCheck } from './element-check.js';
import type { Element } from './element-cursor.js';
import type { Fault } from './fault.js';

/** An index of a list, u64, in two halves: lists can be long, and a bigint for each element is slow. */
interface Index {
  high: number;
  low: number;
}

const indexOf = (value: bigint): Index => ({
  high: Number(value >> 32n),
  low: Number(value & 0xffff_ffffn),
});
const bigOf = ({ high, low }: Index) => (BigInt(high) << 32n) | BigInt(low);

/** A list stands in [head, tail), an element for each index, and its size is their distance. */
export class ListCheck implements ElementCheck {
  private readonly head: Index;
  private readonly tail: Index;
  private live = 0;
  private inside = 0;
  private malformed = 0;
  private readonly last: Index = { high: 0, low: 0 };
  /** The first index between the ends that has no element, once one was stepped over. */
  private hole?: Index;
  /** Stretches of indexes without a gap. */
  private runs = 0;
  private firstStray?: Index;

  constructor(private readonly metadata: Metadata) {
    const { head = 0n, tail = 0n } = metadata.list ?? {};
    this.head = indexOf(head);
    this.tail = indexOf(tail);
  }

  take({ bytes, subkeyFrom, subkeyTo }: Element): void {
    if (subkeyTo - subkeyFrom !== 8) {
      this.malformed++;
      return;
    }
    const high = u32BigEndian(bytes, subkeyFrom);
    const low = u32BigEndian(bytes, subkeyFrom + 4);
    const { head, tail, last } = this;
    const isInside =
      (high > head.high || (high === head.high && low >= head.low)) &&
      (high < tail.high || (high === tail.high && low < tail.low));
    const follows =
      this.live > 0 &&
      (low === 0
        ? high === last.high + 1 && last.low === 0xffff_ffff
        : high === last.high && low === last.low + 1);
    if (!follows) this.runs++;
    if (isInside) {
      // elements come by index: the first that does not follow the one before shows the hole
      if (this.hole === undefined) {
        if (this.inside === 0) {
          if (high !== head.high || low !== head.low) this.hole = { ...head };
        } else if (!follows) this.hole = indexOf(bigOf(last) + 1n);
      }
      this.inside++;
    } else this.firstStray ??= { high, low };
    this.live++;
    last.high = high;
    last.low = low;
  }

  end(): Fault[] {
    const { metadata, live, inside, malformed, runs } = this;
    const size = metadata.size ?? 0n;
    const [head, tail] = [bigOf(this.head), bigOf(this.tail)];
    const faults: Fault[] = [];
    if (malformed > 0) {
      faults.push({
        rule: 'kvrocks/malformed-element',
        message: `Elements of the list without an index: ${malformed}`,
        evidence: { malformed },
      });
    }
    // LTRIM that leaves nothing may leave the head after the tail
    if (size === 0n && live === 0) return faults;
    const ends = { head: fromMiddle(head), tail: fromMiddle(tail), size: String(size), live, runs };
    const distance = tail - head;
    if (distance !== size) {
      faults.push({
        rule: 'kvrocks/list-bounds',
        message: `The size of the list is ${size}, and the distance of its ends ${distance}`,
        evidence: ends,
      });
    }
    const missing = distance - BigInt(inside);
    if (missing > 0n) {
      const first = bigOf(this.hole ?? (inside === 0 ? this.head : indexOf(head + BigInt(inside))));
      const where =
        first === head
          ? 'the head itself is missing'
          : `the first that is missing is ${first - head} after the head`;
      faults.push({
        rule: 'kvrocks/list-hole',
        message: `Between its ends the list has ${inside} of ${distance} elements; ${where}`,
        evidence: { ...ends, missing: String(missing), firstMissing: fromMiddle(first) },
      });
    }
    const stray = live - inside;
    if (stray > 0) {
      faults.push({
        rule: 'kvrocks/list-stray',
        message: `Of ${live} elements the list has ${stray} outside of its ends`,
        evidence: { ...ends, stray, firstStray: fromMiddle(bigOf(this.firstStray!)) },
      });
    }
    return faults;
  }
}

/** Where a list begins to grow. */
const MIDDLE = 0x7fff_ffff_ffff_ffffn;

/** An index as people can compare it: `+3`, `-1`. */
export function fromMiddle(index: bigint): string {
  const distance = index - MIDDLE;
  return distance > 0n ? `+${distance}` : String(distance);
}
