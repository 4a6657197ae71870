import { VALUE_TYPE } from '../format/sst/internal-key.js';

/** How a TransactionDB writes; `none`: a plain DB. Not in OPTIONS: the markers in the WAL tell. */
export type WritePolicy = 'none' | 'write-committed' | 'write-prepared' | 'write-unprepared';

/** An operation of a prepared section, kept until its transaction is decided. */
export interface PreparedOp {
  columnFamily: number;
  type: number;
  key: Uint8Array;
  value: Uint8Array;
}

interface PreparedBatch {
  /** The WAL that holds it. */
  wal: bigint;
  /** Sequence of its first operation (WriteCommitted: the one its record has; the operations get theirs at the commit). */
  sequence: bigint;
  /** Sequences that it took: sub-batches. 0 under WriteCommitted. */
  subBatches: bigint;
  /** Absent when the section's begin is missing: the engine keeps a null pointer. */
  ops?: PreparedOp[];
}

export interface RecoveredTransaction {
  /** Name as bytes in latin1. */
  name: string;
  /** Its last batch was an unprepared one: it is rolled back when the TransactionDB opens. */
  unprepared: boolean;
  /** By sequence, ascending. */
  batches: PreparedBatch[];
}

/** Transactions that WALs leave undecided, as replay meets their markers (rocksdb db/db_impl/db_impl.h). */
export class RecoveredTransactions {
  private readonly byName = new Map<string, RecoveredTransaction>();

  get(name: string): RecoveredTransaction | undefined {
    return this.byName.get(name);
  }

  add(name: string, batch: PreparedBatch, unprepared: boolean): void {
    const known = this.byName.get(name);
    if (known === undefined) {
      this.byName.set(name, { name, unprepared, batches: [batch] });
      return;
    }
    known.unprepared = unprepared;
    const kept = known.batches.filter((each) => each.sequence !== batch.sequence);
    known.batches = [...kept, batch].sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
  }

  delete(name: string): void {
    this.byName.delete(name);
  }

  all(): RecoveredTransaction[] {
    return [...this.byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** The operation with its key's (and a range's end's) timestamp set; `undefined` when the timestamp has another size. */
export function withTimestamp(op: PreparedOp, timestamp: Uint8Array, size: number): PreparedOp | undefined {
  if (size === 0) return op;
  if (timestamp.length !== size) return undefined;
  const stamp = (key: Uint8Array) => {
    const bytes = key.slice();
    if (bytes.length >= size) bytes.set(timestamp, bytes.length - size);
    return bytes;
  };
  const value = op.type === VALUE_TYPE.rangeDelete ? stamp(op.value) : op.value;
  return { ...op, key: stamp(op.key), value };
}
