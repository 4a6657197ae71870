import type { ByteSource } from '../bytes/source.js';
import type { EngineVersion } from '../engine/version.js';
import { byLog } from '../format/filename.js';
import { MAX_SEQUENCE } from '../format/sst/internal-key.js';
import type { AppliedKeys } from './applied-keys.js';
import { replayBehaviour } from './behaviour.js';
import type { FamilyState } from './family.js';
import type { RecoveryMode } from './mode.js';
import { type ReplayOutcome, unreadWal, type WalOutcome } from './outcome.js';
import type { ReplaySink } from './sink.js';
import { corruption, type EngineError } from './status.js';
import { RecoveredTransactions, type WritePolicy } from './transactions.js';
import { replayWal, type WalReplayState } from './wal-replay.js';

/** A WAL of the directory. */
export interface WalFile {
  number: bigint;
  /** Relative to the target. */
  file: string;
  /** The directory that `file` is relative to, where it is another one. */
  root?: string;
  /** Bytes. */
  size: number;
  open(): Promise<ByteSource>;
}

/** In the order in which engines read them. */
export function ascending(wals: readonly WalFile[]): WalFile[] {
  return [...wals].sort(byLog);
}

export interface ReplayInput {
  mode: RecoveryMode;
  version: EngineVersion;
  /** Live column families, in the order in which the MANIFEST adds them. */
  families: readonly FamilyState[];
  minLogNumberToKeep: bigint;
  /** last_sequence of the MANIFEST. */
  lastSequence: bigint;
  /** Every `N.log` of the WAL directory, ascending. */
  wals: readonly WalFile[];
  policy: WritePolicy;
  trackAndVerifyWals: boolean;
  paranoidChecks: boolean;
  sink?: ReplaySink;
  /**
   * Not the engine's way: a batch that no mode gets past is taken as a record with a bad checksum would be. For a repair,
   * which wants to know where it may cut.
   */
  fatalRecordsStop?: boolean;
  /** Stop before the logical record at that offset of that WAL. */
  until?: { wal: bigint; offset: number };
  /** Filled with what is applied. */
  history?: AppliedKeys;
}

/**
 * The smallest WAL number that replay opens (db_impl_open.cc, SetupLogFilesRecovery). Files below may be damaged or gone.
 */
function replayCutoff(
  input: Pick<ReplayInput, 'families' | 'minLogNumberToKeep' | 'policy' | 'version'>,
): bigint {
  const keep = input.minLogNumberToKeep;
  if (input.policy !== 'none' || !replayBehaviour(input.version).skipsFlushedWals) return keep;
  const [unflushed] = input.families.map(({ logNumber }) => logNumber).sort((a, b) => Number(a - b));
  if (unflushed === undefined || unflushed < keep) return keep;
  return unflushed;
}

/**
 * Replays WALs as DB::Open does in one recovery mode, into `sink` (rocksdb db/db_impl/db_impl_open.cc, RecoverLogFiles).
 * Reads each WAL once, a window at a time; holds one logical record and the undecided transactions. Never rejects on
 * what the files hold; a read that the medium refuses is the engine's IO error.
 */
export async function replay(input: ReplayInput): Promise<ReplayOutcome> {
  const behaviour = replayBehaviour(input.version);
  const cutoff = replayCutoff(input);
  const state: WalReplayState = {
    input,
    behaviour,
    cutoff,
    context: {
      families: new Map(input.families.map((family) => [family.id, family])),
      policy: input.policy,
      checksRanges: behaviour.checksRanges,
      refusedKeysTakeSequence: behaviour.refusedKeysTakeSequence,
      transactions: new RecoveredTransactions(),
      shared: { sequence: -1n, keys: new Set() },
      history: input.history,
      sink: input.sink,
    },
    timestampSizes: new Map(input.families.map(({ id, comparator }) => [id, comparator.timestampSize])),
    hasTimestamps: input.families.some(({ comparator }) => comparator.timestampSize > 0),
    next: MAX_SEQUENCE,
    lastSequence: input.lastSequence,
    stopped: false,
    torn: [],
    eventful: false,
  };
  const wals: WalOutcome[] = [];
  let error: EngineError | undefined;
  let errorWal: bigint | undefined;
  for (const wal of input.wals) {
    const outcome = unreadWal(wal);
    wals.push(outcome);
    if (wal.number < cutoff) continue;
    outcome.state = 'unread';
    if (error !== undefined || (input.until !== undefined && wal.number > input.until.wal)) continue;
    const before = state.next;
    error = await replayWal(state, wal, outcome);
    if (error === undefined && behaviour.refusesBackwardSequences) error = setBack(before, state.next);
    if (error !== undefined) {
      outcome.state = 'refused';
      outcome.stopError ??= error;
      errorWal = wal.number;
    }
  }
  if (error === undefined && state.stopped) {
    error = inconsistentFamily(state);
    errorWal = error === undefined ? undefined : state.corruptedWal;
  }
  return {
    mode: input.mode,
    error,
    errorWal,
    lastSequence: state.lastSequence,
    wals,
    cutoff,
    policy: input.policy,
    transactions: state.context.transactions.all(),
    stopped: state.stopped,
    corruptedWal: state.corruptedWal,
    uneventful: error === undefined && !state.eventful,
    unflushable: state.unflushable,
  };
}

/** 10.1: a batch, or a WAL, after which the next sequence number is smaller than before it. Fatal in every mode. */
export function setBack(before: bigint, after: bigint): EngineError | undefined {
  if (before === MAX_SEQUENCE || before <= after) return undefined;
  return corruption(
    'sequence',
    'Sequence number is being set backwards during recovery, this is likely a software bug or a data corruption. ' +
      `Prev next seqno: ${before} , current next seqno: ${after}`,
  );
}

/**
 * Point-in-time recovery stopped in one WAL while a column family's tables already hold what a later one said. The engine
 * goes by log numbers alone: it also refuses where that family lost nothing, or the later WAL is empty.
 */
function inconsistentFamily({ input, behaviour, corruptedWal }: WalReplayState): EngineError | undefined {
  const family = input.families.find(
    ({ logNumber, tableBytes }) =>
      corruptedWal !== undefined &&
      logNumber > corruptedWal &&
      (tableBytes > 0n || !behaviour.emptyFamiliesAreConsistent),
  );
  if (family === undefined) return undefined;
  const texts = {
    long:
      'Column family inconsistency: SST file contains data beyond the point of corruption in CF ' +
      `${family.name}. WAL recovery stopped at corruption point, but SST files contain newer data.`,
    named: `SST file is ahead of WALs in CF ${family.name}`,
    bare: 'SST file is ahead of WALs',
  };
  return corruption('inconsistency', texts[behaviour.inconsistencyText]);
}
