import type { EvidenceValue } from '../../finding/evidence.js';
import type { Range } from '../../finding/finding.js';
import { sequenceRange } from './evidence.js';

/** Gaps that are listed one by one. */
const LISTED = 8;

/** Holes in a log's sequence numbers that no damage explains. They are legal, so all of them make one finding. */
export class Gaps {
  private readonly places: { offset: number; length: number; from: bigint; to: bigint }[] = [];
  private total = 0;

  /** Numbers `from` to `to`, both included, are missing before a record. */
  add({ offset, length }: Range, from: bigint, to: bigint): void {
    this.total++;
    if (this.places.length < LISTED) this.places.push({ offset, length, from, to });
  }

  /** What a finding says of them; `undefined` when there are none. */
  summary():
    | { offset: number; length: number; message: string; evidence: Record<string, EvidenceValue> }
    | undefined {
    if (this.total === 0) return undefined;
    const [{ offset, length, from, to }] = this.places;
    const more = this.total - 1;
    const others = more === 0 ? '' : `, and ${more} more such ${more === 1 ? 'gap' : 'gaps'}`;
    const places = this.places.map((place) => ({
      offset: place.offset,
      sequences: sequenceRange(place.from, place.to),
    }));
    return {
      offset,
      length,
      message: `Sequences ${sequenceRange(from, to)} are not in the log${others}`,
      evidence: { gaps: this.total, places },
    };
  }
}
