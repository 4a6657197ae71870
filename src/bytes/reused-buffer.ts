/*
 * Memory that is used again and again: fresh pages for every read cost more than the reading itself. Whoever is handed a
 * view of it may look at it until the owner takes the memory back. A view that is kept longer shows other bytes one day and
 * the right ones the next, as the disk is slow or fast: damage is reported that is not there.
 *
 * So all of it is given out and taken back here, and `retire` is the moment. Tests overwrite the bytes at that moment
 * (test/support/retired-memory.mjs), and a view that is kept fails at once and always.
 */
type OnRetire = (bytes: Uint8Array) => void;

const onRetire = (globalThis as { [key: symbol]: OnRetire | undefined })[Symbol.for('kvdoctor.onRetire')];

/** Says that no view of these bytes may be looked at any more. */
export const retire: OnRetire = onRetire ?? (() => {});

/** Memory with one owner, which takes all views back before it gives the next. */
export class ReusedBuffer {
  private bytes: Uint8Array;
  /** Bytes that views may be of. */
  private given = 0;

  /** `memory`: what to use, or how many bytes of it to have at first. More is had where a view does not fit. */
  constructor(memory: Uint8Array | number = 0) {
    this.bytes = typeof memory === 'number' ? new Uint8Array(memory) : memory;
  }

  /** Bytes that can be given without having more memory. */
  get capacity(): number {
    return this.bytes.length;
  }

  /** A view of `length` bytes with anything in them. Ends those before. */
  give(length: number): Uint8Array {
    this.takeBack();
    if (length > this.bytes.length) this.bytes = new Uint8Array(length);
    this.given = length;
    return length === this.bytes.length ? this.bytes : this.bytes.subarray(0, length);
  }

  /** Ends all views. */
  takeBack(): void {
    if (onRetire !== undefined) retire(this.bytes.subarray(0, this.given));
    this.given = 0;
  }

  /**
   * A view of all of the memory, of which `needed` bytes will be used and the first `used` are as they were. It grows to twice
   * the size, at most to `most`; then views before end.
   */
  extend(used: number, needed: number, most = Number.MAX_SAFE_INTEGER): Uint8Array {
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(needed, 2 * this.bytes.length, 4096), most));
      larger.set(this.bytes.subarray(0, used));
      this.takeBack();
      this.bytes = larger;
    }
    this.given = Math.max(this.given, needed);
    return this.bytes;
  }
}
