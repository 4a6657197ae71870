import type { RecordAgain, ReplayedLog } from '../recovery/sink.js';
import { Arena } from './arena.js';
import { EMPTY, END, ENTRY, type EntryCursor, LOAD, type Step } from './cursor.js';
import type { KeyOrder, KeyPosition } from './key-order.js';
import { MemoryPool } from './memory-pool.js';
import { sortReferences } from './sort-references.js';

/** Where a log has a value: at that offset of the record at file offset `record`. Bytes. */
export interface ValuePlace {
  log: Pick<ReplayedLog, 'read'>;
  record: number;
  at: number;
  length: number;
}

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
  /** There is more than one user key. */
  private mixed = false;
  /** Of large values, by reference. */
  private places = new Map<number, ValuePlace>();

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

  /** Copies the entry. `high` and `low` are the trailer's halves. `place`: of a value that is left in its log. */
  add(key: Uint8Array, high: number, low: number, value: Uint8Array, place?: ValuePlace): void {
    if (this.count === this.references.length) {
      const larger = this.pool.takeReferences(this.count * 2);
      larger.set(this.references);
      this.pool.giveReferences(this.references);
      this.references = larger;
    }
    const reference = this.arena.add(key, high, low, place === undefined ? value : EMPTY);
    if (place !== undefined) this.places.set(reference, place);
    this.mixed ||= this.count > 0 && !this.sameKey(this.references[0], reference);
    this.references[this.count++] = reference;
    this.sorted = false;
  }

  /** Empties it. Its cursors may not be used any more. */
  release(): void {
    this.arena.release();
    this.places.clear();
    this.pool.giveReferences(this.references);
    this.references = this.pool.takeReferences(64);
    this.count = 0;
    this.sorted = true;
    this.mixed = false;
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
    // one key alone: nothing can be dropped, and a copy would take as much again
    if (!this.mixed) return undefined;
    this.sort();
    const { arena, order } = this;
    const kept = new Arena(this.pool);
    const { references, places } = this;
    this.places = new Map();
    let count = 0;
    let dropped: Uint8Array | undefined;
    let previous = -1;
    for (let i = 0; i < this.count; i++) {
      const reference = references[i];
      if (previous >= 0 && kept.bytes + count * PER_ENTRY >= bytes && !this.sameKey(previous, reference)) {
        dropped = arena.key(reference).slice(0, arena.keyLength(reference) - order.timestampSize);
        break;
      }
      const moved = kept.add(
        arena.key(reference),
        arena.high(reference),
        arena.low(reference),
        arena.value(reference),
      );
      const place = places.get(reference);
      if (place !== undefined) this.places.set(moved, place);
      references[count++] = moved;
      previous = reference;
    }
    arena.release();
    this.arena = kept;
    this.count = count;
    this.mixed = !this.sameKey(references[0], references[count - 1]);
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
    const references = this.references.subarray(0, this.count);
    return new MemtableCursor(this.arena, references, this.places, this.lowerBound(from));
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
  /** A value that is read from its log again, and its bytes. */
  private awaited: ValuePlace | undefined;
  private read: RecordAgain | undefined;
  /** What `valueBytes` is a view of. */
  private held: RecordAgain | undefined;

  constructor(
    private readonly arena: Arena,
    private readonly references: Uint32Array,
    private readonly places: ReadonlyMap<number, ValuePlace>,
    private at: number,
  ) {}

  step(): Step {
    this.drop(this.held);
    if (this.at >= this.references.length) return END;
    const reference = this.references[this.at];
    const place = this.places.size > 0 ? this.places.get(reference) : undefined;
    if (place !== undefined && this.read === undefined) {
      this.awaited = place;
      return LOAD;
    }
    this.at++;
    const { arena } = this;
    const chunk = arena.chunk(reference);
    this.keyBytes = chunk;
    this.keyFrom = arena.keyFrom(reference);
    this.keyTo = this.keyFrom + arena.keyLength(reference);
    if (place === undefined) {
      this.valueBytes = chunk;
      this.valueFrom = this.keyTo;
      this.valueTo = this.keyTo + arena.valueLength(reference);
    } else {
      this.held = this.read;
      this.valueBytes = this.held!.bytes;
      this.valueFrom = place.at;
      this.valueTo = place.at + place.length;
      this.read = this.awaited = undefined;
    }
    this.high = arena.high(reference);
    this.low = arena.low(reference);
    return ENTRY;
  }

  async load(): Promise<void> {
    if (this.awaited === undefined) return;
    this.read = await this.awaited.log.read(this.awaited.record);
  }

  async close(): Promise<void> {
    this.drop(this.read ?? this.held);
  }

  private drop(record: RecordAgain | undefined): void {
    if (record === undefined) return;
    this.valueBytes = EMPTY;
    this.read = this.held = undefined;
    record.release();
  }
}
