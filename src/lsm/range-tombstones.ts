import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { HiddenSequences } from '../recovery/outcome.js';
import type { EntryCursor } from './cursor.js';
import {
  beforeKey,
  comparePositions,
  type KeyOrder,
  type KeyPosition,
  trailerHigh,
  trailerLow,
} from './key-order.js';
import { UncommittedSequences } from './uncommitted.js';

/** Entries in [start, end) whose sequence is lower are deleted. */
export interface MergedTombstone {
  start: KeyPosition;
  end: KeyPosition;
  /** Trailer halves of the tombstone's own sequence; the type byte of `low` does not count. */
  high: number;
  low: number;
  /** As of an `EntryCursor`. */
  depth?: number;
}

/** The bounds of the table that a tombstone was read from, as the MANIFEST has them. */
export interface TableBounds {
  smallest: KeyPosition;
  largest: KeyPosition;
}

/** The end that a table's largest key sets: after that key, but before older entries of the same user key. */
function endOfTable(largest: KeyPosition): KeyPosition {
  const type = largest.low & 0xff;
  const artificial =
    type === VALUE_TYPE.rangeDelete && largest.high === 0xffffffff && largest.low >>> 8 === 0xffffff;
  // sequence 0: the engine never cuts a tombstone there, since no entry of this user key can follow in the next table
  if (artificial || (largest.high === 0 && largest.low >>> 8 === 0)) return largest;
  const low = largest.low >>> 8 === 0 ? 0xffffff : (largest.low >>> 8) - 1;
  const high = largest.low >>> 8 === 0 ? largest.high - 1 : largest.high;
  return { userKey: largest.userKey, high, low: ((low << 8) | 0xff) >>> 0 };
}

/**
 * A tombstone [startKey, endKey) at a sequence, keys without timestamps, cut to the bounds of its table. The cut matters: compaction writes a wide
 * tombstone into each table that it touches, and beyond a table's own bounds it may be long obsolete, with older-looking
 * entries (sequence 0) under it that are alive. Returns `undefined` when nothing is left. Copies the keys.
 * Source: rocksdb db/range_del_aggregator.cc, TruncatedRangeDelIterator.
 */
export function rangeTombstone(
  order: KeyOrder,
  startKey: Uint8Array,
  endKey: Uint8Array,
  high: number,
  low: number,
  bounds?: TableBounds,
): MergedTombstone | undefined {
  // a tombstone covers a key at all its timestamps: from the newest, which comes first
  let start = beforeKey(startKey, order);
  let end = beforeKey(endKey, order);
  // which of the two bounds comes first, only the application knows
  if (!order.known) return { start, end, high, low };
  if (bounds !== undefined) {
    const { userKey, high: smallestHigh, low: smallestLow } = bounds.smallest;
    const smallest = { userKey, high: smallestHigh, low: (smallestLow | 0xff) >>> 0 };
    if (comparePositions(order, start, smallest) < 0) start = smallest;
    const largest = endOfTable(bounds.largest);
    if (comparePositions(order, largest, end) < 0) end = largest;
  }
  return comparePositions(order, start, end) < 0 ? { start, end, high, low } : undefined;
}

/** Tombstones that `coversUpTo` tries, newest ones first: it is asked once per block, and one wide tombstone is the rule. */
const LOOKED_AT = 64;

/**
 * Answers, for entries that come in internal-key order, whether a range tombstone covers them. Tombstones may be added
 * in any order and overlap as they like, as long as none is added after an entry that it covers was asked about. Those
 * ahead wait in a heap by start; those that have begun in a heap by sequence, newest on top (by depth those of the highest source, and of
 * these the newest), where ended ones are dropped when they reach the top.
 */
export class TombstoneSweep {
  private readonly ahead: MergedTombstone[] = [];
  private readonly begun: MergedTombstone[] = [];
  /** The first tombstone that covered an entry. */
  private passed?: MergedTombstone;

  private readonly snapshotHigh: number;
  private readonly snapshotLow: number;
  private readonly uncommitted: UncommittedSequences;

  private readonly before: (a: MergedTombstone, b: MergedTombstone) => boolean;

  /** Tombstones newer than `sequence`, and uncommitted ones, delete nothing. `byDepth`: see `ViewInput`. */
  constructor(
    private readonly order: KeyOrder,
    sequence: bigint,
    uncommitted: readonly HiddenSequences[] = [],
    private readonly byDepth = false,
  ) {
    this.before = byDepth ? higher : newer;
    this.snapshotHigh = trailerHigh(sequence);
    this.snapshotLow = trailerLow(sequence, 0xff);
    this.uncommitted = new UncommittedSequences(uncommitted);
  }

