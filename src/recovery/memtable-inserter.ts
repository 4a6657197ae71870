import { WRONG_COUNT } from '../format/batch/batch.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { AppliedKeys } from './applied-keys.js';
import { BatchWalker, marker } from './batch-walker.js';
import { compareEndpoints, type FamilyState } from './family.js';
import { type RefusedValue, refusedByFlush } from './flush-check.js';
import { prepareError } from './prepare-error.js';
import type { ReplayedLog, ReplaySink } from './sink.js';
import { corruption, type EngineError } from './status.js';
import {
  type PreparedOp,
  type RecoveredTransactions,
  type WritePolicy,
  withTimestamp,
} from './transactions.js';

/*
 * What a batch does to memtables and sequence numbers during recovery (rocksdb db/write_batch.cc, MemTableInserter and
 * WriteBatchInternal::Iterate).
 *
 * Sequence numbers. A plain DB and WriteCommitted give each operation its own; WritePrepared and WriteUnprepared give one
 * to each sub-batch, which ends at a marker, at a Noop after something, or before a key that the sub-batch already has.
 */

export interface InserterContext {
  families: ReadonlyMap<number, FamilyState>;
  policy: WritePolicy;
  /** See `ReplayBehaviour`. */
  checksRanges: boolean;
  /** See `ReplayBehaviour`. */
  refusedKeysTakeSequence: boolean;
  transactions: RecoveredTransactions;
  /** Keys in memtables under the newest sequence, where several operations share one. */
  shared: SharedKeys;
  /** Set once WALs have gone back in sequence. */
  history?: AppliedKeys;
  sink?: ReplaySink;
}

interface SharedKeys {
  sequence: bigint;
  keys: Set<string>;
}

interface Inserted {
  /** What the rest of the batch failed with; the operations before it stay in the memtable. */
  error?: EngineError;
  /** The sequence number after the last one consumed. */
  next: bigint;
  /** Operations put into memtables. */
  applied: number;
  /** Operations taken, those skipped or kept for a commit included. */
  taken: number;
  /** Offset in the batch after the last operation taken. */
  takenEnd: number;
  /** The first value that a flush would fail on. */
  unflushable?: RefusedValue;
}

interface Rebuilding {
  ops: PreparedOp[];
  sequence: bigint;
  unprepared: boolean;
}

/** Blob indexes and timed puts cannot be kept for a transaction. */
const NOT_SUPPORTED: EngineError = { code: 'not-supported', kind: 'transactions', message: '' };

const TRY_AGAIN = corruption(
  'sequence',
  'two consecutive TryAgain in WriteBatch handler; this is either a software bug or data corruption.',
);

/** Applies one batch. A new one is made for each batch; what outlives it is in the context. */
export class MemtableInserter {
  private sequence: bigint;
  private readonly seqPerBatch: boolean;
  private rebuilding: Rebuilding | undefined;
  private unflushable: RefusedValue | undefined;
  private log: ReplayedLog | undefined;
  private applied = 0;
  private taken = 0;
  private filtered: Set<string> | undefined;
  private filteredSequence = -1n;

  constructor(
    private readonly context: InserterContext,
    /** Number of the WAL that is replayed. */
    private readonly wal: bigint,
    sequence: bigint,
  ) {
    this.sequence = sequence;
    this.seqPerBatch = context.policy === 'write-prepared' || context.policy === 'write-unprepared';
  }

  /** `log`: where the batch stands as it is. */
  insert(bytes: Uint8Array, log?: ReplayedLog): Inserted {
    this.log = log;
    const walker = new BatchWalker(bytes);
    let empty = true;
    let counted = 0;
    let takenEnd = walker.position;
    let error: EngineError | undefined;
    while (error === undefined && walker.next()) {
      const isOperation = walker.counts;
      error = isOperation ? this.operation(walker) : this.marker(walker, empty);
      if (error !== undefined) break;
      empty = !isOperation && this.endsSubBatch(walker.tag);
      if (isOperation) counted++;
      takenEnd = walker.position;
    }
    const wrong = walker.error() ?? (counted === walker.count ? undefined : WRONG_COUNT);
    if (error === undefined && wrong !== undefined) error = corruption(wrong.kind, wrong.message);
    return {
      error,
      next: this.sequence,
      applied: this.applied,
      taken: this.taken,
      takenEnd,
      unflushable: this.unflushable,
    };
  }

