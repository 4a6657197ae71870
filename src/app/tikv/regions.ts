import { compareBytes } from '../../format/sst/comparator.js';
import { MERGING, type Region, type RegionState, TOMBSTONE } from './states.js';

/** A region that the store holds a peer of. */
export interface HeldRegion extends Region {
  /** Index into `peerStates`. */
  state: number;
  /** The region that this one is being merged into. */
  mergeTarget?: bigint;
}

/** Two regions that claim the same keys. `older` has the lower epoch, where they differ. */
interface Overlap {
  older: HeldRegion;
  newer: HeldRegion;
}

/** Memory for the ranges of regions, bytes: some 200,000 regions. A store has seldom 50,000. */
const KEPT_BYTES = 64 << 20;
/** What a region takes beside its keys. */
const REGION_BYTES = 256;
/** Regions that are looked at for a key: more than one only where they overlap. */
const LOOK_BACK = 32;

/**
 * The ranges of the regions of one store, in the order of their first keys. Keys are given without their `z`. Regions that are
 * gone (tombstones), or of which the peer knows nothing yet, have no range.
 */
export class Regions {
  /** There were too many of them: some are missing. */
  readonly partial: boolean;
  /** Up to each position, the region that reaches furthest: only where regions overlap is it another one. */
  private readonly furthest: HeldRegion[] = [];

  private constructor(
    readonly held: readonly HeldRegion[],
    partial: boolean,
  ) {
    this.partial = partial;
    let reach: HeldRegion | undefined;
    for (const region of held) {
      if (reach === undefined || compareEnds(region.endKey, reach.endKey) > 0) reach = region;
      this.furthest.push(reach);
    }
  }

  static readonly none = new Regions([], false);

  /** `states` may be views into a buffer that changes: what is kept is copied. */
  static collector(): { add(state: RegionState): boolean; finish(): Regions } {
    const held: HeldRegion[] = [];
    let bytes = 0;
    let partial = false;
    return {
      /** False when the sink takes nothing more. */
      add({ state, region, mergeTarget }) {
        if (state === TOMBSTONE || region.peers.length === 0) return true;
        bytes += REGION_BYTES + region.startKey.length + region.endKey.length;
        partial = bytes > KEPT_BYTES;
        if (partial) return false;
        held.push({
          ...region,
          startKey: region.startKey.slice(),
          endKey: region.endKey.slice(),
          state,
          ...(mergeTarget !== undefined && state === MERGING && { mergeTarget }),
        });
        return true;
      },
      finish: () => new Regions(held.sort(byStart), partial),
    };
  }

  /** The region that a key belongs to; where several claim it, the one of the newest epoch. */
  at(key: Uint8Array): HeldRegion | undefined {
    const last = this.lastBegunBy(key);
    if (last < 0 || !isBefore(key, this.furthest[last].endKey)) return undefined;
    let found = this.furthest[last];
    for (let i = last; i >= 0 && i > last - LOOK_BACK && isBefore(key, this.furthest[i].endKey); i--) {
      const region = this.held[i];
      if (isBefore(key, region.endKey) && isNewer(region, found)) found = region;
    }
    return found;
  }

  /** The regions that hold keys from `from` to `to`, both included. Without `to`: to the last key. */
  within(from: Uint8Array, to?: Uint8Array): HeldRegion[] {
    const found: HeldRegion[] = [];
    const last = to === undefined ? this.held.length - 1 : this.lastBegunBy(to);
    for (let i = last; i >= 0 && isBefore(from, this.furthest[i].endKey); i--) {
      if (isBefore(from, this.held[i].endKey)) found.push(this.held[i]);
    }
    return found.reverse();
  }

  /** Neighbours that claim the same keys, each region against the one before it that reaches furthest. */
  *overlaps(): Generator<Overlap> {
    for (let i = 1; i < this.held.length; i++) {
      const [before, region] = [this.furthest[i - 1], this.held[i]];
      if (!isBefore(region.startKey, before.endKey)) continue;
      yield isNewer(region, before) ? { older: before, newer: region } : { older: region, newer: before };
    }
  }

  /** Position of the last region that begins at or before the key, -1 for none. */
  private lastBegunBy(key: Uint8Array): number {
    let low = 0;
    let high = this.held.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.held[middle].startKey, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function byStart(a: HeldRegion, b: HeldRegion): number {
  return compareBytes(a.startKey, b.startKey) || compareEnds(a.endKey, b.endKey) || (a.id < b.id ? -1 : 1);
}

/** An empty end is after all keys. */
function isBefore(key: Uint8Array, end: Uint8Array): boolean {
  return end.length === 0 || compareBytes(key, end) < 0;
}

function compareEnds(a: Uint8Array, b: Uint8Array): number {
  if (a.length === 0 || b.length === 0) return (a.length === 0 ? 1 : 0) - (b.length === 0 ? 1 : 0);
  return compareBytes(a, b);
}

/** Splits and merges raise the version, changes of members the other half. */
function isNewer(a: HeldRegion, b: HeldRegion): boolean {
  return a.version === b.version ? a.confVersion > b.confVersion : a.version > b.version;
}
