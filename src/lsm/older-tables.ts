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

/**
 * Tables of a column family by their bounds: which of very many reach into a range is told without going through all of them. The
 * tables lie sorted by their smallest keys; the middle one of each stretch knows the largest key in it, so that stretches that end
 * before a range are passed over.
 */
export class TablesByRange {
  private readonly order: ReturnType<typeof comparatorNamed>;
  private readonly sorted: readonly { table: LiveTable; from: Uint8Array; to: Uint8Array }[];
  /** Largest keys of stretches, each at the place of its middle. */
  private readonly ends: Uint8Array[] = [];

  constructor(tables: Iterable<LiveTable>, comparator: string) {
    this.order = comparatorNamed(comparator === '' ? undefined : comparator);
    this.sorted = Array.from(tables, (table) => ({
      table,
      from: userKeyOf(table.smallest),
      to: userKeyOf(table.largest),
    })).sort((a, b) => this.compare(a.from, b.from));
    this.endOf(0, this.sorted.length);
  }

  /** Whether one of them reaches into `from` to `to`, both included, and `holds` is true of it. */
  some(from: Uint8Array, to: Uint8Array, holds: (table: LiveTable) => boolean): boolean {
    return this.someOf(0, this.sorted.length, from, to, holds);
  }

  private someOf(
    low: number,
    high: number,
    from: Uint8Array,
    to: Uint8Array,
    holds: (table: LiveTable) => boolean,
  ): boolean {
    if (low >= high) return false;
    const middle = (low + high) >> 1;
    if (this.compare(this.ends[middle], from) < 0) return false;
    if (this.someOf(low, middle, from, to, holds)) return true;
    const at = this.sorted[middle];
    if (this.compare(at.from, to) > 0) return false;
    if (this.compare(at.to, from) >= 0 && holds(at.table)) return true;
    return this.someOf(middle + 1, high, from, to, holds);
  }

  private endOf(low: number, high: number): Uint8Array | undefined {
    if (low >= high) return undefined;
    const middle = (low + high) >> 1;
    let end = this.sorted[middle].to;
    for (const other of [this.endOf(low, middle), this.endOf(middle + 1, high)])
      if (other !== undefined && this.compare(other, end) > 0) end = other;
    this.ends[middle] = end;
    return end;
  }

  /** In an order that only the application knows all keys are as one: every table may reach in. */
  private compare(a: Uint8Array, b: Uint8Array): number {
    return compareUserKeys(this.order, a, b) ?? 0;
  }
}
