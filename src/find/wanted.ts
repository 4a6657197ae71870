import { comparatorNamed } from '../format/sst/comparator.js';
import { type KeyOrder, keyOrder } from '../lsm/key-order.js';

/** The keys that are looked for: one, or all that begin alike. Keys are without timestamps. */
export class Wanted {
  constructor(
    readonly key: Uint8Array,
    readonly prefix: boolean,
  ) {}

  /** Whether `bytes[from, to)` is one of them. */
  matches(bytes: Uint8Array, from: number, to: number): boolean {
    const { key } = this;
    const length = to - from;
    if (this.prefix ? length < key.length : length !== key.length) return false;
    for (let i = 0; i < key.length; i++) if (bytes[from + i] !== key[i]) return false;
    return true;
  }

  /** Whether a range [begin, end) may hold one of them. Where the order is not known, any may. */
  mayLieIn(order: KeyOrder, begin: Uint8Array, end: Uint8Array): boolean {
    if (!order.known || this.prefix) return !order.known || this.prefixMayLieIn(order, begin, end);
    const { key } = this;
    return (
      order.compareKeys(begin, 0, begin.length, key, 0, key.length) <= 0 &&
      order.compareKeys(key, 0, key.length, end, 0, end.length) < 0
    );
  }

  private prefixMayLieIn(order: KeyOrder, begin: Uint8Array, end: Uint8Array): boolean {
    const [low, high] = order.direction >= 0 ? [begin, end] : [end, begin];
    const after = successor(this.key);
    const lowBefore = after === undefined || Buffer.compare(low, after) <= 0;
    return lowBefore && (Buffer.compare(high, this.key) >= 0 || this.matches(high, 0, high.length));
  }

  /** Where a walk in key order begins; undefined: at the start. */
  from(order: KeyOrder): Uint8Array | undefined {
    if (!order.known) return undefined;
    return this.prefix && order.direction === -1 ? successor(this.key) : this.key;
  }

  /** Whether a walk in key order has passed all of them at the key `bytes[0, length)`. */
  isPast(order: KeyOrder, bytes: Uint8Array, length = bytes.length): boolean {
    if (!order.known || this.matches(bytes, 0, length)) return false;
    return order.compareKeys(bytes, 0, length, this.key, 0, this.key.length) > 0;
  }
}

/** The first key after all that begin with `prefix`, bytewise; undefined where there is none. */
function successor(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    if (prefix[i] === 0xff) continue;
    const next = prefix.slice(0, i + 1);
    next[i]++;
    return next;
  }
  return undefined;
}

/** A column family as far as it is known: from the MANIFEST, or only its number. */
export interface Family {
  id: number;
  name?: string;
  order: KeyOrder;
}

export function familyOf(id: number, name: string | undefined, comparator: string | undefined): Family {
  return {
    id,
    ...(name !== undefined && { name }),
    order: keyOrder(comparatorNamed(comparator).name),
  };
}
