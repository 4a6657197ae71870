import { BeyondLimit } from '../bytes/beyond-limit.js';
import type { ByteSource } from '../bytes/source.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { MAX_RECORD } from '../format/log/assembly.js';
import type { Predecessor } from '../format/log/metadata.js';
import { BLOCK_SIZE } from '../format/log/types.js';
import { MAX_SEQUENCE } from '../format/sst/internal-key.js';
import { AppliedKeys } from './applied-keys.js';
import { BatchWalker, batchProblem } from './batch-walker.js';
import type { ReplayBehaviour } from './behaviour.js';
import { type DropReport, LogReader, type LogRecord } from './log-reader.js';
import { type InserterContext, MemtableInserter } from './memtable-inserter.js';
import type { UnflushableValue, WalOutcome } from './outcome.js';
import { type ReplayInput, replay, setBack, type WalFile } from './replay.js';
import type { RecordAgain, ReplayedLog } from './sink.js';
import { corruption, type EngineError, unreadableFile } from './status.js';
import { reconcileTimestamps } from './timestamps.js';

/** What goes from one WAL to the next. */
export interface WalReplayState {
  readonly input: ReplayInput;
  readonly behaviour: ReplayBehaviour;
  readonly cutoff: bigint;
  readonly context: InserterContext;
  /** Timestamp sizes that the column families have now. */
  readonly timestampSizes: ReadonlyMap<number, number>;
  /** Any of them is not 0. */
  readonly hasTimestamps: boolean;
  /** The sequence number that the next batch should have; `MAX_SEQUENCE` before the first. */
  next: bigint;
  lastSequence: bigint;
  /** Point-in-time recovery applies nothing until a WAL begins with `next`. */
  stopped: boolean;
  corruptedWal?: bigint;
  predecessor?: Predecessor;
  /** WALs that end in a record of which this mode says nothing, and since which no batch has come. */
  torn: { outcome: WalOutcome; offset: number }[];
  /** Something happened that another mode might take differently, or that nobody is told. */
  eventful: boolean;
  unflushable?: UnflushableValue;
}

/** Reports and silent drops kept for one WAL. */
const MAX_NOTES = 100;

/** Replays one WAL. Returns what the open fails with, if it does (db_impl_open.cc, ProcessLogFile). */
export async function replayWal(
  state: WalReplayState,
  wal: WalFile,
  outcome: WalOutcome,
): Promise<EngineError | undefined> {
  let source: ByteSource;
  try {
    source = await wal.open();
  } catch (error) {
    return state.input.paranoidChecks ? unreadableFile(wal.file, error) : undefined;
  }
  try {
    return await new WalReplay(state, wal, outcome, source).run();
  } finally {
    await source.close();
  }
}

class WalReplay {
  private readonly reader: LogReader;
  /** The first report, where this mode listens to reports. */
  private status: EngineError | undefined;
  private statusOffset = 0;
  private blames: bigint | undefined;
  private readonly log: ReplayedLog;
  private readonly listens: boolean;
  private readonly wasStopped: boolean;
  private lastHeaderSequence = 0n;
  /** Something lies between the last applied record and the next one. */
  private gap = true;

  constructor(
    private readonly state: WalReplayState,
    private readonly wal: WalFile,
    private readonly outcome: WalOutcome,
    source: ByteSource,
  ) {
    const { input, behaviour } = state;
    this.wasStopped = state.stopped;
    this.listens = input.mode !== 'skip-any-corrupted' && input.paranoidChecks;
    this.log = {
      bytes: new Uint8Array(0),
      offset: 0,
      read: (offset) => readAgain(wal, behaviour, this.reader.compressed, offset),
    };
    const verifies = input.trackAndVerifyWals && behaviour.predecessorRecords && !state.stopped;
    this.reader = new LogReader(source, {
      mode: input.mode,
      behaviour,
      number: wal.number,
      predecessor: verifies
        ? { observed: state.predecessor, cutoff: state.cutoff, file: wal.file }
        : undefined,
      onReport: (report) => this.report(report),
      onSilentDrop: (drop) => {
        this.gap = true;
        state.eventful = true;
        if (outcome.silentDrops.length < MAX_NOTES) outcome.silentDrops.push(drop);
      },
    });
  }

