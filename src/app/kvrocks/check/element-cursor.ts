import { END, LOAD } from '../../../lsm/cursor.js';
import type { VisibleIterator } from '../../../lsm/visible.js';

/** Column families that hold elements of keys. */
export type ElementFamily = 'default' | 'zset_score' | 'stream';

/** Bytes of a version. */
const VERSION = 8;

/**
 * Where the part of an element's key ends that names the key it belongs to (see key.ts):
 *
 *     u8 length | namespace | [u16 slot] | u32 length | user key |← here  u64 version | subkey
 *
 * -1 when the bytes are no element's key.
 */
function endOfKey(bytes: Uint8Array, to: number, slots: boolean): number {
  if (to === 0) return -1;
  const at = 1 + bytes[0] + (slots ? 2 : 0);
  if (at + 4 + VERSION > to) return -1;
  const length = bytes[at] * 0x1000000 + ((bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
  const end = at + 4 + length;
  return end + VERSION > to ? -1 : end;
}

/** Walks the elements of one column family. Its fields are valid until the next step. */
export class ElementCursor {
  done = false;
  /** Bytes of the current entry's key that name the user key: `bytes[0, keyTo)`. */
  keyTo = 0;

  /** `malformed` is told of entries that are no elements; they are stepped over. */
  constructor(
    readonly family: ElementFamily,
    private readonly visible: VisibleIterator,
    private readonly slots: boolean,
    private readonly malformed: (family: ElementFamily, key: Uint8Array) => void,
  ) {}

  get bytes(): Uint8Array {
    return this.visible.keyBytes;
  }
  get subkeyFrom(): number {
    return this.keyTo + VERSION;
  }
  get subkeyTo(): number {
    return this.visible.keyTo;
  }
  get valueBytes(): Uint8Array {
    return this.visible.valueBytes;
  }
  get valueFrom(): number {
    return this.visible.valueFrom;
  }
  get valueTo(): number {
    return this.visible.valueTo;
  }

  /** To the next element, or the end. False: `load` first, then step again. */
  step(): boolean {
    for (;;) {
      const step = this.visible.step();
      if (step === LOAD) return false;
      if (step === END) {
        this.done = true;
        return true;
      }
      this.keyTo = endOfKey(this.bytes, this.subkeyTo, this.slots);
      if (this.keyTo >= 0) return true;
      this.malformed(this.family, this.bytes.subarray(0, this.subkeyTo));
    }
  }

  load(): Promise<void> {
    return this.visible.load();
  }

  async advance(): Promise<void> {
    while (!this.step()) await this.load();
  }

  /** Why the walk ended before the end of the column family. */
  get problem(): string | undefined {
    const { problems } = this.visible;
    return problems.stopped ? (problems.kept.at(-1)?.message ?? 'it cannot be read') : undefined;
  }

  close(): Promise<void> {
    return this.visible.close();
  }
}

/** What a check needs of the element that a cursor stands on. */
export type Element = Pick<
  ElementCursor,
  'family' | 'bytes' | 'subkeyFrom' | 'subkeyTo' | 'valueBytes' | 'valueFrom' | 'valueTo'
>;
