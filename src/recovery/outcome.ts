import type { DropReport, SilentDrop } from './log-reader.js';
import type { RecoveryMode } from './mode.js';
import { type EngineError, type ErrorKind, statusText } from './status.js';
import type { RecoveredTransaction, WritePolicy } from './transactions.js';

/** A range of file offsets, [from, to). */
interface OffsetRange {
  from: number;
  to: number;
}

/** A batch of which the engine applied only the first operations. */
interface TornBatch {
  /** File offsets of its logical record. */
  offset: number;
  end: number;
  sequence: bigint;
  /** Operations that took effect, and the offset in the batch after the last of them. */
  taken: number;
  takenEnd: number;
  error: EngineError;
}

/** What replay made of one WAL. */
export interface WalOutcome {
  number: bigint;
  /** Relative to the target. */
  file: string;
  /** Bytes on disk. */
  size: number;
  /**
   * `not-needed`: below what any column family still needs, not opened; `applied`: read to its end as this mode sees it;
   * `stopped`: point-in-time recovery stopped in it; `dropped`: nothing of it is applied because replay had stopped before;
   * `refused`: the open failed in it; `unread`: the open failed before it.
   */
  state: 'not-needed' | 'applied' | 'stopped' | 'dropped' | 'refused' | 'unread';
  /** Logical records applied, and operations put into memtables. */
  records: number;
  operations: number;
  /** File offset after the last logical record applied whole; 0 when there is none. */
  appliedEnd: number;
  /** Where applied records lie: one range, more where something between them was dropped. */
  applied: OffsetRange[];
  /** File offset of the record that ended the replay of this WAL early: it and what follows are not applied. */
  stoppedAt?: number;
  /** Why: the engine's status. Absent for an old record and for a WAL that does not continue the sequence. */
  stopError?: EngineError;
  torn?: TornBatch;
  /** Header sequence of the first and last batch applied. */
  firstSequence?: bigint;
  lastSequence?: bigint;
  /** What the engine's reader complained about, first ones. */
  reports: DropReport[];
  /** Bytes that it dropped silently, first ones. */
  silentDrops: SilentDrop[];
}

/**
 * A value that replay puts into a memtable unseen and that no table takes. Where `avoid_flush_during_recovery` is off, as by
 * default, the flush at the end of the recovery fails on it and with it the open, in every mode.
 */
export interface UnflushableValue {
  wal: bigint;
  /** File offset of the logical record. */
  offset: number;
  columnFamily: number;
  sequence: bigint;
  kind: 'blob-index' | 'entity';
  reason: string;
}

/** What a mode's replay leaves. */
export interface ReplayOutcome {
  mode: RecoveryMode;
  error?: EngineError;
  /** The WAL that the error is about. */
  errorWal?: bigint;
  /** Sequence number after replay, before a TransactionDB takes more. */
  lastSequence: bigint;
  wals: WalOutcome[];
  /** WALs below are not read. */
  cutoff: bigint;
  policy: WritePolicy;
  /** Undecided transactions. */
  transactions: RecoveredTransaction[];
  /** Point-in-time replay had stopped when the last WAL was read, and which WAL it blames. */
  stopped: boolean;
  corruptedWal?: bigint;
  /**
   * Nothing happened that the modes treat differently, nothing was dropped in silence: the other modes' replay of the same
   * files is this one.
   */
  uneventful: boolean;
  /** The first value that a flush would fail on. */
  unflushable?: UnflushableValue;
}

/** Sequence numbers [from, to) that readers do not see, in memtables and in tables. */
export interface HiddenSequences {
  from: bigint;
  to: bigint;
  /** Merge operands among them are seen. */
  keepsMerges: boolean;
}

/** What one recovery mode would come to. */
export interface RecoveryOutcome extends Omit<ReplayOutcome, 'error' | 'errorWal'> {
  opens: boolean;
  error?: EngineError;
  /** The error as `Status::ToString()` gives it. */
  errorText?: string;
  errorKind?: ErrorKind;
  /** The file that the error is about, relative to the target. */
  errorFile?: string;
  hidden: HiddenSequences[];
  /** Operations were applied above `lastSequence`, which readers do not see. */
  appliesUnseen?: true;
}

/** Of an open that has read no WAL yet. */
export function blankOutcome(
  mode: RecoveryMode,
  policy: WritePolicy = 'none',
  lastSequence = 0n,
): RecoveryOutcome {
  return {
    mode,
    policy,
    opens: false,
    lastSequence,
    wals: [],
    hidden: [],
    transactions: [],
    stopped: false,
    uneventful: false,
    cutoff: 0n,
  };
}

/** Of a WAL that has not been read. */
export function unreadWal({ number, file, size }: Pick<WalOutcome, 'number' | 'file' | 'size'>): WalOutcome {
  return {
    number,
    file,
    size,
    state: 'not-needed',
    records: 0,
    operations: 0,
    appliedEnd: 0,
    applied: [],
    reports: [],
    silentDrops: [],
  };
}

/** What an outcome says of an error that the open fails with. */
export function refusal(
  error: EngineError | undefined,
): Pick<RecoveryOutcome, 'error' | 'errorText' | 'errorKind'> {
  return error === undefined ? {} : { error, errorText: statusText(error), errorKind: error.kind };
}
