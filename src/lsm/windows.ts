import { BeyondLimit } from '../bytes/beyond-limit.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { ReplayedLog, ReplaySink } from '../recovery/sink.js';
import type { EntryCursor } from './cursor.js';
import { beforeKey, type KeyOrder, trailerHigh, trailerLow } from './key-order.js';
import { MemoryPool } from './memory-pool.js';
import { Memtable, type ValuePlace } from './memtable.js';
import { type MergedTombstone, rangeTombstone } from './range-tombstones.js';
import { WindowCursor } from './window-cursor.js';

/** What an entry takes in a memtable beside key and value: header, padding, reference, what sorting needs. */
const PER_ENTRY = 48;

/** Samples one key of a log every `stride` bytes, to estimate where a given amount of memory is full. */
class KeySample {
  private readonly keys: Uint8Array[] = [];
  private since = 0;

  /** Takes a key for every `stride` bytes that entries will occupy. */
  constructor(
    private readonly order: KeyOrder,
    private readonly stride: number,
  ) {}

  add(userKey: Uint8Array, valueLength: number): void {
    this.since += userKey.length + valueLength + PER_ENTRY;
    if (this.since < this.stride) return;
    this.since -= this.stride;
    this.keys.push(userKey.slice(0, Math.max(0, userKey.length - this.order.timestampSize)));
  }

  /** Call it when all keys have been added. */
  finish(): void {
    const { compareKeys } = this.order;
    this.keys.sort((a, b) => compareKeys(a, 0, a.length, b, 0, b.length));
  }

  /** The key at which `bytes` of entries from `from` on end; `undefined` when all the rest may fit. */
  endOf(from: Uint8Array | undefined, bytes: number): Uint8Array | undefined {
    const { keys, order, stride } = this;
    let low = 0;
    let high = from === undefined ? 0 : keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const key = keys[middle];
      if (order.compareKeys(key, 0, key.length, from!, 0, from!.length) <= 0) low = middle + 1;
      else high = middle;
    }
    return keys[low + Math.max(1, Math.floor(bytes / stride))];
  }
}

/** Hands every operation that recovery applies to the sink, in WAL order. Called again, it does the same again. */
export type Replay = (sink: ReplaySink) => Promise<unknown>;

/** What replayed operations may take in memory, in bytes: 192 MiB. */
const MEMTABLE_BUDGET = 192 * 1024 * 1024;

/** What the versions of one key, which are never split, may take of it: 320 MiB. */
const MOST_VERSIONS = 320 * 1024 * 1024;

/** Values of as many bytes are not copied into memtables. */
const LARGE_VALUE = 16 * 1024 * 1024;

/** Keys that are sampled of a budget's worth of operations: windows come out within 10 % of what fits, and so fit. */
const SAMPLES = 2048;

/** A memtable with a column family's entries from some key on. */
export interface Window {
  memtable: Memtable;
  /** The first key (without timestamp) that is not in it; absent in the last window. */
  to?: Uint8Array;
}

interface Family {
  order: KeyOrder;
  /** All of it, from the first replay. Absent when it did not fit. */
  memtable?: Memtable;
  tombstones: MergedTombstone[];
  sample: KeySample;
}

export interface MemtableOptions {
  /** Bytes for operations, default `MEMTABLE_BUDGET`. */
  budget?: number;
  /** Bytes for the versions of one key, default `MOST_VERSIONS`. */
  versions?: number;
  /** Memory to use again: give views that follow each other the same. */
  pool?: MemoryPool;
}

/**
 * The memtables that recovery would fill, in bounded memory whatever the size of the WALs; nothing is written to disk. A
 * first replay fills those of all column families; each time the budget is reached, the largest is given up. A walk over
 * such a column family goes by windows: the logs are replayed for its first keys alone, as many as fit (samples from the
 * first replay tell how many do), then again for the next. So logs that fit cost one replay, others about one more for each
 * budget's worth of operations. Range tombstones, which are all kept, and the versions of one user key, which are never
 * split, can pass the budget.
 */
export class ReplayedMemtables {
  private readonly families = new Map<number, Family>();
  /** Times that the logs were replayed. */
  replays = 0;

  private constructor(
    orders: ReadonlyMap<number, KeyOrder>,
    private readonly replay: Replay,
    private readonly budget: number,
    private readonly pool: MemoryPool,
    private readonly versions: number,
  ) {
    for (const [id, order] of orders) {
      const sample = new KeySample(order, budget / SAMPLES);
      this.families.set(id, {
        order,
        memtable: new Memtable(order, pool),
        tombstones: [],
        sample,
      });
    }
  }

  /** Replays once. `orders` has the column families that exist; operations on others are dropped, as the engine does. */
  static async fill(
    orders: ReadonlyMap<number, KeyOrder>,
    replay: Replay,
    { budget = MEMTABLE_BUDGET, pool = new MemoryPool(), versions = MOST_VERSIONS }: MemtableOptions = {},
  ): Promise<ReplayedMemtables> {
    const memtables = new ReplayedMemtables(orders, replay, budget, pool, versions);
    await memtables.firstReplay();
    return memtables;
  }

