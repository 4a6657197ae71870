import { type Comparator, compareUserKeyRanges } from './comparator.js';
import { KEY_TRAILER } from './internal-key.js';

/** How the index blocks of a table are written, by its properties. */
export interface IndexForm {
  deltaEncoded: boolean;
  userKeys: boolean;
  firstKeys: boolean;
}

/** Limit in bytes for the keys of an index in memory, after prefix compression is undone. */
const KEY_LIMIT = 256 * 1024 * 1024;

/** Keys end to end in one array, so that an index of a million blocks is three arrays and not a million objects. */
class KeyArena {
  private bytes = new Uint8Array(4096);
  private ends = new Float64Array(256);
  private used = 0;
  count = 0;

  /** False when the limit on memory is reached. */
  add(from: Uint8Array, start: number, end: number): boolean {
    const needed = this.used + end - start;
    if (needed > KEY_LIMIT) return false;
    if (needed > this.bytes.length) this.bytes = grown(this.bytes, new Uint8Array(2 * needed));
    if (this.count === this.ends.length) this.ends = grown(this.ends, new Float64Array(2 * this.count));
    this.bytes.set(from.subarray(start, end), this.used);
    this.used = needed;
    this.ends[this.count++] = needed;
    return true;
  }

  /** Adds the first `shared` bytes of the last key followed by `from[start, end)`. */
  addShared(shared: number, from: Uint8Array, start: number, end: number): boolean {
    const needed = this.used + shared + end - start;
    if (needed > KEY_LIMIT) return false;
    if (needed > this.bytes.length) this.bytes = grown(this.bytes, new Uint8Array(2 * needed));
    if (this.count === this.ends.length) this.ends = grown(this.ends, new Float64Array(2 * this.count));
    const { bytes, used } = this;
    const previous = this.startOf(this.count - 1);
    for (let i = 0; i < shared; i++) bytes[used + i] = bytes[previous + i];
    for (let i = start, to = used + shared; i < end; i++, to++) bytes[to] = from[i];
    this.used = needed;
    this.ends[this.count++] = needed;
    return true;
  }

  truncate(count: number): void {
    this.used = count === 0 ? 0 : this.ends[count - 1];
    this.count = count;
  }

  get all(): Uint8Array {
    return this.bytes;
  }

  startOf(i: number): number {
    return i <= 0 ? 0 : this.ends[i - 1];
  }

  endOf(i: number): number {
    return this.ends[i];
  }

  /** Ends of `count` keys from `i` on and of the one before, and the bytes of all of them. */
  copyTo(
    i: number,
    count: number,
    { ends, separators }: { ends: Float64Array; separators: Uint8Array },
  ): void {
    ends[0] = this.startOf(i);
    ends.set(this.ends.subarray(i, i + count), 1);
    if (count > 0) separators.set(this.bytes.subarray(this.startOf(i - 1), this.ends[i + count - 1]));
  }

  /** A view of key `i`. */
  get(i: number): Uint8Array {
    return this.bytes.subarray(this.startOf(i), this.ends[i]);
  }
}

function grown<T extends Uint8Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** The entries of an index, in order. */
export class BlockIndex {
  private keys = new KeyArena();
  private firsts = new KeyArena();
  private places = new Float64Array(512);

  constructor(readonly form: IndexForm) {}

  get count(): number {
    return this.keys.count;
  }

  /** File offset of block `i`. */
  offset(i: number): number {
    return this.places[2 * i];
  }

  /** Payload bytes of block `i`. */
  size(i: number): number {
    return this.places[2 * i + 1];
  }

  /** Separator after block `i`: an internal key, or a user key where the form says so. A view. */
  separator(i: number): Uint8Array {
    return this.keys.get(i);
  }

  /** First internal key of block `i`, where the index holds first keys. A view. */
  firstKey(i: number): Uint8Array | undefined {
    return i < this.firsts.count ? this.firsts.get(i) : undefined;
  }

  /** False when the limit on memory is reached. */
  add(key: Uint8Array, offset: number, size: number): boolean {
    return this.keys.add(key, 0, key.length) && this.place(offset, size);
  }

  /** The same with a key that begins with `shared` bytes of the key before and goes on with `from[start, end)`. */
  addShared(
    shared: number,
    from: Uint8Array,
    start: number,
    end: number,
    offset: number,
    size: number,
  ): boolean {
    return this.keys.addShared(shared, from, start, end) && this.place(offset, size);
  }

  private place(offset: number, size: number): boolean {
    const at = 2 * (this.count - 1);
    if (at === this.places.length) this.places = grown(this.places, new Float64Array(2 * at));
    this.places[at] = offset;
    this.places[at + 1] = size;
    return true;
  }

  /** Forgets all entries but the first `count`. */
  truncate(count: number): void {
    this.keys.truncate(count);
    this.firsts.truncate(Math.min(count, this.firsts.count));
  }

  /**
   * Orders the internal key `key[0, length)` and separator `i`: negative when the key comes first. Undefined where the
   * order is the application's.
   */
  orderWithSeparator(comparator: Comparator, key: Uint8Array, length: number, i: number): number | undefined {
    const { all } = this.keys;
    const start = this.keys.startOf(i);
    const end = this.keys.endOf(i);
    const trailer = this.form.userKeys ? 0 : KEY_TRAILER;
    const order = compareUserKeyRanges(comparator, key, 0, length - KEY_TRAILER, all, start, end - trailer);
    if (order !== 0 || trailer === 0) return order;
    for (let back = 1; back <= KEY_TRAILER; back++) {
      const difference = all[end - back] - key[length - back];
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /**
   * Puts blocks from `i` on into arrays: offset and size of each, the ends of the separators from that before `i` on, and all of these
   * separators, as far as there is room. Gives how many blocks, and what the ends count from.
   */
  copyTo(
    i: number,
    most: number,
    to: { places: Float64Array; ends: Float64Array; separators: Uint8Array },
  ): { count: number; keysFrom: number } {
    let count = Math.min(most, this.count - i, to.ends.length - 1);
    const keysFrom = this.keys.startOf(i - 1);
    while (count > 0 && this.keys.endOf(i + count - 1) - keysFrom > to.separators.length) count >>= 1;
    to.places.set(this.places.subarray(2 * i, 2 * (i + count)));
    this.keys.copyTo(i, count, to);
    return { count, keysFrom };
  }

  addFirstKey(bytes: Uint8Array, start: number, end: number): boolean {
    return this.firsts.add(bytes, start, end);
  }
}
