import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { ReplaySink } from '../recovery/sink.js';
import { EMPTY, END, type EntryCursor, LOAD, type Step } from './cursor.js';
import { beforeKey, type KeyOrder, type KeyPosition, trailerHigh, trailerLow } from './key-order.js';
import { Memtable } from './memtable.js';
import { type RangeTombstone, rangeTombstone } from './range-tombstones.js';

/** Hands every operation that recovery applies to the sink, in WAL order. Called again, it does the same again. */
export type Replay = (sink: ReplaySink) => Promise<unknown>;

/** What replayed operations may take in memory, in bytes: 128 MiB. */
export const MEMTABLE_BUDGET = 128 * 1024 * 1024;

/** The entries of one column family from `from` on, and up to `to` where memory did not suffice for all. */
interface Window {
  memtable: Memtable;
  /** The first key (without timestamp) that is not in the window. */
  to?: Uint8Array;
}

/**
 * The memtables that recovery would fill, within a memory budget whatever the size of the WALs: nothing is written to disk
 * and nothing of the logs is kept but one window of keys. A first replay fills all column families; when the budget is
 * reached, the largest keeps the lower half of its keys. Behind the end of such a window the logs are replayed again for
 * the next keys of that column family alone. So logs that fit cost one replay, others one for about every half budget of
 * operations. Range tombstones are all kept, and one user key's versions are never split: these two can pass the budget.
 */
export class ReplayedMemtables {
  private readonly windows = new Map<number, Window>();
  private readonly tombstones = new Map<number, RangeTombstone[]>();
  private resident = 0;
  /** Times that the logs were replayed. */
  replays = 0;

  private constructor(
    private readonly orders: ReadonlyMap<number, KeyOrder>,
    private readonly replay: Replay,
    private readonly budget: number,
  ) {}

  /** Replays once. `orders` has the column families that exist; operations on others are dropped, as the engine does. */
  static async fill(
    orders: ReadonlyMap<number, KeyOrder>,
    replay: Replay,
    budget: number = MEMTABLE_BUDGET,
  ): Promise<ReplayedMemtables> {
    const memtables = new ReplayedMemtables(orders, replay, budget);
    for (const [id, order] of orders) memtables.windows.set(id, { memtable: new Memtable(order) });
    await memtables.firstReplay();
    return memtables;
  }

  rangeTombstones(columnFamily: number): readonly RangeTombstone[] {
    return this.tombstones.get(columnFamily) ?? [];
  }

  /** Walks a column family from `from` (a key without timestamp) on. */
  cursor(columnFamily: number, from?: Uint8Array): EntryCursor {
    const order = this.orders.get(columnFamily);
    const window = this.windows.get(columnFamily);
    if (order === undefined || window === undefined)
      throw new Error(`column family ${columnFamily} is not in the view`);
    const position = from && beforeKey(from, order);
    const begins = window.to === undefined || from === undefined || isBefore(order, from, window.to);
    const first = begins ? window : { memtable: new Memtable(order), to: from };
    return new WindowCursor(order, first, position, (key) => this.window(columnFamily, order, key));
  }

  private async firstReplay(): Promise<void> {
    const meter = new Meter(this.budget);
    this.replays++;
    await this.replay({
      apply: (columnFamily, sequence, type, key, value) => {
        const order = this.orders.get(columnFamily);
        const window = this.windows.get(columnFamily);
        if (order === undefined || window === undefined) return;
        if (type === VALUE_TYPE.rangeDelete) {
          this.addTombstone(columnFamily, order, key, value, sequence);
          return;
        }
        if (window.to !== undefined && !isBefore(order, key, window.to)) return;
        window.memtable.add(key, trailerHigh(sequence), trailerLow(sequence, type), value);
        if (meter.isDue(key.length + value.length) && this.used() > this.budget) cut(this.largest());
      },
    });
    this.resident = this.used();
  }

  private used(): number {
    let bytes = 0;
    for (const { memtable } of this.windows.values()) bytes += memtable.footprint;
    return bytes;
  }

