import { retire } from '../bytes/reused-buffer.js';
import { keyBytes } from '../finding/evidence.js';
import { decodeEntity, type WideColumn } from '../format/batch/entity.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import type { BlobResult, BlobValues } from './blob-values.js';
import {
  type BlobFileList,
  EMPTY,
  END,
  ENTRY,
  type EntryCursor,
  LOAD,
  type Problem,
  type Step,
} from './cursor.js';
import { type KeyOrder, sequenceOfTrailer, trailerHigh, trailerLow } from './key-order.js';
import type { MergeIterator } from './merge-iterator.js';
import type { MergeOperator } from './merge-operator.js';
import { Operands } from './operands.js';
import type { ProblemLog } from './problems.js';
import type { TombstoneSweep } from './range-tombstones.js';
import type { UncommittedSequences } from './uncommitted.js';

interface VisibleOptions {
  order: KeyOrder;
  /** Entries with larger sequences are not seen. */
  sequence: bigint;
  uncommitted: UncommittedSequences;
  tombstones: TombstoneSweep;
  /** Absent: the column family's operator is not known here. Keys with operands are then `unmerged`. */
  mergeOperator?: MergeOperator;
  /** Absent: blob values cannot be had. */
  blobs?: BlobValues;
  /** Versions of a key are told by their trailers, as Pebble's iterator does: see `isShownAgain`. */
  byTrailer?: boolean;
  problems: ProblemLog;
}

/** A key whose operands were not merged. */
export interface Unmerged {
  base?: Uint8Array;
  /** Oldest first. */
  operands: Uint8Array[];
}

/**
 * What a reader sees: for each user key, in order, its newest visible version with everything that the engine applies on
 * the way (tombstones, range tombstones, merge operands, default columns, blob values), as rocksdb db/db_iter.cc does.
 * Step and load as with an `EntryCursor`; the fields are valid until the next step. With user-defined timestamps a key
 * is seen once, at its newest timestamp.
 */
export class VisibleIterator {
  /** The key, without timestamp, is `keyBytes[0, keyTo)`; its timestamp, where there is one, the bytes after it. */
  keyBytes: Uint8Array = new Uint8Array(256);
  keyTo = 0;
  /** The value is `valueBytes[valueFrom, valueTo)`: the default column of an entity, empty where it has none. */
  valueBytes = EMPTY;
  valueFrom = 0;
  valueTo = 0;
  /** Trailer halves of the newest version, see key-order.ts. */
  high = 0;
  low = 0;
  /** All columns, where the value is a wide-column entity. */
  columns?: WideColumn[];
  /** Set instead of a value when operands could not be merged. */
  unmerged?: Unmerged;
  /** Versions that were shown as if they were keys of their own, which only `byTrailer` does. */
  shownAgain = 0;
  /** The file of the first entry beside a range tombstone whose place contradicts its sequence, where `byTrailer` is set. */
  contradicted?: string;

  private readonly order: KeyOrder;
  private readonly snapshotHigh: number;
  private readonly snapshotLow: number;
  /** The current entry of `entries` has not been looked at yet. */
  private held = false;
  /** `keyBytes` holds a key, and whether its value has been settled: older versions of it are skipped then. */
  private grouped = false;
  private settled = false;
  /** Trailer halves of the version before, where `byTrailer` is set. */
  private previousHigh = 0;
  private previousLow = 0;
  /** Operands of the current key, newest first. */
  private readonly operands = new Operands();
  /** A blob index, or a handle of Pebble's, that waits for its bytes. */
  private awaited?: { index: Uint8Array; file: string; listed?: BlobFileList; result?: BlobResult };

  constructor(
    private readonly entries: MergeIterator,
    private readonly options: VisibleOptions,
  ) {
    this.order = options.order;
    this.snapshotHigh = trailerHigh(options.sequence);
    this.snapshotLow = trailerLow(options.sequence, 0xff);
  }

  /** The sequence of the newest version. */
  get sequence(): bigint {
    return sequenceOfTrailer(this.high, this.low);
  }

