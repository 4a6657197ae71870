import { u32BigEndian } from '../../../bytes/u32.js';
import { type EvidenceValue, keyBytes } from '../../../finding/evidence.js';
import type { ElementCursor, ElementFamily } from './element-cursor.js';
import type { Fault } from './fault.js';

/** Values whose elements are named. */
const EXAMPLES = 5;

/** Counts elements whose key was deleted, or has another value now. */
export class Orphans {
  private readonly entries: Partial<Record<ElementFamily, number>> = {};
  private readonly examples: EvidenceValue[] = [];
  private values = 0;
  private family?: ElementFamily;
  private key = new Uint8Array(0);
  private high = -1;
  private low = -1;

  take(element: ElementCursor, userKey: () => Uint8Array): void {
    const { family, bytes, keyTo } = element;
    this.entries[family] = (this.entries[family] ?? 0) + 1;
    const [high, low] = [u32BigEndian(bytes, keyTo), u32BigEndian(bytes, keyTo + 4)];
    if (family === this.family && high === this.high && low === this.low && this.isSameKey(element)) return;
    this.family = family;
    this.high = high;
    this.low = low;
    this.key = bytes.slice(0, keyTo);
    this.values++;
    if (this.examples.length < EXAMPLES)
      this.examples.push({ key: keyBytes(userKey()), version: String((BigInt(high) << 32n) | BigInt(low)) });
  }

  private isSameKey({ bytes, keyTo }: ElementCursor): boolean {
    return this.key.length === keyTo && Buffer.compare(this.key, bytes.subarray(0, keyTo)) === 0;
  }

  faults(): Fault[] {
    const { values, entries, examples } = this;
    if (values === 0) return [];
    const all = Object.values(entries).reduce((sum, count) => sum + count, 0);
    return [
      {
        rule: 'kvrocks/orphans',
        message: `${all} elements belong to ${values === 1 ? 'a value that is' : `${values} values that are`} no more`,
        evidence: { ...entries, values: examples },
      },
    ];
  }
}
