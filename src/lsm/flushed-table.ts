import type { LiveTable } from '../format/manifest/version.js';
import { internalKey, MAX_SEQUENCE, VALUE_TYPE } from '../format/sst/internal-key.js';
import type { ReplaySink } from '../recovery/sink.js';
import type { KeyOrder } from './key-order.js';

/** Notes between which keys the operations of a replay lie, as a table of level 0 that they are flushed to has them for its bounds. */
export class FlushedTable {
  private smallest: Uint8Array | undefined;
  private largest: Uint8Array | undefined;

  constructor(private readonly orders: ReadonlyMap<number, KeyOrder>) {}

  noting(sink: ReplaySink): ReplaySink {
    return {
      apply: (columnFamily, sequence, type, key, value, log) => {
        this.take(columnFamily, key);
        sink.apply(columnFamily, sequence, type, key, value, log);
      },
    };
  }

  /** `undefined`: there were no operations. It is newer than every other table. */
  get table(): LiveTable | undefined {
    const { smallest, largest } = this;
    if (smallest === undefined || largest === undefined) return undefined;
    return {
      columnFamily: 0,
      level: 0,
      number: 0n,
      pathId: 0,
      size: 0n,
      smallest: internalKey(smallest, MAX_SEQUENCE, VALUE_TYPE.put),
      largest: internalKey(largest, 0n, VALUE_TYPE.put),
      smallestSequence: MAX_SEQUENCE,
      largestSequence: MAX_SEQUENCE,
      addedAt: 0,
      entry: { offset: 0, length: 0 },
    };
  }

  private take(columnFamily: number, key: Uint8Array): void {
    const order = this.orders.get(columnFamily);
    if (order === undefined) return;
    const compare = (other: Uint8Array) => order.compareUserKeys(key, 0, key.length, other, 0, other.length);
    if (this.smallest === undefined || compare(this.smallest) < 0) this.smallest = new Uint8Array(key);
    if (this.largest === undefined || compare(this.largest) > 0) this.largest = new Uint8Array(key);
  }
}