  rangeTombstones(columnFamily: number): readonly MergedTombstone[] {
    return this.family(columnFamily).tombstones;
  }

  /** Walks a column family from `from` (a key without timestamp) on. Closing it gives memory back. */
  cursor(columnFamily: number, from?: Uint8Array): EntryCursor {
    const family = this.family(columnFamily);
    const { order, memtable } = family;
    if (memtable !== undefined) return memtable.cursor(from && beforeKey(from, order));
    return new WindowCursor((key) => this.window(columnFamily, family, key), from);
  }

  /** Gives all memory back. No cursor may be used any more. */
  release(): void {
    for (const { memtable } of this.families.values()) memtable?.release();
    this.families.clear();
  }

  private family(columnFamily: number): Family {
    const family = this.families.get(columnFamily);
    if (family === undefined) throw new RangeError(`column family ${columnFamily} is not in the view`);
    return family;
  }

  private async firstReplay(): Promise<void> {
    const meter = new Meter(this.budget);
    this.replays++;
    await this.replay({
      apply: (columnFamily, sequence, type, key, value, log) => {
        const family = this.families.get(columnFamily);
        if (family === undefined) return;
        if (type === VALUE_TYPE.rangeDelete) {
          addTombstone(family, key, value, sequence);
          return;
        }
        const place = placeOf(value, log);
        const length = place === undefined ? value.length : 0;
        family.sample.add(key, length);
        family.memtable?.add(key, trailerHigh(sequence), trailerLow(sequence, type), value, place);
        if (meter.isDue(key.length + length) && this.resident() > this.budget) this.giveUpLargest();
      },
    });
    for (const { sample } of this.families.values()) sample.finish();
  }

  private resident(): number {
    let bytes = 0;
    for (const { memtable } of this.families.values()) bytes += memtable?.footprint ?? 0;
    return bytes;
  }

  private giveUpLargest(): void {
    const bytes = ({ memtable }: Family) => memtable?.footprint ?? 0;
    const largest = [...this.families.values()].reduce((a, b) => (bytes(a) >= bytes(b) ? a : b));
    largest.memtable?.release();
    largest.memtable = undefined;
  }

  /** Replays again for the keys of one column family from `from` on. */
  private async window(columnFamily: number, family: Family, from?: Uint8Array): Promise<Window> {
    const { order, sample } = family;
    const budget = Math.max(this.budget - this.resident(), this.budget / 4);
    const window: Window = { memtable: new Memtable(order, this.pool), to: sample.endOf(from, budget * 0.9) };
    const meter = new Meter(budget);
    let room = budget;
    this.replays++;
    await this.replay({
      apply: (id, sequence, type, key, value, log) => {
        if (id !== columnFamily || type === VALUE_TYPE.rangeDelete) return;
        if (from !== undefined && isBefore(order, key, from)) return;
        if (window.to !== undefined && !isBefore(order, key, window.to)) return;
        const place = placeOf(value, log);
        window.memtable.add(key, trailerHigh(sequence), trailerLow(sequence, type), value, place);
        if (
          meter.isDue(key.length + (place === undefined ? value.length : 0)) &&
          window.memtable.footprint > room
        ) {
          window.to = window.memtable.trim(budget / 2) ?? window.to;
          // what is left is one key, whose versions are not split
          const { footprint } = window.memtable;
          if (footprint > this.versions) throw tooManyVersions(this.versions);
          room = Math.max(budget, footprint * 1.25);
        }
      },
    });
    return window;
  }
}

/** Large values stay in their logs: beside the record that is read there is no room for a copy. */
function placeOf(value: Uint8Array, log: ReplayedLog | undefined): ValuePlace | undefined {
  if (value.length < LARGE_VALUE || log === undefined) return undefined;
  return {
    log,
    record: log.offset,
    at: value.byteOffset - log.bytes.byteOffset,
    length: value.length,
  };
}

function tooManyVersions(bytes: number): BeyondLimit {
  const reason = `the versions of one key in them take more than ${bytes >> 20} MiB, which are not merged`;
  return new BeyondLimit('WALs', reason);
}

function addTombstone(
  { order, tombstones }: Family,
  start: Uint8Array,
  end: Uint8Array,
  sequence: bigint,
): void {
  const key = (userKey: Uint8Array) => userKey.subarray(0, Math.max(0, userKey.length - order.timestampSize));
  const low = trailerLow(sequence, VALUE_TYPE.rangeDelete);
  const tombstone = rangeTombstone(order, key(start), key(end), trailerHigh(sequence), low);
  if (tombstone !== undefined) tombstones.push(tombstone);
}

/** Whether a user key comes before `bound`, a key without timestamp. */
function isBefore(order: KeyOrder, userKey: Uint8Array, bound: Uint8Array): boolean {
  const keyTo = Math.max(0, userKey.length - order.timestampSize);
  return order.compareKeys(userKey, 0, keyTo, bound, 0, bound.length) < 0;
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