  private endsSubBatch(tag: number): boolean {
    return (
      tag === marker.endPrepare ||
      tag === marker.commit ||
      tag === marker.commitWithTimestamp ||
      tag === marker.rollback ||
      tag === marker.noop
    );
  }

  private operation(walker: BatchWalker): EngineError | undefined {
    const { columnFamily, type, key, value } = walker;
    this.taken++;
    if (this.rebuilding === undefined) return this.put(columnFamily, type, key, value, this.log);
    const unsupported = type === VALUE_TYPE.blobIndex || type === VALUE_TYPE.timedPut;
    const keep = () => {
      if (unsupported) return NOT_SUPPORTED;
      this.rebuilding?.ops.push({ columnFamily, type, key: key.slice(), value: value.slice() });
      return undefined;
    };
    if (!this.seqPerBatch) return keep();
    return this.put(columnFamily, type, key, value, this.log) ?? keep();
  }

  /** Puts one operation into its memtable, or past it when the column family is gone or has it in a table. */
  private put(
    columnFamily: number,
    type: number,
    key: Uint8Array,
    value: Uint8Array,
    log?: ReplayedLog,
  ): EngineError | undefined {
    const family = this.context.families.get(columnFamily);
    if (family === undefined || this.wal < family.logNumber) return this.skip(columnFamily, family, key);
    if (type === VALUE_TYPE.merge && !family.mergeOperator) {
      return {
        code: 'invalid-argument',
        kind: 'insert',
        message: 'Merge requires `ColumnFamilyOptions::merge_operator != nullptr`',
      };
    }
    if (type === VALUE_TYPE.rangeDelete && this.context.checksRanges) {
      const order = compareEndpoints(family, key, value);
      if (order > 0)
        return { code: 'invalid-argument', kind: 'insert', message: 'end key comes before start key' };
      // An empty range goes nowhere and takes no sequence, although its writer reserved one.
      if (order === 0) return undefined;
    }
    if (this.alreadyThere(columnFamily, type, key)) {
      this.passRefused();
      if (this.alreadyThere(columnFamily, type, key)) {
        this.passRefused();
        return TRY_AGAIN;
      }
    }
    const stored =
      type === VALUE_TYPE.delete && family.comparator.timestampSize > 0
        ? VALUE_TYPE.deleteWithTimestamp
        : type;
    if (this.unflushable === undefined && (type === VALUE_TYPE.blobIndex || type === VALUE_TYPE.entity)) {
      this.unflushable = refusedByFlush(columnFamily, this.sequence, type, value);
    }
    this.context.sink?.apply(columnFamily, this.sequence, stored, key, value, log);
    this.applied++;
    this.advance(false);
    return undefined;
  }

  private skip(
    columnFamily: number,
    family: FamilyState | undefined,
    key: Uint8Array,
  ): EngineError | undefined {
    if (this.rebuilding === undefined || !this.seqPerBatch) {
      this.advance(false);
      return undefined;
    }
    if (family === undefined) {
      // rocksdb util/duplicate_detector.h throws where there is nothing to compare keys with
      const message =
        'Recovering an entry from a dropped column family. WAL must must have been flushed before dropping the column family';
      return { code: 'crash', kind: 'crash', message };
    }
    if (this.filteredSequence !== this.sequence) {
      this.filtered = new Set();
      this.filteredSequence = this.sequence;
    }
    const id = keyId(columnFamily, 'p', key);
    const duplicate = this.filtered!.has(id);
    if (duplicate) this.filtered = new Set();
    this.filtered!.add(id);
    this.advance(duplicate);
    return undefined;
  }