  async run(): Promise<EngineError | undefined> {
    const { state, reader, outcome } = this;
    outcome.state = 'applied';
    for (;;) {
      const record = await reader.read();
      if (record === 'hang' && state.input.fatalRecordsStop) {
        this.report({ error: this.hang(), offset: reader.offset, dropped: 0 });
        break;
      }
      if (record === 'hang') return this.hang();
      if (record === 'too-large') throw tooLarge(this.wal.file);
      if (record === 'end' || this.status !== undefined) break;
      const { until } = state.input;
      if (until?.wal === this.wal.number && record.offset >= until.offset) return undefined;
      if (this.goesBack(record)) await this.rememberKeys(record);
      this.log.bytes = record.bytes;
      this.log.offset = record.offset;
      const before = state.next;
      const fatal = this.process(record);
      if (fatal !== undefined && state.input.fatalRecordsStop) {
        this.reportRecord(record, fatal);
      } else if (fatal !== undefined) {
        outcome.stoppedAt = record.offset;
        return fatal;
      }
      if (state.behaviour.refusesBackwardSequences) {
        const backwards = setBack(before, state.next);
        if (backwards !== undefined) {
          outcome.stoppedAt = record.offset;
          return backwards;
        }
      }
      if (state.stopped) {
        outcome.stoppedAt ??= record.offset;
        break;
      }
    }
    return this.end();
  }

  /** The batch's sequence numbers may be in memtables already, and it is not known under which keys. */
  private goesBack({ bytes }: LogRecord): boolean {
    const { next, context, input } = this.state;
    if (next === MAX_SEQUENCE || input.history !== undefined || bytes.length < BATCH_HEADER) return false;
    const { sequence } = new BatchWalker(bytes);
    return sequence < next && (context.history === undefined || sequence < context.history.from);
  }

  /** Replays up to here once more, for the keys; at the second time for all of them, so that there is no third. */
  private async rememberKeys({ bytes, offset }: LogRecord): Promise<void> {
    const { input, context } = this.state;
    const history = new AppliedKeys(context.history === undefined ? new BatchWalker(bytes).sequence : 0n);
    await replay({ ...input, sink: undefined, history, until: { wal: this.wal.number, offset } });
    context.history = history;
  }

  /** After the last record: what the reports come to (HandleNonOkStatusOrOldLogRecord). */
  private end(): EngineError | undefined {
    const { state, wal, outcome, status } = this;
    const { mode } = state.input;
    if (status === undefined) {
      state.predecessor = {
        number: wal.number,
        size: BigInt(wal.size),
        lastSequence: this.lastHeaderSequence,
      };
    }
    const { endedAtOldRecord: oldRecord, tornAt } = this.reader;
    if (tornAt !== undefined) state.torn.push({ outcome, offset: tornAt });
    if (oldRecord) state.eventful = true;
    const stops = oldRecord && mode === 'point-in-time' && state.behaviour.oldRecordStopsPointInTime;
    if (status !== undefined || stops) {
      outcome.stopError = status;
      outcome.stoppedAt ??= status === undefined ? this.reader.offset : this.statusOffset;
      if (status?.code === 'not-supported') return status;
      if (mode === 'point-in-time') {
        if (status?.code === 'io-error') return status;
        state.stopped = true;
        state.corruptedWal = this.blames ?? wal.number;
      } else if (mode !== 'skip-any-corrupted' && status !== undefined) {
        return status;
      }
    }
    if (state.stopped) outcome.state = this.wasStopped && outcome.records === 0 ? 'dropped' : 'stopped';
    const last = BigInt.asUintN(64, state.next - 1n);
    if (state.next !== MAX_SEQUENCE && state.lastSequence <= last) state.lastSequence = last;
    return undefined;
  }

  /** Takes one logical record. Returns what is fatal in every mode. */
  private process(record: LogRecord): EngineError | undefined {
    const { state } = this;
    const { behaviour, input } = state;
    if (record.bytes.length < BATCH_HEADER) {
      this.reportRecord(record, corruption('short-record', 'log record too small'));
      return undefined;
    }
    const decoded = this.decode(record);
    if ('code' in decoded) return decoded;
    const { bytes } = decoded;
    const walker = new BatchWalker(bytes);
    const sequence = walker.sequence;
    this.lastHeaderSequence = sequence;
    this.judgeTorn(sequence);
    if (sequence > MAX_SEQUENCE && behaviour.rejectsLargeSequences) {
      this.reportRecord(record, corruption('sequence', `sequence ${sequence} is too large`));
      return undefined;
    }
    if (input.mode === 'point-in-time') {
      // Only here does replay go on after a stop: with the first batch of a WAL written after an earlier recovery.
      if (sequence === state.next) state.stopped = false;
      if (state.stopped) return undefined;
    }
    return this.insert(record, bytes, sequence);
  }

  /** What a WAL ends in was never acknowledged where the next batch has its sequence number: it was written after an earlier recovery. */
  private judgeTorn(sequence: bigint): void {
    const { state } = this;
    for (const { outcome, offset } of state.torn.splice(0)) {
      const { next } = state;
      if (sequence === next) continue;
      state.eventful = true;
      const missing = sequence > next ? { missing: { from: next, to: sequence - 1n } } : {};
      if (outcome.silentDrops.length < MAX_NOTES)
        outcome.silentDrops.push({ reason: 'torn-tail', offset, ...missing });
    }
  }

