/*
 * What LevelDB does with a directory when it opens it (leveldb db/db_impl.cc `DBImpl::Recover`, `RecoverLogFile`, 1.23):
 *
 *   CURRENT and MANIFEST  strict in both modes: every complaint refuses
 *   tables                their numbers must be in the directory, under any name; no table is opened
 *   WALs                  every one from the log number on, in ascending order, without a look at how sequences continue.
 *                         default: what the reader complains of is logged, and the rest is applied;
 *                         paranoid: the first complaint fails the open. A torn tail is silent in both.
 */
import { type BatchError, WRONG_COUNT } from '../format/batch/batch.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { BLOCK_SIZE } from '../format/log/types.js';
import type { Version } from '../format/manifest/version.js';
import { comparatorNamed, isApplicationsOrder, shownOrderOf } from '../format/sst/comparator.js';
import { BatchWalker } from './batch-walker.js';
import { LevelDbLogReader, type LevelDbRecord, type LevelDbReport } from './leveldb-log.js';
import type { LevelDbMode, RecoveryMode } from './mode.js';
import type { DatabaseView } from './open.js';
import { blankOutcome, type RecoveryOutcome, refusal, unreadWal, type WalOutcome } from './outcome.js';
import { ascending, type WalFile } from './replay.js';
import type { RecordAgain, ReplayedLog, ReplaySink } from './sink.js';
import { corruption, type EngineError, unreadableFile } from './status.js';
import { hasChanged } from './wal-replay.js';

/** Reports of one WAL that an outcome keeps. */
const KEPT = 100;

/** Why LevelDB refuses before it reads a WAL, whatever the mode. */
export function refusedByLevelDb({ manifest, numbers }: DatabaseView): EngineError | undefined {
  if (!('version' in manifest)) return manifest.error;
  if (manifest.error !== undefined) {
    const message = manifest.error.replace(/^(?:Corruption|Invalid argument): /, '');
    return corruption('manifest', message);
  }
  const comparator = refusedComparator(manifest.version);
  if (comparator !== undefined) return comparator;
  const tables = [...manifest.version.columnFamilies.values()].flatMap((family) => [...family.tables.keys()]);
  const missing = tables.filter((number) => !numbers.has(number)).sort((a, b) => (a < b ? -1 : 1));
  if (missing.length === 0) return undefined;
  const name = `${String(missing[0]).padStart(6, '0')}.ldb`;
  return corruption('missing-file', `${missing.length} missing files; e.g.: ${name}`);
}

/** A program that brings a comparator of another name is refused. */
function refusedComparator({ columnFamilies }: Version): EngineError | undefined {
  const { name, shown } = shownOrderOf(columnFamilies.get(0)?.comparator ?? '');
  if (comparatorNamed(name || undefined).order !== 'unknown' || isApplicationsOrder(shown)) return undefined;
  const message = `${name} does not match existing comparator : ${comparatorNamed().name}`;
  return { code: 'invalid-argument', kind: 'manifest', message };
}

/** Opens the database in one of LevelDB's modes, as far as its files are concerned. What is applied goes to `sink`. */
export async function openLevelDb(
  database: DatabaseView,
  error: EngineError | undefined,
  mode: RecoveryMode,
  sink?: ReplaySink,
): Promise<RecoveryOutcome> {
  const { manifest } = database;
  const outcome = blankOutcome(mode);
  if (error !== undefined || !('version' in manifest)) return { ...outcome, ...refusal(error) };
  const { lastSequence = 0n, previousLogNumber = 0n, columnFamilies } = manifest.version;
  outcome.lastSequence = lastSequence;
  outcome.cutoff = columnFamilies.get(0)?.logNumber ?? 0n;
  outcome.uneventful = true;
  const wals = ascending(database.wals);
  let failed: { error: EngineError; file: string } | undefined;
  for (const wal of wals) {
    const needed =
      wal.number >= outcome.cutoff || (previousLogNumber !== 0n && wal.number === previousLogNumber);
    const replay = new LevelDbReplay(wal, mode as LevelDbMode, sink);
    outcome.wals.push(replay.outcome);
    if (!needed) continue;
    if (failed !== undefined) {
      replay.outcome.state = 'unread';
      continue;
    }
    await replay.run();
    if (replay.silent || replay.outcome.reports.length > 0) outcome.uneventful = false;
    if (replay.lastSequence > outcome.lastSequence) outcome.lastSequence = replay.lastSequence;
    if (replay.error !== undefined) failed = { error: replay.error, file: wal.file };
  }
  if (failed !== undefined) return { ...outcome, ...refusal(failed.error), errorFile: failed.file };
  return { ...outcome, opens: true };
}

