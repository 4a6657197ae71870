import type { ColumnFamily, Version } from '../format/manifest/version.js';
import { comparatorNamed, shownOrderOf } from '../format/sst/comparator.js';

/**
 * Column families whose keys stand in an order that only the application knows. Which keys are equal, which come first and what
 * a range covers is then nobody's guess: nothing of them is merged, digested or checked for order.
 */
export function unorderedFamilies(version: Version | undefined): ColumnFamily[] {
  const families = [...(version?.columnFamilies.values() ?? [])];
  return families.filter(({ comparator }) => comparatorNamed(comparator || undefined).order === 'unknown');
}

/** Why what depends on the order of keys is not looked at. */
export function unorderedReason({ name, comparator }: Pick<ColumnFamily, 'name' | 'comparator'>): string {
  return `what depends on the order of keys in column family ${name}: ${shownOrderOf(comparator).name} is the application's own comparator`;
}
