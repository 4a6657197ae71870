import type { KeyDifference } from '../app/compare.js';
import { END, ENTRY } from '../lsm/cursor.js';
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

interface Walk {
  visible: VisibleIterator | undefined;
  entries: number;
  done: boolean;
}

function walkOf(view: View, name: string): Walk {
  const family = view.columnFamilies.find((each) => each.name === name);
  const visible = family && view.visible(family.id);
  return { visible, entries: 0, done: visible === undefined };
}

async function advance(walk: Walk): Promise<void> {
  const { visible } = walk;
  if (visible === undefined || walk.done) return;
  for (;;) {
    const step = visible.step();
    if (step === ENTRY) {
      walk.entries++;
      return;
    }
    if (step === END) {
      walk.done = true;
      return;
    }
    await visible.load();
  }
}

async function compareFamily(
  a: View,
  b: View,
  family: FamilyComparison,
  found: (difference: KeyDifference) => void,
): Promise<void> {
  const left = walkOf(a, family.name);
  const right = walkOf(b, family.name);
  const owner = left.visible !== undefined ? a : b;
  const order = owner.order(owner.columnFamilies.find(({ name }) => name === family.name)!.id);
  const { name } = family;
  if (!order.known) {
    family.problem = `A and B: the order of keys is the application's own (${order.comparator})`;
    await Promise.all([left.visible?.close(), right.visible?.close()]);
    return;
  }
  try {
    await Promise.all([advance(left), advance(right)]);
    while (!left.done || !right.done) {
      const side = left.done ? 1 : right.done ? -1 : compareKeys(order, left.visible!, right.visible!);
      if (side === 0) {
        if (!sameValue(left.visible!, right.visible!))
          found({
            family: name,
            key: keyOf(left.visible!),
            a: shownValue(left.visible!),
            b: shownValue(right.visible!),
          });
        await Promise.all([advance(left), advance(right)]);
      } else if (side < 0) {
        found({ family: name, key: keyOf(left.visible!), a: shownValue(left.visible!) });
        await advance(left);
      } else {
        found({ family: name, key: keyOf(right.visible!), b: shownValue(right.visible!) });
        await advance(right);
      }
      const stopped = [left, right].find(({ visible, done }) => done && visible?.problems.stopped);
      if (stopped !== undefined) {
        const which = stopped === left ? 'A' : 'B';
        family.problem = `${which}: ${stopped.visible!.problems.kept.at(-1)?.message ?? 'cannot be read on'}`;
        break;
      }
    }
  } finally {
    await Promise.all([left.visible?.close(), right.visible?.close()]);
  }
  family.entries = {
    ...(left.visible && { a: left.entries }),
    ...(right.visible && { b: right.entries }),
  };
}

type Order = ReturnType<View['order']>;

function compareKeys(order: Order, a: VisibleIterator, b: VisibleIterator): number {
  return order.compareKeys(a.keyBytes, 0, a.keyTo, b.keyBytes, 0, b.keyTo);
}

function sameValue(a: VisibleIterator, b: VisibleIterator): boolean {
  if (a.unmerged !== undefined || b.unmerged !== undefined) return sameUnmerged(a, b);
  const length = a.valueTo - a.valueFrom;
  return (
    length === b.valueTo - b.valueFrom &&
    Buffer.compare(
      a.valueBytes.subarray(a.valueFrom, a.valueTo),
      b.valueBytes.subarray(b.valueFrom, b.valueTo),
    ) === 0
  );
}

function sameUnmerged({ unmerged: x }: VisibleIterator, { unmerged: y }: VisibleIterator): boolean {
  const parts = (each: typeof x) => each && [each.base ?? Buffer.alloc(0), ...each.operands];
  const [left, right] = [parts(x), parts(y)];
  return (
    left !== undefined &&
    left.length === right?.length &&
    left.every((part, i) => Buffer.compare(part, right[i]) === 0)
  );
}

const keyOf = ({ keyBytes, keyTo }: VisibleIterator) => keyBytes.slice(0, keyTo);
const shownValue = ({ valueBytes, valueFrom, valueTo }: VisibleIterator) =>
  valueBytes.slice(valueFrom, Math.min(valueTo, valueFrom + KEPT_BYTES));