/**
 * Hands on what RepairDB makes of WALs (leveldb db/repair.cc `ConvertLogToTable`): of every one in the directory, whatever the
 * checksums say, the operations before one that does not decode.
 */
export async function replayAsRepairDb(wals: readonly WalFile[], sink: ReplaySink): Promise<void> {
  for (const wal of ascending(wals)) await new LevelDbReplay(wal, 'default', sink, true).run();
}

/** The replay of one WAL. */
class LevelDbReplay {
  readonly outcome: WalOutcome;
  /** What the open fails with. */
  error: EngineError | undefined;
  silent = false;
  /** The last sequence that LevelDB makes of the batches. */
  lastSequence = 0n;
  private readonly log: ReplayedLog = {
    bytes: new Uint8Array(0),
    offset: 0,
    read: (offset) => readAgain(this.wal, offset, this.unverified),
  };

  constructor(
    private readonly wal: WalFile,
    private readonly mode: LevelDbMode,
    private readonly sink: ReplaySink | undefined,
    private readonly unverified = false,
  ) {
    this.outcome = unreadWal(wal);
  }

  async run(): Promise<void> {
    const { wal, outcome } = this;
    outcome.state = 'applied';
    try {
      const source = await wal.open();
      try {
        const { unverified } = this;
        const reader = new LevelDbLogReader(source, wal.file, (report) => this.complain(report), {
          unverified,
        });
        for (;;) {
          const record = await reader.next();
          if (record === undefined || this.error !== undefined) break;
          this.apply(record);
          if (this.error !== undefined) break;
        }
        this.silent ||= reader.silent;
      } finally {
        await source.close();
      }
    } catch (error) {
      this.complain({ error: unreadableFile(wal.file, error), offset: 0, dropped: 0 });
    }
    if (this.error !== undefined) outcome.state = 'refused';
  }

  private complain(report: LevelDbReport): void {
    const { outcome } = this;
    if (outcome.reports.length < KEPT) outcome.reports.push(report);
    if (this.mode === 'paranoid') {
      this.error ??= report.error;
      outcome.stoppedAt ??= report.offset;
      outcome.stopError ??= report.error;
    }
  }

  /** Operations before one that does not decode take effect, and the sequence goes on as the header counts. */
  private apply({ bytes, offset, end }: LevelDbRecord): void {
    const { outcome, log } = this;
    log.bytes = bytes;
    log.offset = offset;
    const refuse = (error: EngineError) => this.complain({ error, offset, dropped: bytes.length });
    if (bytes.length < BATCH_HEADER) {
      refuse(corruption('short-record', 'log record too small'));
      return;
    }
    const walker = new BatchWalker(bytes, 'leveldb');
    const { sequence, count } = walker;
    let taken = 0;
    let takenEnd = walker.position;
    while (walker.next()) {
      const at = BigInt.asUintN(56, sequence + BigInt(taken));
      this.sink?.apply(0, at, walker.type, walker.key, walker.value, log);
      taken++;
      takenEnd = walker.position;
    }
    const cut = walker.error();
    if (cut !== undefined) refuse(statusOf(cut));
    else if (taken !== count) refuse(statusOf(WRONG_COUNT));
    outcome.operations += taken;
    if (this.error !== undefined) return;
    outcome.records++;
    outcome.appliedEnd = end;
    outcome.firstSequence ??= sequence;
    outcome.lastSequence = sequence;
    const last = BigInt.asUintN(64, sequence + BigInt(count) - 1n);
    if (last > this.lastSequence) this.lastSequence = last;
    if (cut === undefined) this.extend(offset, end);
    else outcome.torn ??= { offset, end, sequence, taken, takenEnd, error: statusOf(cut) };
  }

  private extend(from: number, to: number): void {
    const { applied } = this.outcome;
    const before = applied.at(-1);
    if (before !== undefined && before.to === from) before.to = to;
    else applied.push({ from, to });
  }
}

/** The bytes of a record that replay has met at that offset. */
async function readAgain(wal: WalFile, offset: number, unverified: boolean): Promise<RecordAgain> {
  const source = await wal.open();
  try {
    const from = offset - (offset % BLOCK_SIZE);
    const reader = new LevelDbLogReader(source, wal.file, () => {}, { from, unverified });
    for (;;) {
      const record = await reader.next();
      if (record === undefined) throw hasChanged(wal.file);
      if (record.offset === offset) return { bytes: record.bytes, release: () => reader.release() };
    }
  } finally {
    await source.close();
  }
}

/** LevelDB does not say which tag it does not know. */
function statusOf({ kind, message }: BatchError): EngineError {
  return corruption(kind, kind === 'unknown-tag' ? 'unknown WriteBatch tag' : message);
}
