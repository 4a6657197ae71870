/**
 * Sums of hashes, for sets that are too large to hold and come in two orders: equal sets give equal sums, and others do but
 * once in 2^64 times.
 */
export class SetSum {
  low = 0;
  high = 0;

  /** Adds what `hash` has been computed of, `times` times. */
  add({ low, high }: { low: number; high: number }, times = 1): void {
    this.low = (this.low + Math.imul(low, times)) >>> 0;
    this.high = (this.high + Math.imul(high, times)) >>> 0;
  }

  equals(other: SetSum): boolean {
    return this.low === other.low && this.high === other.high;
  }
}

/** A hash of pieces of bytes, in two halves: FNV-1a with two primes, mixed at the end. */
export class PieceHash {
  low = 0;
  high = 0;

  begin(): this {
    this.low = 0x811c9dc5;
    this.high = 0x9e3779b9;
    return this;
  }

  piece(bytes: Uint8Array, from = 0, to = bytes.length): this {
    let { low, high } = this;
    for (let at = from; at < to; at++) {
      low = Math.imul(low ^ bytes[at], 0x01000193);
      high = Math.imul(high ^ bytes[at], 0x5bd1e995);
    }
    // what comes next does not run into this
    this.low = Math.imul(low ^ (to - from), 0x01000193);
    this.high = Math.imul(high ^ (to - from), 0x5bd1e995);
    return this;
  }

  end(): this {
    this.low = mixed(this.low);
    this.high = mixed(this.high);
    return this;
  }
}

function mixed(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
