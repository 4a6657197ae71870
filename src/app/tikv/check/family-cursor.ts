import { compareBytes } from '../../../format/sst/comparator.js';
import { END, ENTRY } from '../../../lsm/cursor.js';
import type { View } from '../../../lsm/view.js';
import type { VisibleIterator } from '../../../lsm/visible.js';
import { memcomparableEnd } from '../memcomparable.js';
import type { TIMESTAMP } from '../timestamp.js';

const DATA = 0x7a;
const FIRST_DATA = Uint8Array.of(DATA);

/**
 * Walks the data of a column family, version by version. The key is `key.keyBytes[0, key.keyTo)`, up to `userTo` it is the
 * `z` and the user's key, and where it is as TiKV writes it a timestamp follows (`timestamp` bytes of it are expected).
 */
export class FamilyCursor {
  readonly entry: VisibleIterator;
  done = false;
  /** Where the user's key ends; the whole key where it is not as it should be. */
  userTo = 0;
  wellFormed = false;

  constructor(
    view: View,
    family: number,
    private readonly timestamp: 0 | typeof TIMESTAMP,
  ) {
    this.entry = view.visible(family, { lenient: true, from: FIRST_DATA });
  }

  /** Goes to the next entry. Synchronous wherever the bytes are there: a promise for each entry would cost more than it. */
  step(): Promise<void> | undefined {
    const step = this.entry.step();
    if (step === ENTRY) {
      this.measure();
      return undefined;
    }
    if (step === END) {
      this.done = true;
      return undefined;
    }
    return this.loadAndStep();
  }

  private async loadAndStep(): Promise<void> {
    await this.entry.load();
    await this.step();
  }

  private measure(): void {
    const { keyBytes, keyTo } = this.entry;
    if (keyBytes[0] !== DATA) this.done = true;
    const end = memcomparableEnd(keyBytes, 1, keyTo);
    this.wellFormed = end !== undefined && end + this.timestamp === keyTo;
    this.userTo = this.wellFormed ? keyTo - this.timestamp : keyTo;
  }

  compareUser(other: Uint8Array, length: number): number {
    return compareBytes(this.entry.keyBytes, other, this.userTo, length);
  }
}