  /** The column family that is to give up the upper half of its keys. */
  private largest(): Window {
    return [...this.windows.values()].reduce((a, b) =>
      a.memtable.footprint >= b.memtable.footprint ? a : b,
    );
  }

  /** Replays again for the keys of one column family from `from` on. */
  private async window(columnFamily: number, order: KeyOrder, from: Uint8Array): Promise<Window> {
    const window: Window = { memtable: new Memtable(order) };
    // what the first replay left in memory is shared by all cursors, and stays
    const budget = Math.max(this.budget - this.resident, this.budget / 2);
    const meter = new Meter(budget);
    this.replays++;
    await this.replay({
      apply: (id, sequence, type, key, value) => {
        if (id !== columnFamily || type === VALUE_TYPE.rangeDelete || isBefore(order, key, from)) return;
        if (window.to !== undefined && !isBefore(order, key, window.to)) return;
        window.memtable.add(key, trailerHigh(sequence), trailerLow(sequence, type), value);
        if (meter.isDue(key.length + value.length) && window.memtable.footprint > budget) cut(window);
      },
    });
    return window;
  }

  private addTombstone(
    columnFamily: number,
    order: KeyOrder,
    start: Uint8Array,
    end: Uint8Array,
    sequence: bigint,
  ): void {
    const plain = (key: Uint8Array) => key.subarray(0, Math.max(0, key.length - order.timestampSize));
    const high = trailerHigh(sequence);
    const low = trailerLow(sequence, VALUE_TYPE.rangeDelete);
    const tombstone = rangeTombstone(order, plain(start), plain(end), high, low);
    if (tombstone === undefined) return;
    const list = this.tombstones.get(columnFamily);
    if (list === undefined) this.tombstones.set(columnFamily, [tombstone]);
    else list.push(tombstone);
  }
}

function cut(window: Window): void {
  window.to = window.memtable.trim(window.memtable.footprint / 2) ?? window.to;
}

/** Asks for a look at the memory in use each time that a small part of the budget may have been added. */
class Meter {
  private added = 0;

  constructor(private readonly budget: number) {}

  isDue(bytes: number): boolean {
    this.added += bytes + 64;
    if (this.added < this.budget / 64) return false;
    this.added = 0;
    return true;
  }
}

/** Walks the windows of a column family; the next is filled when the one before it is through. */
class WindowCursor implements EntryCursor {
  readonly file = '';
  keyBytes = EMPTY;
  keyFrom = 0;
  keyTo = 0;
  high = 0;
  low = 0;
  valueBytes = EMPTY;
  valueFrom = 0;
  valueTo = 0;
  private memtable: EntryCursor;
  private to?: Uint8Array;

  constructor(
    private readonly order: KeyOrder,
    first: Window,
    from: KeyPosition | undefined,
    private readonly next: (from: Uint8Array) => Promise<Window>,
  ) {
    this.memtable = first.memtable.cursor(from);
    this.to = first.to;
  }

  step(): Step {
    const { memtable } = this;
    const step = memtable.step();
    if (step === END) return this.to === undefined ? END : LOAD;
    this.keyBytes = memtable.keyBytes;
    this.keyFrom = memtable.keyFrom;
    this.keyTo = memtable.keyTo;
    this.high = memtable.high;
    this.low = memtable.low;
    this.valueBytes = memtable.valueBytes;
    this.valueFrom = memtable.valueFrom;
    this.valueTo = memtable.valueTo;
    return step;
  }

  async load(): Promise<void> {
    if (this.to === undefined) return;
    const from = this.to;
    // the window that is through is let go before the next is filled
    this.memtable = new Memtable(this.order).cursor();
    const window = await this.next(from);
    this.memtable = window.memtable.cursor();
    this.to = window.to;
  }

  async close(): Promise<void> {
    this.to = undefined;
  }
}

/** Whether a user key comes before `bound`, a key without timestamp. */
function isBefore(order: KeyOrder, userKey: Uint8Array, bound: Uint8Array): boolean {
  const keyTo = Math.max(0, userKey.length - order.timestampSize);
  return order.compareKeys(userKey, 0, keyTo, bound, 0, bound.length) < 0;
}
