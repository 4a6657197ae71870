import type { KeyDifference } from '../app/compare.js';
import { sideBySide } from '../lsm/side-by-side.js';
import type { View } from '../lsm/view.js';
import type { VisibleIterator } from '../lsm/visible.js';

interface FamilyComparison {
  name: string;
  /** Absent on a side that lacks the column family. */
  entries: { a?: number; b?: number };
  differences: number;
  /** A side could not be read to its end: the rest was not compared. */
  problem?: string;
}

export interface ContentComparison {
  families: FamilyComparison[];
  differences: number;
  /** The first of them. */
  first: KeyDifference[];
}

/** Bytes of one value that are kept. */
const KEPT_BYTES = 1 << 20;
/** Bytes of all kept keys and values. */
const KEPT_IN_ALL = 32 << 20;

/**
 * Compares what readers see of two databases, column family by column family, key by key in order. Holds an entry of each
 * side and at most `limit` differences.
 */
export async function compareContents(a: View, b: View, limit = 1000): Promise<ContentComparison> {
  const result: ContentComparison = { families: [], differences: 0, first: [] };
  const kept = { bytes: 0 };
  const names = [...new Set([...a.columnFamilies, ...b.columnFamilies].map(({ name }) => name))];
  for (const name of names) {
    const family: FamilyComparison = { name, entries: {}, differences: 0 };
    result.families.push(family);
    await compareFamily(a, b, family, (difference) => {
      if (difference.a?.length === KEPT_BYTES || difference.b?.length === KEPT_BYTES) difference.cut = true;
      family.differences++;
      result.differences++;
      const size = difference.key.length + (difference.a?.length ?? 0) + (difference.b?.length ?? 0);
      if (result.first.length >= limit || kept.bytes + size > KEPT_IN_ALL) return;
      kept.bytes += size;
      result.first.push(difference);
    });
  }
  return result;
}

async function compareFamily(
  a: View,
  b: View,
  family: FamilyComparison,
  found: (difference: KeyDifference) => void,
): Promise<void> {
  const [left, right] = [a, b].map((view) => view.columnFamilies.find(({ name }) => name === family.name));
  const order = left ? a.order(left.id) : b.order(right!.id);
  const { name } = family;
  if (!order.known) {
    family.problem = `A and B: the order of keys is the application's own (${order.comparator})`;
    return;
  }
  const sides = [left && a.visible(left.id), right && b.visible(right.id)] as const;
  const walk = await sideBySide(order, sides, (one, other) =>
    found({
      family: name,
      key: keyOf((one ?? other)!),
      ...(one && { a: shownValue(one) }),
      ...(other && { b: shownValue(other) }),
    }),
  );
  if (walk.stopped !== undefined) {
    const which = walk.stopped === 0 ? 'A' : 'B';
    family.problem = `${which}: ${sides[walk.stopped]!.problems.kept.at(-1)?.message ?? 'cannot be read on'}`;
  }
  family.entries = { ...(left && { a: walk.entries[0] }), ...(right && { b: walk.entries[1] }) };
}

const keyOf = ({ keyBytes, keyTo }: VisibleIterator) => keyBytes.slice(0, keyTo);
const shownValue = ({ valueBytes, valueFrom, valueTo }: VisibleIterator) =>
  valueBytes.slice(valueFrom, Math.min(valueTo, valueFrom + KEPT_BYTES));
