import { type Comparator, compareUserKeys } from '../format/sst/comparator.js';

/** What replay has to know of a live column family. */
export interface FamilyState {
  id: number;
  name: string;
  /** WALs below it hold nothing for it that is not in its tables. */
  logNumber: bigint;
  comparator: Comparator;
  /** Any operator: replay only stores the operand. */
  mergeOperator: boolean;
  /** Bytes of its live tables. */
  tableBytes: bigint;
}

/**
 * How the endpoints of a range delete lie, timestamps aside. In an order that kvdoctor does not know only equal keys can
 * be told; others are taken to be the right way round, as the writer checked them.
 */
export function compareEndpoints(family: FamilyState, begin: Uint8Array, end: Uint8Array): number {
  const { comparator } = family;
  const size = comparator.timestampSize;
  const bare = { ...comparator, timestampSize: 0 };
  const order = compareUserKeys(
    bare,
    begin,
    end,
    Math.max(0, begin.length - size),
    Math.max(0, end.length - size),
  );
  return order ?? -1;
}
