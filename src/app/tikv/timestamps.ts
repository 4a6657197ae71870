import { u32BigEndian } from '../../bytes/u32.js';

/**
 * Start timestamps of the values of one key, in the order in which the database has them: newest first. Kept as halves of
 * 32 bits, since a database has one for each value.
 */
export class StartTimestamps {
  private high = new Uint32Array(64);
  private low = new Uint32Array(64);
  private used = new Uint8Array(64);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** Adds the inverted timestamp in the eight bytes from `at` on. */
  add(bytes: Uint8Array, at: number): void {
    if (this.count === this.high.length) this.grow();
    this.high[this.count] = ~u32BigEndian(bytes, at);
    this.low[this.count] = ~u32BigEndian(bytes, at + 4);
    this.used[this.count++] = 0;
  }

  /** Whether the timestamp is among them, which then counts as used. */
  use(high: number, low: number): boolean {
    let from = 0;
    let to = this.count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const [h, l] = [this.high[middle], this.low[middle]];
      if (h > high || (h === high && l > low)) from = middle + 1;
      else to = middle;
    }
    if (from === this.count || this.high[from] !== high || this.low[from] !== low) return false;
    this.used[from] = 1;
    return true;
  }

  unused(): number {
    let count = 0;
    for (let i = 0; i < this.count; i++) if (this.used[i] === 0) count++;
    return count;
  }

  private grow(): void {
    const { high, low, used } = this;
    this.high = new Uint32Array(high.length * 2);
    this.low = new Uint32Array(high.length * 2);
    this.used = new Uint8Array(high.length * 2);
    this.high.set(high);
    this.low.set(low);
    this.used.set(used);
  }
}

/** A varint in halves of 32 bits: a bigint for each write would cost more than all the rest. */
export class StartTimestamp {
  high = 0;
  low = 0;

  /** Reads the varint at `from`. Where it ends, or 0 where it does not. */
  read(bytes: Uint8Array, from: number, to: number): number {
    let [low, middle, high] = [0, 0, 0];
    const limit = Math.min(to, from + 10);
    for (let at = from; at < limit; at++) {
      const group = at - from;
      const bits = bytes[at] & 0x7f;
      if (group < 4) low |= bits << (7 * group);
      else if (group < 8) middle |= bits << (7 * (group - 4));
      else high |= bits << (7 * (group - 8));
      if (bytes[at] >= 0x80) continue;
      this.low = (low | (middle << 28)) >>> 0;
      this.high = ((middle >>> 4) | (high << 24)) >>> 0;
      return at + 1;
    }
    return 0;
  }

  get value(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
}
