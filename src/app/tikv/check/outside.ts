import { compareBytes } from '../../../format/sst/comparator.js';
import type { Reported } from '../../reported.js';
import type { TikvLayout } from '../layout.js';
import { namedBound } from '../region-text.js';
import type { HeldRegion } from '../regions.js';

/** A range of keys: a region, or the gap between two regions. */
interface Stretch {
  region?: HeldRegion;
  /** Entries seen. */
  count: number;
  first?: Uint8Array;
}

/** Counts entries that lie in no region, by the gap between regions. Keys must come in order. */
export class OutsideRegions {
  private current: Stretch = { count: 0 };
  private begun = false;
  private next = 0;
  private last = new Uint8Array(0);
  /** Nothing can be said without regions: a tablet, or a store with too many of them. */
  private readonly silent: boolean;

  constructor(
    private readonly layout: TikvLayout,
    private readonly reported: Reported,
  ) {
    const { regions, ident } = layout.store;
    this.silent = regions.partial || (regions.held.length === 0 && ident === undefined);
  }

  /** The range that holds a user key (without `z`). */
  at(key: Uint8Array): Stretch {
    if (this.silent || (this.begun && this.holds(key))) return this.current;
    this.finish();
    const region = this.layout.store.regions.at(key);
    const { held } = this.layout.store.regions;
    while (this.next < held.length && compareBytes(held[this.next].startKey, key) <= 0) this.next++;
    this.current = {
      ...(region && { region }),
      count: 0,
      ...(region === undefined && { first: key.slice() }),
    };
    this.begun = true;
    return this.current;
  }

  private holds(key: Uint8Array): boolean {
    const { region } = this.current;
    if (region !== undefined) return region.endKey.length === 0 || compareBytes(key, region.endKey) < 0;
    const { held } = this.layout.store.regions;
    const inside = this.next >= held.length || compareBytes(key, held[this.next].startKey) < 0;
    if (inside) this.last = key.slice();
    return inside;
  }

  /** Tells of the stretch that has ended. */
  finish(): void {
    const { region, count, first } = this.current;
    if (region !== undefined || count === 0 || first === undefined) return;
    const last = this.last.length > 0 && compareBytes(this.last, first) > 0 ? this.last : first;
    this.reported.report('tikv/data-outside-regions', {
      message: `${count} ${count === 1 ? 'entry' : 'entries'} belong to no region of this store`,
      evidence: { entries: count, first: namedBound(first), last: namedBound(last) },
    });
    this.current = { count: 0 };
  }
}