  step(): Step {
    if (this.awaited !== undefined) {
      const step = this.takeBlob(this.awaited);
      if (step !== undefined) return step;
    }
    const { entries, order, options } = this;
    const { tombstones, problems, byTrailer = false } = options;
    const timestampSize = order.timestampSize;
    while (!problems.stopped) {
      if (this.held) this.held = false;
      else {
        const step = entries.step();
        if (step === LOAD) return LOAD;
        if (problems.stopped) break;
        if (step === END) {
          if (this.operands.count > 0) return this.finishMerge(undefined);
          return END;
        }
      }
      const entry = entries.current;
      if (entry.soughtOnly && !tombstones.hasSoughtTo(entry.keyBytes, entry.keyFrom, entry.keyTo)) continue;
      const keyTo = Math.max(entry.keyFrom, entry.keyTo - timestampSize);
      // what is hidden never gets as far as Pebble's iterator
      if (byTrailer) {
        const isHidden = this.isHidden(entry);
        if (tombstones.active && tombstones.isContradicted(entry)) this.contradicted ??= entry.file;
        if (isHidden) continue;
      }
      if (this.grouped) {
        const difference = order.compareKeys(
          entry.keyBytes,
          entry.keyFrom,
          keyTo,
          this.keyBytes,
          0,
          this.keyTo,
        );
        if (difference !== 0 && this.operands.count > 0) {
          this.held = true;
          return this.finishMerge(undefined);
        }
        // a key that comes too late counts as an older version, as it does for the engine
        const isLate = difference < 0 && order.known;
        if (isLate) this.noteDisorder(entry);
        if (byTrailer) {
          const isAgain = difference === 0 && this.operands.count === 0 && this.isShownAgain(entry);
          if (isAgain) this.shownAgain++;
          if (difference !== 0 || isAgain) this.grouped = false;
        } else if (difference !== 0 && !isLate) this.grouped = false;
        this.previousHigh = entry.high;
        this.previousLow = entry.low;
        if (this.grouped && this.settled) continue;
      }
      if (!byTrailer && this.isHidden(entry)) continue;
      if (!this.grouped) this.openGroup(entry, keyTo);
      const step = this.take(entry);
      if (step !== undefined) return step;
    }
    return END;
  }

  async load(): Promise<void> {
    if (this.awaited === undefined) return this.entries.load();
    const { index, file, listed } = this.awaited;
    const key = this.keyBytes.subarray(0, this.keyTo + this.order.timestampSize);
    this.awaited.result = await this.options.blobs?.read(index, key, file, listed);
  }

  async close(): Promise<void> {
    await this.entries.close();
    await this.options.blobs?.close();
  }

  /** What could not be read so far. */
  get problems(): ProblemLog {
    return this.options.problems;
  }

  /** A reader does not see it: too new, undecided, or under a range tombstone. Asked once of each entry, in order. */
  private isHidden({ high, low, keyBytes: key, keyFrom, keyTo, depth }: EntryCursor): boolean {
    const { uncommitted, tombstones } = this.options;
    if (high > this.snapshotHigh || (high === this.snapshotHigh && low > this.snapshotLow)) return true;
    if (uncommitted.has(high, low)) return true;
    return tombstones.active && tombstones.covers(key, keyFrom, keyTo, high, low, depth);
  }

  /**
   * Pebble's iterator compares no user keys where the version before has sequence 0 or this one's trailer is not smaller: it takes
   * the entry for one of the next key (pebble iterator.go `nextUserKey`, 1.1.5 and 2.1.7). Of what the engine writes that is always
   * true; where a log is replayed over the table it was flushed to, a key is shown twice.
   */
  private isShownAgain({ high, low }: EntryCursor): boolean {
    const { previousHigh, previousLow } = this;
    if (previousHigh === 0 && previousLow <= 0xff) return true;
    return high !== previousHigh ? high > previousHigh : low >= previousLow;
  }

  private openGroup(entry: EntryCursor, keyTo: number): void {
    const length = entry.keyTo - entry.keyFrom;
    retire(this.keyBytes);
    if (length > this.keyBytes.length) this.keyBytes = new Uint8Array(length * 2);
    const { keyBytes } = this;
    const from = entry.keyBytes;
    for (let i = 0, at = entry.keyFrom; i < length; i++, at++) keyBytes[i] = from[at];
    this.keyTo = keyTo - entry.keyFrom;
    this.high = entry.high;
    this.low = entry.low;
    this.previousHigh = entry.high;
    this.previousLow = entry.low;
    this.grouped = true;
    this.settled = false;
    this.columns = undefined;
  }

