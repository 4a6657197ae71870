import type { KeyBytes } from '../../../finding/evidence.js';
import { compareBytes } from '../../../format/sst/comparator.js';
import type { Reported } from '../../reported.js';
import { epochText, namedBound } from '../region-text.js';
import type { HeldRegion, Regions } from '../regions.js';
import type { ApplyStates } from './states.js';

const NORMAL = 0;

/** Regions against each other, and that each says how far its log has been applied. */
export function checkRegions(regions: Regions, applied: ApplyStates, reported: Reported): void {
  for (const { older, newer } of regions.overlaps()) {
    const [from, to] = shared(older, newer);
    const order =
      older.version === newer.version && older.confVersion === newer.confVersion
        ? 'their epochs are the same'
        : `region ${older.id} is the older claim`;
    reported.report('tikv/overlapping-regions', {
      message: `regions ${older.id} (${epochText(older)}) and ${newer.id} (${epochText(newer)}) both claim keys; ${order}`,
      evidence: {
        older: String(older.id),
        newer: String(newer.id),
        ...bounds({ startKey: from, endKey: to }),
      },
    });
  }
  for (const region of regions.held) {
    if (region.state !== NORMAL || applied.has(region.id)) continue;
    reported.report('tikv/apply-state-missing', {
      message: `region ${region.id} has no apply state`,
      evidence: { region: String(region.id), ...bounds(region) },
    });
  }
}

/** An absent bound is the first or the last key. */
function bounds({ startKey, endKey }: Pick<HeldRegion, 'startKey' | 'endKey'>): { [name: string]: KeyBytes } {
  return {
    ...(startKey.length > 0 && { from: namedBound(startKey) }),
    ...(endKey.length > 0 && { to: namedBound(endKey) }),
  };
}

/** The keys that both claim. */
function shared(a: HeldRegion, b: HeldRegion): [Uint8Array, Uint8Array] {
  const from = compareBytes(a.startKey, b.startKey) > 0 ? a.startKey : b.startKey;
  if (a.endKey.length === 0) return [from, b.endKey];
  if (b.endKey.length === 0) return [from, a.endKey];
  return [from, compareBytes(a.endKey, b.endKey) < 0 ? a.endKey : b.endKey];
}
