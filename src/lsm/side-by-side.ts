import { END, ENTRY } from './cursor.js';
import type { KeyOrder } from './key-order.js';
import type { VisibleIterator } from './visible.js';

/** Two walks over what readers see, in one order. Absent: that side has nothing. */
type Sides = readonly [VisibleIterator | undefined, VisibleIterator | undefined];

interface BothWalked {
  /** That were walked of each. */
  entries: [number, number];
  /** Which side could not be read to its end: the rest was not compared. */
  stopped?: 0 | 1;
}

/**
 * Walks both in key order, holding an entry of each, and closes them. `found` gets each entry that one side alone has, and both
 * where their values differ; they hold until it returns.
 */
export async function sideBySide(
  order: KeyOrder,
  sides: Sides,
  found: (a: VisibleIterator | undefined, b: VisibleIterator | undefined) => void,
): Promise<BothWalked> {
  const result: BothWalked = { entries: [0, 0] };
  const done = [false, false];
  const advance = async (side: 0 | 1) => {
    if (await next(sides[side])) result.entries[side]++;
    else done[side] = true;
  };
  const [a, b] = sides;
  try {
    await Promise.all([advance(0), advance(1)]);
    while (!done[0] || !done[1]) {
      const first = done[0] ? 1 : done[1] ? -1 : compareKeys(order, a!, b!);
      if (first !== 0) found(first < 0 ? a : undefined, first < 0 ? undefined : b);
      else if (!sameValue(a!, b!)) found(a, b);
      await Promise.all([first <= 0 && advance(0), first >= 0 && advance(1)]);
      const stopped = done.findIndex((isDone, side) => isDone && sides[side]?.problems.stopped);
      if (stopped < 0) continue;
      result.stopped = stopped as 0 | 1;
      break;
    }
  } finally {
    await Promise.all([a?.close(), b?.close()]);
  }
  return result;
}

/** Whether there is another entry. */
async function next(visible: VisibleIterator | undefined): Promise<boolean> {
  if (visible === undefined) return false;
  for (;;) {
    const step = visible.step();
    if (step === ENTRY) return true;
    if (step === END) return false;
    await visible.load();
  }
}

function compareKeys(order: KeyOrder, a: VisibleIterator, b: VisibleIterator): number {
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
