import type { LiveTable } from '../format/manifest/version.js';
import { comparatorNamed, compareUserKeys } from '../format/sst/comparator.js';
import { userKeyOf } from '../format/sst/internal-key.js';

/** A range of user keys. */
export interface KeyRange {
  from: Uint8Array;
  to: Uint8Array;
  /** `to` itself belongs to it. */
  closed: boolean;
}

/** Tables whose versions of a key are older than this table's: deeper levels, and on level 0 what was flushed before it. */
export function isOlder(other: LiveTable, table: LiveTable): boolean {
  if (other.number === table.number) return false;
  if (other.level !== table.level) return other.level > table.level;
  if (table.level > 0) return false;
  if (other.epoch !== undefined && table.epoch !== undefined && other.epoch !== table.epoch) {
    return other.epoch < table.epoch;
  }
  if (other.largestSequence !== table.largestSequence) return other.largestSequence < table.largestSequence;
  return other.number < table.number;
}

/** The tables of a column family whose bounds reach into a range. */
export function overlapping(tables: Iterable<LiveTable>, comparator: string, range: KeyRange): LiveTable[] {
  const order = comparatorNamed(comparator === '' ? undefined : comparator);
  return [...tables].filter(({ smallest, largest }) => {
    const above = compareUserKeys(order, userKeyOf(smallest), range.to);
    const below = compareUserKeys(order, userKeyOf(largest), range.from);
    // in an order that only the application knows, every table may reach in
    return !((above !== undefined && above > 0) || (below !== undefined && below < 0));
  });
}