  /** The bytes to apply, or why no mode gets past them. */
  private decode(record: LogRecord): { bytes: Uint8Array } | EngineError {
    const { behaviour, timestampSizes, hasTimestamps } = this.state;
    let { bytes } = record;
    let verify = behaviour.verifiesContentHash;
    if (behaviour.reconcilesTimestamps && (hasTimestamps || this.reader.timestampSizes.size > 0)) {
      const reconciled = reconcileTimestamps(bytes, timestampSizes, this.reader.timestampSizes);
      if (reconciled.error !== undefined) return reconciled.error;
      if (reconciled.bytes !== undefined) {
        bytes = reconciled.bytes;
        verify = false;
      }
    }
    if (!behaviour.decodesBatchFirst) return { bytes };
    const problem = batchProblem(bytes);
    if (problem !== undefined) return asWorded(problem, behaviour);
    if (verify && record.staleHash) return corruption('content-hash', 'Write batch content corrupted.');
    return { bytes };
  }

  private insert(record: LogRecord, bytes: Uint8Array, sequence: bigint): EngineError | undefined {
    const { state, outcome } = this;
    const inserted = new MemtableInserter(state.context, this.wal.number, sequence).insert(
      bytes,
      bytes === record.bytes ? this.log : undefined,
    );
    state.next = inserted.next;
    outcome.operations += inserted.applied;
    if (inserted.unflushable !== undefined) {
      state.unflushable ??= { ...inserted.unflushable, wal: this.wal.number, offset: record.offset };
    }
    outcome.firstSequence ??= sequence;
    outcome.lastSequence = sequence;
    const error = inserted.error && asWorded(inserted.error, state.behaviour);
    if (error === undefined) {
      this.applied(record);
      return undefined;
    }
    if (error.code === 'crash') return error;
    const { taken, takenEnd } = inserted;
    outcome.torn ??= { offset: record.offset, end: record.end, sequence, taken, takenEnd, error };
    this.reportRecord(record, error);
    // Before 9.11 the failed insert is itself the WAL's status, whether reports are listened to or not.
    if (
      !state.behaviour.skipContinuesAfterInsertError &&
      state.input.paranoidChecks &&
      this.status === undefined
    ) {
      this.setStatus(error, record.offset);
    }
    return undefined;
  }

  private applied({ offset, end }: LogRecord): void {
    const { outcome } = this;
    outcome.records++;
    outcome.appliedEnd = end;
    const last = outcome.applied.at(-1);
    if (last === undefined || this.gap) outcome.applied.push({ from: offset, to: end });
    else last.to = end;
    this.gap = false;
  }

  private reportRecord(record: LogRecord, error: EngineError): void {
    this.report({ error, offset: record.offset, dropped: record.bytes.length });
  }

  private report(report: DropReport): void {
    this.gap = true;
    this.state.eventful = true;
    if (this.outcome.reports.length < MAX_NOTES) this.outcome.reports.push(report);
    if (!this.listens || this.status !== undefined) return;
    this.setStatus(report.error, report.offset);
    this.blames = report.blames;
  }

  private setStatus(error: EngineError, offset: number): void {
    this.status = error;
    this.statusOffset = offset;
  }

  private hang(): EngineError {
    this.outcome.stoppedAt = this.reader.offset;
    return {
      code: 'hang',
      kind: 'hang',
      message: `the engine does not come back: it meets the record at ${this.reader.offset} of ${this.wal.file} again and again`,
    };
  }
}

/** The bytes of a record that replay has met at that offset. */
async function readAgain(
  wal: WalFile,
  behaviour: ReplayBehaviour,
  compressed: boolean,
  offset: number,
): Promise<RecordAgain> {
  const source = await wal.open();
  try {
    const from = offset - (offset % BLOCK_SIZE);
    const start = { from, compressed };
    const ignored = () => {};
    const reader = new LogReader(
      source,
      { mode: 'skip-any-corrupted', behaviour, number: wal.number, onReport: ignored },
      start,
    );
    for (;;) {
      const record = await reader.read();
      if (typeof record === 'string') throw hasChanged(wal.file);
      if (record.offset === offset) return { bytes: record.bytes, release: () => reader.release() };
    }
  } finally {
    await source.close();
  }
}

/** As the system says it of a file that is another one by now. */
export function hasChanged(file: string): Error {
  return Object.assign(new Error(`${file} has changed while it was read`), { code: 'ESTALE' });
}

/** RocksDB has no limit below 4 GiB: what it would make of the record is not known. */
export function tooLarge(file: string): BeyondLimit {
  return new BeyondLimit(
    file,
    `it has a record of more than ${MAX_RECORD >> 20} MiB, which is not put together`,
  );
}

function asWorded(error: EngineError, { namesUnknownTag }: ReplayBehaviour): EngineError {
  return error.kind === 'unknown-tag' && !namesUnknownTag
    ? { ...error, message: 'unknown WriteBatch tag' }
    : error;
}
