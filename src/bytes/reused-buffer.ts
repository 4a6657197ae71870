/*
 * Memory that is used again and again: fresh pages for every read cost more than the reading itself. Whoever is handed a
 * view of it may look at it until the owner takes the memory back. A view that is kept longer shows other bytes one day and
 * the right ones the next, as the disk is slow or fast: damage is reported that is not there.
 *
 * So all of it is given out and taken back here, and `retire` is the moment. Tests overwrite the bytes at that moment
 * (test/support/retired-memory.mjs), and a view that is kept fails at once and always.
 */
type OnRetire = (bytes: Uint8Array) => void;

/**
 * Memory that grows past as many bytes is had at once up to its limit. Pages that nobody touches cost nothing, while a copy beside
 * its original costs twice what a large record takes.
 */
const GROWS_STEPWISE = 16 * 1024 * 1024;

/**
 * Memory for one large view that its last owner is done with. The collector frees it late, and the next large record would take as
 * much again beside it.
 */
let spare: WeakRef<Uint8Array> | undefined;

const onRetire = (globalThis as { [key: symbol]: OnRetire | undefined })[Symbol.for('kvdoctor.onRetire')];

/** Says that no view of these bytes may be looked at any more. */
export const retire: OnRetire = onRetire ?? (() => {});

const NOTHING = new Uint8Array(0);

/** Memory with one owner, which takes all views back before it gives the next. */
export class ReusedBuffer {
  private bytes: Uint8Array;
  /** Bytes that views may be of. */
  private given = 0;
  /** The memory is lent to one owner after the other. */
  private isLarge = false;

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
    if (!this.isLarge) return;
    spare = new WeakRef(this.bytes);
    this.bytes = NOTHING;
    this.isLarge = false;
  }

  /**
   * A view of all of the memory, of which `needed` bytes will be used and the first `used` are as they were. It grows to twice
   * the size, at most to `most`, and from 16 MiB on to `most` at once; then views before end.
   */
  extend(used: number, needed: number, most?: number): Uint8Array {
    if (needed > this.bytes.length) {
      const isLarge = needed > GROWS_STEPWISE && most !== undefined;
      const size = Math.min(Math.max(needed, 2 * this.bytes.length, 4096), most ?? Number.MAX_SAFE_INTEGER);
      const larger = isLarge ? largeMemory(most) : new Uint8Array(size);
      larger.set(this.bytes.subarray(0, used));
      this.takeBack();
      this.bytes = larger;
      this.isLarge = isLarge;
    }
    this.given = Math.max(this.given, needed);
    return this.bytes;
  }
}

function largeMemory(size: number): Uint8Array {
  const used = spare?.deref();
  spare = undefined;
  return used !== undefined && used.length >= size ? used : new Uint8Array(size);
}
