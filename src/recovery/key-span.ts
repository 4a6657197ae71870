import { type Comparator, compareBytes, compareUserKeys } from '../format/sst/comparator.js';

/** The smallest and the largest of the keys added, as copies. */
export class KeySpan {
  first: Uint8Array | undefined;
  last: Uint8Array | undefined;

  constructor(private readonly comparator: Comparator) {}

  add(key: Uint8Array): void {
    if (this.first === undefined || this.compare(key, this.first) < 0) this.first = key.slice();
    if (this.last === undefined || this.compare(key, this.last) > 0) this.last = key.slice();
  }

  private compare(a: Uint8Array, b: Uint8Array): number {
    return compareUserKeys(this.comparator, a, b) ?? compareBytes(a, b);
  }
}
