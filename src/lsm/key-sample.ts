import type { KeyOrder } from './key-order.js';

/** What an entry takes in a memtable beside key and value: header, padding, reference, what sorting needs. */
const PER_ENTRY = 48;

/** Every so many bytes one key of a log, to tell how far a given amount of memory reaches. */
export class KeySample {
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
