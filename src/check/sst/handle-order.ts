import type { Anomaly, Range } from '../../finding/finding.js';

/** Where a value lies in a blob file of Pebble's. */
interface ValuePlace {
  block: number;
  value: number;
}

/** A handle that stands where it cannot: before it, of a smaller key, is one of a later value of the same file. */
interface Misplaced extends ValuePlace {
  /** The place of the blob file in the list of the table. */
  reference: number;
  before: ValuePlace;
}

/**
 * The order of the values that a table has in blob files. A file is written in one pass over keys in their order, compactions take keys in
 * that order and keep the handles, and a file that is written anew keeps the numbers that handles name (pebble sstable/blob/blob.go,
 * blob_rewrite.go): of one file a table names each value once, and later values under later keys.
 */
export class HandleOrder {
  private readonly last = new Map<number, ValuePlace>();
  private misplaced: Misplaced | undefined;

  add(reference: number, block: number, value: number): void {
    const before = this.last.get(reference);
    const follows =
      before === undefined || block > before.block || (block === before.block && value > before.value);
    if (follows) this.last.set(reference, { block, value });
    else this.misplaced ??= { reference, block, value, before };
  }

  /** The first handle since it was last asked that does not follow the ones before it. */
  take(): Misplaced | undefined {
    const { misplaced } = this;
    this.misplaced = undefined;
    return misplaced;
  }
}

/** A block that holds such a handle. */
export function outOfOrder({ reference, block, value, before }: Misplaced, range: Range): Anomaly {
  return {
    rule: 'blob/value-order',
    ...range,
    message: `A key has value ${value} of block ${block} of blob file ${reference} of the list, and a key before it value ${before.value} of block ${before.block}: Pebble writes values in the order of their keys`,
    evidence: { reference, block, value, blockBefore: before.block, valueBefore: before.value },
  };
}