  /** Whether the memtable has this key under this sequence; if not, it has now. */
  private alreadyThere(columnFamily: number, type: number, key: Uint8Array): boolean {
    const { shared, history } = this.context;
    if (!this.seqPerBatch && history === undefined) return false;
    const id = keyId(columnFamily, type === VALUE_TYPE.rangeDelete ? 'r' : 'p', key);
    if (history?.has(this.sequence, id)) return true;
    if (this.seqPerBatch) {
      if (shared.sequence !== this.sequence) {
        shared.keys.clear();
        shared.sequence = this.sequence;
      }
      if (shared.keys.has(id)) return true;
      shared.keys.add(id);
    }
    history?.add(this.sequence, id);
    return false;
  }

  /** The memtable has refused a key under a sequence number: a boundary, and before 6.16 the operation has taken its number too. */
  private passRefused(): void {
    this.advance(true);
    if (this.context.refusedKeysTakeSequence) this.advance(false);
  }

  /** One sequence further: at a boundary under one policy, at each operation under the other. */
  private advance(boundary: boolean): void {
    if (boundary === this.seqPerBatch) this.sequence++;
  }

  private marker(walker: BatchWalker, empty: boolean): EngineError | undefined {
    switch (walker.tag) {
      case marker.beginPrepare:
      case marker.beginPersistedPrepare:
      case marker.beginUnprepare:
        return this.begin(walker.tag);
      case marker.endPrepare:
        return this.endPrepare(latin1(walker.key));
      case marker.commit:
        return this.commit(latin1(walker.key));
      case marker.commitWithTimestamp:
        return this.commit(latin1(walker.key), walker.value);
      case marker.rollback:
        this.context.transactions.delete(latin1(walker.key));
        this.advance(true);
        return undefined;
      case marker.noop:
        if (!empty) this.advance(true);
        return undefined;
      default:
        return undefined;
    }
  }

  private begin(tag: number): EngineError | undefined {
    const { policy } = this.context;
    if (policy !== 'none') {
      this.rebuilding = { ops: [], sequence: this.sequence, unprepared: tag === marker.beginUnprepare };
    }
    return prepareError(tag, policy);
  }

  private endPrepare(name: string): undefined {
    const { rebuilding } = this;
    const sequence = rebuilding?.sequence ?? 0n;
    const subBatches = this.seqPerBatch ? this.sequence - sequence + 1n : 0n;
    const batch = { wal: this.wal, sequence, subBatches, ops: rebuilding?.ops };
    this.context.transactions.add(name, batch, rebuilding?.unprepared ?? false);
    this.rebuilding = undefined;
    this.advance(true);
    return undefined;
  }

  /** WriteCommitted: the prepared operations happen now, under sequences from here on. Else they already have. */
  private commit(name: string, timestamp?: Uint8Array): EngineError | undefined {
    const { transactions, families } = this.context;
    const transaction = transactions.get(name);
    let error: EngineError | undefined;
    if (transaction !== undefined) {
      if (!this.seqPerBatch) {
        const { ops } = transaction.batches[0];
        if (ops === undefined)
          return {
            code: 'crash',
            kind: 'crash',
            message: 'a commit of a transaction without a prepared section',
          };
        for (const op of ops) {
          const size = families.get(op.columnFamily)?.comparator.timestampSize ?? 0;
          const stamped = timestamp === undefined ? op : withTimestamp(op, timestamp, size);
          if (stamped === undefined) {
            error = { code: 'invalid-argument', kind: 'timestamp-size', message: 'timestamp size mismatch' };
          } else {
            error = this.put(stamped.columnFamily, stamped.type, stamped.key, stamped.value);
          }
          if (error !== undefined) break;
        }
      }
      if (error === undefined) transactions.delete(name);
    }
    this.advance(true);
    return error;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function keyId(columnFamily: number, table: string, key: Uint8Array): string {
  return `${columnFamily}${table}${latin1(key)}`;
}
