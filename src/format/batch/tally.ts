/** Markers that a batch holds, as bits of `BatchTally.markers`. */
export const Marker = {
  noop: 1,
  logData: 2,
  /** 0x09: WriteCommitted. */
  beginPrepare: 4,
  /** 0x12: WritePrepared. */
  beginPersistedPrepare: 8,
  /** 0x13: WriteUnprepared. */
  beginUnprepare: 16,
  endPrepare: 32,
  commit: 64,
  rollback: 128,
} as const;

const TRANSACTION = 0xff & ~(Marker.noop | Marker.logData);

/** Column families with ids below are counted in an array, the others in a map with a limit. */
const DENSE = 256;
const SPARSE_LIMIT = 65_536;

/**
 * What `verifyBatch` reads off a batch. The fields are written over for each one; only the operations per column family
 * add up, over all batches that were fine.
 */
export class BatchTally {
  /** Header sequence, its high and low 32 bits. */
  sequenceHigh = 0;
  sequenceLow = 0;
  /** Operations as the header says. */
  count = 0;
  /** Counted operations found. */
  counted = 0;
  /** Range deletions whose end is their begin: replay gives them no sequence number, the writer did. */
  emptyRanges = 0;
  /** Bits of `Marker`. */
  markers = 0;
  /** Where the walk over the batch stands. */
  position = 0;
  /** Bytes of timestamp at the end of each key, by column family; absent when no column family has any. */
  timestampSizes: ReadonlyMap<number, number> | undefined;

  private readonly dense = new Float64Array(DENSE);
  private readonly sparse = new Map<number, number>();

  get sequence(): bigint {
    return (BigInt(this.sequenceHigh) << 32n) | BigInt(this.sequenceLow);
  }

  /** It belongs to a two-phase commit. */
  get transactional(): boolean {
    return (this.markers & TRANSACTION) !== 0;
  }

  /** It was written by a transaction that gives sequence numbers to batches, not to keys. */
  get sequencePerBatch(): boolean {
    return (this.markers & (Marker.beginPersistedPrepare | Marker.beginUnprepare)) !== 0;
  }

  /**
   * The least number of sequence numbers that the batch takes under any write policy: none for certain when it holds a
   * transaction marker or a noop, for then its operations may share numbers or take them when they are committed.
   */
  get consumed(): number {
    return (this.markers & (TRANSACTION | Marker.noop)) !== 0 ? 0 : this.counted - this.emptyRanges;
  }

  addOperation(columnFamily: number, weight: 1 | -1): void {
    if (columnFamily < DENSE) {
      this.dense[columnFamily] += weight;
      return;
    }
    const operations = (this.sparse.get(columnFamily) ?? 0) + weight;
    if (operations <= 0) this.sparse.delete(columnFamily);
    else if (this.sparse.size < SPARSE_LIMIT || this.sparse.has(columnFamily))
      this.sparse.set(columnFamily, operations);
  }

  /** Operations on each column family that a fine batch named, by ascending id. */
  columnFamilies(): { id: number; operations: number }[] {
    const list = [...this.sparse].map(([id, operations]) => ({ id, operations }));
    this.dense.forEach((operations, id) => {
      if (operations > 0) list.push({ id, operations });
    });
    return list.sort((a, b) => a.id - b.id);
  }
}
