import type { ByteSource, SourceDescriptor, StoreSettings } from '../../bytes/source.js';
import { stopIfInterrupted } from '../interruption.js';
import { ObjectRanges, RANGE, type StoredObject } from './ranges.js';
import { type ObjectStore, storeFor } from './store.js';

export type ObjectDescriptor = Extract<SourceDescriptor, { kind: 'object' }>;

/** Bytes that are asked for together with a small read, and before the end of an object, where a table says where the rest lies. */
const SMALL = 16 << 10;
const END = 32 << 10;

/** Bytes that are under way at most ahead of a reader that goes on from where it was. */
const MOST_AHEAD = 12 << 20;

/** A reader goes on where no more than this is left out, or read again: windows begin at the block that the one before cut. */
const GAP = 256 << 10;

/** One object of a bucket, in ranges. */
class ObjectSource implements ByteSource {
  /** Where the last read ended. */
  private next = -1;
  /** Bytes to have under way after what is asked for. */
  private ahead = 0;
  /** Up to where it has been asked for without a gap. */
  private asked = 0;

  constructor(
    readonly descriptor: ObjectDescriptor,
    private readonly ranges: ObjectRanges,
  ) {}

  get size(): number {
    return this.descriptor.size;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    const length = Math.max(0, Math.min(into.length, this.size - offset));
    for (let done = 0; done < length; ) {
      stopIfInterrupted();
      const part = into.subarray(done, Math.min(length, done + 2 * RANGE));
      await this.piece(part, offset + done);
      done += part.length;
    }
    return length;
  }

  private async piece(into: Uint8Array, offset: number): Promise<void> {
    const end = offset + into.length;
    const goesOn = this.next >= 0 && Math.abs(offset - this.next) <= GAP && end > this.next;
    this.ahead = goesOn ? Math.min(MOST_AHEAD, Math.max(2 * this.ahead, 2 * into.length)) : 0;
    this.next = end;
    if (goesOn) this.ranges.ask(this.object, offset, end, false);
    else this.ranges.ask(this.object, ...this.around(offset, end), false);
    this.asked = goesOn ? Math.max(this.asked, end) : end;
    if (this.asked - end < this.ahead / 2 && this.asked < this.size) {
      const to = this.wholeRanges(Math.min(this.size, end + this.ahead));
      this.ranges.ask(this.object, this.asked, to, true);
      this.asked = to;
    }
    await this.ranges.copy(this.object, into, offset);
  }

  /** Up to where to ask, at most to `most`: what is left over of whole ranges would be a request of its own. */
  private wholeRanges(most: number): number {
    const length = most - this.asked;
    return most === this.size || length < RANGE ? most : this.asked + length - (length % RANGE);
  }

  /** What is asked for with a read that begins anywhere. */
  private around(offset: number, end: number): [number, number] {
    const from = end > this.size - END ? Math.min(offset, Math.max(0, this.size - END)) : offset;
    return [from, Math.max(end, Math.min(this.size, offset + SMALL))];
  }

  private get object(): StoredObject {
    return this.descriptor;
  }

  async close(): Promise<void> {
    this.ranges.cancel(this.object);
  }
}

const ranges = new WeakMap<ObjectStore, ObjectRanges>();

/** An object as it was when it was listed. That it has changed, or cannot be read, its reads say: nothing is asked here. */
export function openObject(descriptor: ObjectDescriptor): ByteSource {
  const store = storeFor(descriptor.store);
  const known = ranges.get(store) ?? new ObjectRanges(store);
  ranges.set(store, known);
  return new ObjectSource(descriptor, known);
}

/** Opens objects to be read once more: none of the bytes are taken that have come before. For one reading of each. */
export function rereading(settings: StoreSettings): (descriptor: ObjectDescriptor) => ByteSource {
  const once = new ObjectRanges(storeFor(settings));
  return (descriptor) => new ObjectSource(descriptor, once);
}