  /** One visible version of the current key. `undefined`: go on. */
  private take(entry: EntryCursor): Step | undefined {
    switch (entry.low & 0xff) {
      case VALUE_TYPE.delete:
      case VALUE_TYPE.singleDelete:
      case VALUE_TYPE.deleteWithTimestamp:
        this.settled = true;
        return this.operands.count > 0 ? this.finishMerge(undefined) : undefined;
      case VALUE_TYPE.put:
        if (entry.blobFiles !== undefined) return this.awaitHandle(entry, entry.blobFiles);
        return this.settle(entry.valueBytes, entry.valueFrom, entry.valueTo);
      case VALUE_TYPE.timedPut:
        // the value, then the u64 sequence that it would rather have
        if (entry.valueTo - entry.valueFrom < 8)
          return this.unreadable(entry.file, 'A timed put is too short');
        return this.settle(entry.valueBytes, entry.valueFrom, entry.valueTo - 8);
      case VALUE_TYPE.merge:
        this.operands.add(entry.valueBytes, entry.valueFrom, entry.valueTo);
        return undefined;
      case VALUE_TYPE.blobIndex:
        return this.awaitBlob(entry.valueBytes.slice(entry.valueFrom, entry.valueTo), entry.file);
      case VALUE_TYPE.entity:
        return this.takeEntity(entry.file, entry.valueBytes.slice(entry.valueFrom, entry.valueTo));
      default:
        return this.unreadable(entry.file, `Unknown value type: ${entry.low & 0xff}`);
    }
  }

  /** The base value of the current key has been found. */
  private settle(bytes: Uint8Array, from: number, to: number): Step {
    this.settled = true;
    if (this.operands.count > 0) return this.finishMerge(bytes.subarray(from, to));
    this.valueBytes = bytes;
    this.valueFrom = from;
    this.valueTo = to;
    this.columns = undefined;
    this.unmerged = undefined;
    return ENTRY;
  }

  private finishMerge(base: Uint8Array | undefined, columns?: WideColumn[]): Step {
    this.settled = true;
    const operands = this.operands.take();
    const { mergeOperator } = this.options;
    if (mergeOperator === undefined) {
      this.unmerged = { base: base?.slice(), operands };
      this.valueBytes = EMPTY;
    } else {
      this.unmerged = undefined;
      this.valueBytes = mergeOperator.merge(base, operands);
    }
    this.columns = columns && [
      { name: EMPTY, value: this.valueBytes, blobIndex: false },
      ...columns.filter((column) => column.name.length > 0),
    ];
    this.valueFrom = 0;
    this.valueTo = this.valueBytes.length;
    return ENTRY;
  }

  private takeEntity(file: string, bytes: Uint8Array): Step | undefined {
    const { columns, anomalies } = decodeEntity(bytes);
    if (anomalies.length > 0) return this.unreadable(file, anomalies[0].message);
    const first = columns.length > 0 && columns[0].name.length === 0 ? columns[0] : undefined;
    this.columns = columns;
    if (first?.blobIndex) return this.awaitBlob(first.value, file);
    return this.settleEntity(columns, first?.value ?? EMPTY);
  }

  /** An entity without default column counts as one with an empty value, for operands too. */
  private settleEntity(columns: WideColumn[], value: Uint8Array): Step {
    if (this.operands.count > 0) return this.finishMerge(value, columns);
    const step = this.settle(value, 0, value.length);
    this.columns = columns;
    return step;
  }

  private awaitBlob(index: Uint8Array, file: string): Step | undefined {
    if (this.options.blobs === undefined) return this.unreadable(file, 'A value lies in a blob file');
    this.awaited = { index, file };
    return LOAD;
  }

  private awaitHandle({ valueBytes, valueFrom, valueTo, file }: EntryCursor, listed: BlobFileList): Step {
    this.awaited = { index: valueBytes.slice(valueFrom, valueTo), file, listed };
    return LOAD;
  }

  private takeBlob({ result }: { result?: BlobResult }): Step | undefined {
    if (result === undefined) return LOAD;
    this.awaited = undefined;
    if (result.problem !== undefined) {
      const key = keyBytes(this.keyBytes.subarray(0, this.keyTo));
      return this.report({ ...result.problem, evidence: { ...result.problem.evidence, key } });
    }
    const { columns } = this;
    this.columns = undefined;
    if (columns !== undefined) return this.settleEntity(columns, result.value);
    return this.settle(result.value, 0, result.value.length);
  }

  private unreadable(file: string, message: string): Step | undefined {
    return this.report({ file, message, evidence: { key: keyBytes(this.keyBytes.subarray(0, this.keyTo)) } });
  }

  /** The current key has no value that can be read. */
  private report(problem: Problem): Step | undefined {
    this.settled = true;
    this.operands.clear();
    this.columns = undefined;
    return this.options.problems.add(problem) ? undefined : END;
  }

  private noteDisorder(entry: EntryCursor): void {
    this.options.problems.note({
      file: entry.file,
      message: 'A key comes before the one that precedes it',
      evidence: { key: keyBytes(entry.keyBytes.subarray(entry.keyFrom, entry.keyTo)) },
    });
  }
}
