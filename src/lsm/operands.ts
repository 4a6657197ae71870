const SMALLEST = 64;

/**
 * The merge operands of one key, in memory that they share: a key may have millions of a few bytes, and a buffer for each takes a hundred
 * times as much.
 */
export class Operands {
  private bytes = new Uint8Array(0);
  private ends: number[] = [];

  get count(): number {
    return this.ends.length;
  }

  /** Copies `source[from, to)`. Operands come newest first, as a walk meets them. */
  add(source: Uint8Array, from: number, to: number): void {
    const at = this.ends.at(-1) ?? 0;
    const end = at + to - from;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(SMALLEST, end, 2 * at));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
    }
    this.bytes.set(source.subarray(from, to), at);
    this.ends.push(end);
  }

  /** All of them, oldest first, with the memory that they lie in: it is not written again. */
  take(): Uint8Array[] {
    const { bytes, ends } = this;
    const taken = ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end)).reverse();
    this.bytes = new Uint8Array(0);
    this.ends = [];
    return taken;
  }

  clear(): void {
    this.ends = [];
  }
}