  /** False: no tombstone waits or applies, `covers` need not be called. */
  get active(): boolean {
    return this.ahead.length > 0 || this.begun.length > 0;
  }

  add(tombstone: MergedTombstone): void {
    const { high, low } = tombstone;
    if (high > this.snapshotHigh || (high === this.snapshotHigh && low > this.snapshotLow)) return;
    if (this.uncommitted.has(high, low)) return;
    push(this.ahead, tombstone, (a, b) => comparePositions(this.order, a.start, b.start) < 0);
  }

  /** Tombstones that no entry was compared with yet, in no order. */
  all(): readonly MergedTombstone[] {
    return this.ahead;
  }

  covers(key: Uint8Array, from: number, to: number, high: number, low: number, depth = 0): boolean {
    while (this.ahead.length > 0 && this.compare(this.ahead[0].start, key, from, to, high, low) <= 0) {
      const next = pop(this.ahead, (a, b) => comparePositions(this.order, a.start, b.start) < 0);
      push(this.begun, next, this.before);
    }
    while (this.begun.length > 0 && this.compare(this.begun[0].end, key, from, to, high, low) <= 0)
      pop(this.begun, this.before);
    if (this.begun.length === 0) return false;
    const first = this.begun[0];
    const { depth: own = 0 } = first;
    const isNewer = first.high !== high ? first.high > high : first.low >>> 8 > low >>> 8;
    const covered = this.byDepth && own !== depth ? own < depth : isNewer;
    if (covered) this.passed ??= first;
    return covered;
  }

  /**
   * Whether the last entry asked about and a tombstone over it stand the other way round than their sequences: above it an older one, or below
   * it a newer one. Pebble goes by where they stand, and so shows or hides what it should not (pebble merging_iter.go `isNextEntryDeleted`).
   */
  isContradicted({ keyBytes, keyFrom, keyTo, high, low, depth = 0 }: EntryCursor): boolean {
    const { begun } = this;
    for (let i = 0; i < begun.length && i < LOOKED_AT; i++) {
      const { end, high: ownHigh, low: ownLow, depth: own = 0 } = begun[i];
      const difference = ownHigh !== high ? ownHigh - high : (ownLow >>> 8) - (low >>> 8);
      const isOver = () => this.compare(end, keyBytes, keyFrom, keyTo, high, low) > 0;
      if (own !== depth && (own < depth ? difference < 0 : difference > 0) && isOver()) return true;
    }
    return false;
  }

  /** Whether the engine has sought past a tombstone, to a key that is not after `key[from, to)`. It does so at a covered entry. */
  hasSoughtTo(key: Uint8Array, from: number, to: number): boolean {
    if (this.passed === undefined) return false;
    const { userKey } = this.passed.end;
    return this.order.compareUserKeys(userKey, 0, userKey.length, key, from, to) <= 0;
  }

  /**
   * Whether one tombstone deletes everything from the last entry asked about up to `key[from, to)` (without timestamp) that
   * is not newer than the sequence given. The engine then seeks past it: it never reads what lies between. `depth`: of what lies there;
   * tombstones that stand below it do not count.
   */
  coversUpTo(key: Uint8Array, from: number, to: number, high: number, low: number, depth?: number): boolean {
    const { begun, order } = this;
    for (let i = 0; i < begun.length && i < LOOKED_AT; i++) {
      const { end, high: ownHigh, low: ownLow, depth: own = 0 } = begun[i];
      if (depth !== undefined && own > depth) continue;
      const newer = ownHigh !== high ? ownHigh > high : ownLow >>> 8 > low >>> 8;
      const endTo = end.userKey.length - order.timestampSize;
      if (newer && order.compareKeys(end.userKey, 0, endTo, key, from, to) > 0) return true;
    }
    return false;
  }

  private compare(
    bound: KeyPosition,
    key: Uint8Array,
    from: number,
    to: number,
    high: number,
    low: number,
  ): number {
    const difference = this.order.compareUserKeys(bound.userKey, 0, bound.userKey.length, key, from, to);
    if (difference !== 0) return difference;
    return bound.high !== high ? high - bound.high : low - bound.low;
  }
}

function higher(a: MergedTombstone, b: MergedTombstone): boolean {
  const [{ depth: first = 0 }, { depth: second = 0 }] = [a, b];
  return first !== second ? first < second : newer(a, b);
}

function newer(a: MergedTombstone, b: MergedTombstone): boolean {
  return a.high !== b.high ? a.high > b.high : a.low > b.low;
}

function push<T>(heap: T[], item: T, before: (a: T, b: T) => boolean): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(item, heap[parent])) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = item;
}

function pop<T>(heap: T[], before: (a: T, b: T) => boolean): T {
  const top = heap[0];
  const last = heap.pop() as T;
  if (heap.length > 0) {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
  return top;
}
