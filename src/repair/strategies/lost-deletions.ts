import { Cursor } from '../../bytes/cursor.js';
import { type EvidenceValue, keyBytes } from '../../finding/evidence.js';
import { counted } from '../../finding/quantity.js';
import type { OpKind } from '../../format/batch/batch.js';
import { decodeBatch } from '../../format/batch/decode.js';
import type { DialectName } from '../../format/dialect.js';
import type { LossStatement } from '../plan.js';
import { isZeros } from './mend-batch.js';

/** Keys, and ranges of keys, that are listed. */
const LISTED = 20;

const OF_A_KEY: ReadonlySet<OpKind> = new Set(['delete', 'single-delete', 'sized-delete']);
const OF_A_RANGE: ReadonlySet<OpKind> = new Set([
  'range-delete',
  'range-key-delete',
  'range-key-unset',
  'excise',
]);

/** The deletions in batches that a cut log takes along: what they hid shows again. */
export class LostDeletions {
  private keys = 0;
  private ranges = 0;
  private readonly listedKeys: EvidenceValue[] = [];
  private readonly listedRanges: EvidenceValue[] = [];

  constructor(private readonly dialect: DialectName) {}

  /** Takes what decodes of a batch; where it is damaged, up to zeros. */
  add(batch: Uint8Array, damaged: boolean): void {
    for (const op of decodeBatch(batch, { dialect: this.dialect }).ops) {
      const { kind, key, value } = op;
      if (damaged && isZeros(op)) return;
      if (OF_A_KEY.has(kind)) {
        this.keys++;
        if (this.keys <= LISTED) this.listedKeys.push(keyBytes(key));
      } else if (OF_A_RANGE.has(kind)) {
        this.ranges++;
        const whole = value ?? new Uint8Array(0);
        // an unset has its end in front of the suffixes
        const end = kind === 'range-key-unset' ? (new Cursor(whole).lengthPrefixed() ?? whole) : whole;
        if (this.ranges <= LISTED) this.listedRanges.push({ from: keyBytes(key), to: keyBytes(end) });
      }
    }
  }

  /** What that means; nothing where no deletion is lost. */
  statements(file: string): LossStatement[] {
    const { keys, ranges } = this;
    const statement = (count: number, what: string, facts: LossStatement['facts']): LossStatement => ({
      file,
      detail: `among them ${counted(count, 'deletion')} of ${what}: older values that ${count === 1 ? 'it' : 'they'} hid show again`,
      facts: { ...facts, ...(count > LISTED && { notListed: count - LISTED }) },
    });
    return [
      ...(keys > 0 ? [statement(keys, 'keys', { lostDeletions: keys, keys: this.listedKeys })] : []),
      ...(ranges > 0
        ? [statement(ranges, 'ranges', { lostRangeDeletions: ranges, keyRanges: this.listedRanges })]
        : []),
    ];
  }
}
