import { Arena } from './arena.js';
import { EMPTY, END, ENTRY, type EntryCursor, type Step } from './cursor.js';
import type { KeyOrder, KeyPosition } from './key-order.js';
import { MemoryPool } from './memory-pool.js';
import { sortReferences } from './sort-references.js';

/** Bytes per entry beside the arena: the reference and what sorting needs for a while. */
const PER_ENTRY = 28;

/**
 * The point entries of one column family, in memory. Entries are appended in any order and sorted when they are first
 * read. Range tombstones are not kept here (see range-tombstones.ts).
 */
export class Memtable {
  private arena: Arena;
  private references: Uint32Array;
  private count = 0;
  private sorted = true;

  constructor(
    readonly order: KeyOrder,
    private readonly pool = new MemoryPool(),
  ) {
    this.arena = new Arena(pool);
    this.references = pool.takeReferences(64);
  }

  get entries(): number {
    return this.count;
  }

  /** Bytes that it holds, with those that sorting takes for a while. */
  get footprint(): number {
    return this.arena.bytes + this.count * PER_ENTRY;
  }

  /** Copies the entry. `high` and `low` are the trailer's halves. */
  add(key: Uint8Array, high: number, low: number, value: Uint8Array): void {
    if (this.count === this.references.length) {
      const larger = this.pool.takeReferences(this.count * 2);
      larger.set(this.references);
      this.pool.giveReferences(this.references);
      this.references = larger;
    }
    this.references[this.count++] = this.arena.add(key, high, low, value);
    this.sorted = false;
  }

  /** Empties it. Its cursors may not be used any more. */
  release(): void {
    this.arena.release();
    this.pool.giveReferences(this.references);
    this.references = this.pool.takeReferences(64);
    this.count = 0;
    this.sorted = true;
  }

  private sort(): void {
    if (this.sorted) return;
    const scratch = this.pool.sortScratch(this.count);
    sortReferences(this.arena, this.references.subarray(0, this.count), this.order, scratch);
    this.sorted = true;
  }

  /**
   * Keeps the first user keys, in order, whose entries take at most `bytes` (one user key at least), and drops the rest.
   * Returns the first user key dropped (without timestamp), or `undefined` when everything fits.
   */
  trim(bytes: number): Uint8Array | undefined {
    this.sort();
    const { arena, order } = this;
    const kept = new Arena(this.pool);
    const { references } = this;
    let count = 0;
    let dropped: Uint8Array | undefined;
    let previous = -1;
    for (let i = 0; i < this.count; i++) {
      const reference = references[i];
      if (previous >= 0 && kept.bytes + count * PER_ENTRY >= bytes && !this.sameKey(previous, reference)) {
        dropped = arena.key(reference).slice(0, arena.keyLength(reference) - order.timestampSize);
        break;
      }
      references[count++] = kept.add(
        arena.key(reference),
        arena.high(reference),
        arena.low(reference),
        arena.value(reference),
      );
      previous = reference;
    }
    arena.release();
    this.arena = kept;
    this.count = count;
    return dropped;
  }

  private sameKey(a: number, b: number): boolean {
    const { arena, order } = this;
    const aFrom = arena.keyFrom(a);
    const bFrom = arena.keyFrom(b);
    const aTo = aFrom + arena.keyLength(a) - order.timestampSize;
    const bTo = bFrom + arena.keyLength(b) - order.timestampSize;
    return order.compareKeys(arena.chunk(a), aFrom, aTo, arena.chunk(b), bFrom, bTo) === 0;
  }

  /** Walks the entries from `from` on (included), all of them without it. Nothing may be added while a cursor is open. */
  cursor(from?: KeyPosition): EntryCursor {
    this.sort();
    return new MemtableCursor(this.arena, this.references.subarray(0, this.count), this.lowerBound(from));
  }

  private lowerBound(from: KeyPosition | undefined): number {
    if (from === undefined) return 0;
    const { arena, order } = this;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const reference = this.references[middle];
      const keyFrom = arena.keyFrom(reference);
      const keyTo = keyFrom + arena.keyLength(reference);
      let difference = order.compareUserKeys(
        arena.chunk(reference),
        keyFrom,
        keyTo,
        from.userKey,
        0,
        from.userKey.length,
      );
      if (difference === 0) difference = from.high - arena.high(reference) || from.low - arena.low(reference);
      if (difference < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

class MemtableCursor implements EntryCursor {
  keyBytes = EMPTY;
  keyFrom = 0;
  keyTo = 0;
  high = 0;
  low = 0;
  valueBytes = EMPTY;
  valueFrom = 0;
  valueTo = 0;
  readonly file = '';

  constructor(
    private readonly arena: Arena,
    private readonly references: Uint32Array,
    private at: number,
  ) {}

  step(): Step {
    if (this.at >= this.references.length) return END;
    const reference = this.references[this.at++];
    const { arena } = this;
    const chunk = arena.chunk(reference);
    this.keyBytes = chunk;
    this.valueBytes = chunk;
    this.keyFrom = arena.keyFrom(reference);
    this.keyTo = this.valueFrom = this.keyFrom + arena.keyLength(reference);
    this.valueTo = this.valueFrom + arena.valueLength(reference);
    this.high = arena.high(reference);
    this.low = arena.low(reference);
    return ENTRY;
  }

  async load(): Promise<void> {}

  async close(): Promise<void> {}
}
