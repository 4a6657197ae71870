/*
 * What Pebble does with a directory when it opens it for writing (pebble open.go, recovery.go; 1.1 to 2.1):
 *
 *   names      a marker that does not parse refuses; nothing that names a MANIFEST makes a new database, and deletes the old one
 *   MANIFEST   its first damage is its end, silently; an edit that does not decode or apply refuses
 *   tables     each must be there with the size that the MANIFEST has; none is opened
 *   OPTIONS    the newest one must parse, and name the comparer and the merger that the program brings
 *   WALs       from the log number on. Damage in an older one refuses, in the newest one it is the end, silently;
 *              from 2.1 and format version 20 on it refuses where the bytes are known to have been synced
 */

import { isTakenByTables } from '../check/cross/wal-continuity.js';
import { ingestedBy } from '../engine/pebble.js';
import { atLeast, type EngineVersion } from '../engine/version.js';
import { decodeBatch } from '../format/batch/decode.js';
import { BATCH_HEADER, isFlushable } from '../format/batch/tags.js';
import { byLog, lastSegments, segmentIn } from '../format/filename.js';
import type { LiveTable } from '../format/manifest/version.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { BatchWalker } from './batch-walker.js';
import type { DatabaseView } from './open.js';
import { blankOutcome, type RecoveryOutcome, refusal, unreadWal, type WalOutcome } from './outcome.js';
import { firstWholeBatch, PebbleLogReader, type PebbleRecord } from './pebble-log.js';
import { ascending, type WalFile } from './replay.js';
import type { ReplaySink } from './sink.js';
import { type EngineError, type ErrorKind, unreadableFile } from './status.js';

/** What Pebble says, which has no classes of errors. */
export function pebbleError(kind: ErrorKind, message: string): EngineError {
  return { code: 'pebble', kind, message };
}

const PANIC = 'panic: runtime error: invalid memory address or nil pointer dereference';

export const NOT_PRISTINE = 'pebble: database already exists and is not pristine';

const EXCISE = 24;
/** Kinds of range keys: deletion, unset, set. */
const RANGE_KEYS: ReadonlySet<number> = new Set([19, 20, 21]);

/** Type of an operation in a memtable, by the kind of a batch: what deletes, deletes. */
const TYPES = new Map<number, number>([
  [VALUE_TYPE.delete, VALUE_TYPE.delete],
  [VALUE_TYPE.put, VALUE_TYPE.put],
  [VALUE_TYPE.merge, VALUE_TYPE.merge],
  [VALUE_TYPE.singleDelete, VALUE_TYPE.singleDelete],
  [VALUE_TYPE.rangeDelete, VALUE_TYPE.rangeDelete],
  [VALUE_TYPE.sizedDelete, VALUE_TYPE.delete],
  // an excise takes away all that is older, as a range tombstone hides it
  [EXCISE, VALUE_TYPE.rangeDelete],
]);

/** The type that an operation of a Pebble batch has in a memtable; `undefined` for those that are about no keys. */
export function pebbleMemtableType(tag: number): number | undefined {
  return TYPES.get(tag);
}

/**
 * Opens the database, as far as its files are concerned. What is applied goes to `sink`. `fatalRecordsStop`: what refuses, or ends a
 * log that is not the newest, ends the replay instead, and later WALs are left out: the last consistent point.
 */
export async function openPebble(
  database: DatabaseView,
  { error, version }: { error?: EngineError; version: EngineVersion },
  sink?: ReplaySink,
  fatalRecordsStop = false,
): Promise<RecoveryOutcome> {
  const { manifest } = database;
  const outcome = blankOutcome('default');
  if (error !== undefined || !('version' in manifest)) return { ...outcome, ...refusal(error) };
  outcome.lastSequence = manifest.version.lastSequence ?? 0n;
  outcome.cutoff = manifest.version.columnFamilies.get(0)?.logNumber ?? 0n;
  const wals = ascending(database.wals);
  const segments = wals.filter(({ number }) => number >= outcome.cutoff);
  // 1.x knows no other files of a log than N.log, and no second directory
  const live = atLeast(version, 2) ? segments : segments.filter(({ file }) => segmentIn(file) === 0);
  const ends = new Set(lastSegments(live));
  const tables = [...(manifest.version.columnFamilies.get(0)?.tables.values() ?? [])];
  let before: PebbleReplay | undefined;
  let highest = 0n;
  let failed: { error: EngineError; file: string } | undefined;
  // what a release does not read is not damage
  const stops = ({ kind }: EngineError) => fatalRecordsStop && kind !== 'unsupported';
  const twice = atLeast(version, 2) ? sameSegment(wals) : undefined;
  if (twice !== undefined)
    return { ...outcome, wals: wals.map(unreadWal), ...refusal(twice.error), errorFile: twice.file };
  for (const wal of wals) {
    const isNewest = wal.number === live.at(-1)?.number;
    const goesOn = !ends.has(wal);
    const strict = fatalRecordsStop || isStrict(database, version);
    const { mustBePristine = false } = database;
    const { refusedIngest } = database;
    const known = outcome.lastSequence > highest ? outcome.lastSequence : highest;
    const gap = fatalRecordsStop ? { known, reached: reachOf(tables, highest), tables } : undefined;
    const rules = { version, isNewest, isStrict: strict, mustBePristine, refusedIngest, goesOn, gap };
    const earlier = before?.number === wal.number ? before : undefined;
    const replay: PebbleReplay = new PebbleReplay(wal, rules, sink, earlier);
    outcome.wals.push(replay.outcome);
    if (segments.includes(wal) && !live.includes(wal)) replay.outcome.state = 'dropped';
    if (!live.includes(wal)) continue;
    before = replay;
    if (failed !== undefined) {
      replay.outcome.state = stops(failed.error) ? 'dropped' : 'unread';
      continue;
    }
    await replay.run();
    // 1.x flushes what it has replayed to a version that is not there yet
    if (database.beginsAnew && !atLeast(version, 2)) replay.error ??= pebbleError('crash', PANIC);
    replay.error ??= unflushable(replay, database, version);
    if (replay.lastSequence > outcome.lastSequence) outcome.lastSequence = replay.lastSequence;
    if (replay.highest > highest) highest = replay.highest;
    if (replay.error === undefined) continue;
    failed = { error: replay.error, file: replay.errorFile ?? wal.file };
    if (stops(failed.error)) (replay.afterGap ?? replay).stop(failed.error);
  }
  if (failed !== undefined && !stops(failed.error))
    return { ...outcome, ...refusal(failed.error), errorFile: failed.file };
  return { ...outcome, opens: true, ...(highest > outcome.lastSequence && { appliesUnseen: true }) };
}

/** Two files of one segment, in two directories (pebble wal/reader.go). */
function sameSegment(sorted: readonly WalFile[]): { error: EngineError; file: string } | undefined {
  const at = sorted.findIndex((wal, i) => i > 0 && byLog(sorted[i - 1], wal) === 0);
  if (at < 0) return undefined;
  const { number, file } = sorted[at];
  const index = String(segmentIn(file)).padStart(3, '0');
  const places = [sorted[at - 1], sorted[at]].map(({ root = '.' }) => root).join(' and ');
  const message = `wal: duplicate logIndex=${index} for WAL ${String(number).padStart(6, '0')} in ${places}`;
  return { error: pebbleError('inconsistency', message), file };
}

/** The first format version whose tables may hold range keys. */
const FIRST_WITH_RANGE_KEYS = 8;

/**
 * 1.x flushes each log that it has replayed, into a table of the directory's format version (pebble open.go `replayWAL`,
 * sstable/writer.go `assertFormatCompatibility`).
 */
function unflushable(
  { outcome, holdsRangeKeys }: PebbleReplay,
  { formatVersion }: DatabaseView,
  version: EngineVersion,
): EngineError | undefined {
  if (
    atLeast(version, 2) ||
    !holdsRangeKeys ||
    (formatVersion ?? FIRST_WITH_RANGE_KEYS) >= FIRST_WITH_RANGE_KEYS
  )
    return undefined;
  outcome.state = 'refused';
  const format = formatVersion! < 5 ? '(RocksDB,v2)' : '(Pebble,v1)';
  const message = `running compaction during WAL replay: table format version ${format} is less than the minimum required version (Pebble,v2) for range keys`;
  return pebbleError('unsupported', message);
}

/** Older WALs must end as Pebble ends them: in 1.x where OPTIONS says so, as it does since 2020. */
function isStrict({ options }: DatabaseView, version: EngineVersion): boolean {
  return atLeast(version, 2) || options.pebble?.strictWalTail === true;
}

interface ReplayRules {
  version: EngineVersion;
  isNewest: boolean;
  isStrict: boolean;
  /** Any record refuses. */
  mustBePristine: boolean;
  refusedIngest: DatabaseView['refusedIngest'];
  /** A later segment of the same log follows: how this one ends says nothing. */
  goesOn: boolean;
  /**
   * Ends a log where a segment does not go on behind the damage in the one before it, over which Pebble opens. `known`: how far sequences
   * reach before the log, as the MANIFEST has them, which counts what logs take meanwhile; `reached`: in tables and older logs; `tables`: those
   * of the version, some of which may have been ingested.
   */
  gap: { known: bigint; reached: bigint; tables: readonly LiveTable[] } | undefined;
}

function reachOf(tables: readonly LiveTable[], logs: bigint): bigint {
  let reach = logs;
  for (const { largestSequence } of tables) if (largestSequence > reach) reach = largestSequence;
  return reach;
}

/** Operations of one WAL whose keys are remembered, to see whether one comes twice. */
const REMEMBERED = 1_000_000;

/** The replay of one WAL, or of one segment of it. */
class PebbleReplay {
  readonly outcome: WalOutcome;
  /** What the open fails with. */
  error: EngineError | undefined;
  /** The file that this is about, where it is not the WAL. */
  errorFile: string | undefined;
  holdsRangeKeys = false;
  /** Of its last batch. */
  lastSequence = 0n;
  /** Of all operations. */
  highest = 0n;
  private lastBatch = 0n;
  /** Operations under sequence numbers that came before, once numbers go back. */
  private readonly seen: Set<string>;
  /** Header sequence of the first batch of the log. */
  private first: bigint | undefined;
  /** An ingest has ended the log. */
  private isOver = false;
  /** The segment that ended in damage, where nothing new has followed yet. */
  private cutShort: PebbleReplay | undefined;
  /** Header sequence of the first whole batch of a segment that the engine reads nothing of. */
  follows: bigint | undefined;
  /** The one that was cut short, where this one does not go on behind it. */
  afterGap: PebbleReplay | undefined;

  constructor(
    private readonly wal: WalFile,
    private readonly rules: ReplayRules,
    private readonly sink: ReplaySink | undefined,
    earlier: PebbleReplay | undefined,
  ) {
    this.outcome = unreadWal(wal);
    this.seen = earlier?.seen ?? new Set();
    this.first = earlier?.first;
    this.lastBatch = earlier?.lastBatch ?? 0n;
    this.lastSequence = earlier?.lastSequence ?? 0n;
    this.highest = earlier?.highest ?? 0n;
    this.isOver = earlier?.isOver ?? false;
    this.cutShort = earlier?.cutShort;
  }

  get number(): bigint {
    return this.wal.number;
  }

  async run(): Promise<void> {
    const { wal, outcome, rules } = this;
    const readsAhead = atLeast(rules.version, 2, 1);
    if (this.isOver) return;
    outcome.state = 'applied';
    try {
      const source = await wal.open();
      try {
        const reader = new PebbleLogReader(source, wal.file, wal.number, {
          lastType: readsAhead ? 12 : 8,
          readsAhead,
        });
        for (;;) {
          const record = await reader.next();
          if (record === undefined) {
            this.end(reader);
            if (this.cutShort === this && this.first === undefined && rules.gap !== undefined)
              this.follows = await firstWholeBatch(source, wal.number);
            break;
          }
          // what stands after an ingest in its WAL is not read
          this.isOver = this.apply(record);
          if (this.isOver || this.error !== undefined) break;
        }
      } finally {
        await source.close();
      }
    } catch (error) {
      this.error = unreadableFile(wal.file, error);
    }
    if (this.error !== undefined) outcome.state = this.afterGap ? 'dropped' : 'refused';
  }

  /** What it fails with becomes its end. */
  stop(error: EngineError): void {
    this.outcome.state = 'applied';
    this.outcome.stoppedAt ??= this.outcome.appliedEnd;
    this.outcome.stopError ??= error;
  }

  private end({ ended, at }: PebbleLogReader): void {
    if (ended === 'end' || ended === undefined) return;
    if (this.rules.goesOn) {
      this.cutShort ??= this;
      return;
    }
    const { isNewest, isStrict, version } = this.rules;
    const message = `pebble: error when replaying WAL: pebble/record: ${ended}`;
    const isFatal = isNewest ? ended !== 'unexpected EOF' && atLeast(version, 2, 1) : isStrict;
    if (isFatal) this.error = pebbleError('checksum', message);
    this.outcome.stoppedAt = at;
    this.outcome.stopError = pebbleError('checksum', ended);
  }

  /** True: nothing after it is read. */
  private apply({ bytes, offset, end }: PebbleRecord): boolean {
    const { outcome } = this;
    if (bytes.length < BATCH_HEADER) {
      this.error = pebbleError('short-record', `pebble: corrupt log file ${outcome.file}: invalid batch`);
      return false;
    }
    if (this.rules.mustBePristine) {
      this.error = pebbleError('unsupported', NOT_PRISTINE);
      return false;
    }
    if (atLeast(this.rules.version, 2) && this.isRepeated(bytes)) {
      outcome.records++;
      outcome.appliedEnd = end;
      this.extend(offset, end);
      return false;
    }
    const { anomalies } = decodeBatch(bytes, { dialect: 'pebble', maxOps: 0 });
    if (anomalies.length > 0) {
      this.error = pebbleError(
        'malformed-batch',
        `pebble: corrupt log file ${outcome.file}: ${anomalies[0].message}`,
      );
      return false;
    }
    if (this.isRefusedIngest(bytes)) return false;
    const walker = new BatchWalker(bytes, 'pebble');
    const { sequence, count } = walker;
    if (this.isBehindGap(sequence)) return false;
    if (count > 0 && sequence < (this.first ?? 0n)) {
      const message = `pebble: batch seqnum ${sequence} is less than memtable creation seqnum ${this.first}`;
      this.error = pebbleError('sequence', message);
      return false;
    }
    const goesBack = count > 0 && sequence <= this.highest;
    let taken = 0;
    while (walker.next()) {
      if (!walker.counts) continue;
      const at = BigInt.asUintN(56, sequence + BigInt(taken++));
      const type = TYPES.get(walker.tag);
      this.holdsRangeKeys ||= RANGE_KEYS.has(walker.tag);
      if (this.isSecond(at, walker, goesBack)) return false;
      if (type !== undefined) this.sink?.apply(0, at, type, walker.key, walker.value);
    }
    outcome.operations += taken;
    outcome.records++;
    outcome.appliedEnd = end;
    if (count > 0) {
      this.first ??= sequence;
      outcome.firstSequence ??= sequence;
      outcome.lastSequence = sequence;
      const last = BigInt.asUintN(64, sequence + BigInt(count) - 1n);
      if (last > this.highest) this.highest = last;
    }
    // readers see up to the last batch of a log, whatever came before it
    this.lastSequence = BigInt.asUintN(64, sequence + BigInt(count) - 1n);
    this.extend(offset, end);
    return isFlushable(bytes[BATCH_HEADER] ?? 0);
  }

  private isBehindGap(sequence: bigint): boolean {
    const { gap } = this.rules;
    const { cutShort } = this;
    this.cutShort = undefined;
    if (gap === undefined || cutShort === undefined) return false;
    const { follows } = cutShort;
    const known = follows !== undefined && sequence >= follows ? gap.reached : gap.known;
    const next = (this.highest > 0n ? this.highest : known) + 1n;
    if (sequence <= next || isTakenByTables(next, sequence, gap.tables)) return false;
    const message = `the log goes on in ${this.wal.file} at sequence ${sequence}, and ${cutShort.wal.file} ends in damage before ${next}`;
    this.error = pebbleError('sequence', message);
    this.afterGap = cutShort;
    return true;
  }

  private isRefusedIngest(batch: Uint8Array): boolean {
    for (const { table } of ingestedBy(batch)) {
      const refused = this.rules.refusedIngest?.(table);
      if (refused === undefined) continue;
      this.error = refused.error;
      this.errorFile = refused.file;
      return true;
    }
    return false;
  }

  /** From 2.0 on a batch without operations, or that does not go on from the one before, is taken for one that was written twice. */
  private isRepeated(bytes: Uint8Array): boolean {
    const { sequence, count } = new BatchWalker(bytes, 'pebble');
    if (count === 0 || sequence <= this.lastBatch) return true;
    this.lastBatch = sequence;
    return false;
  }

  /** A memtable takes no key a second time under the same sequence and kind. */
  private isSecond(sequence: bigint, { tag, key }: BatchWalker, goesBack: boolean): boolean {
    if (this.seen.size >= REMEMBERED) return false;
    const id = `${sequence} ${tag} ${Buffer.from(key).toString('latin1')}`;
    if (goesBack && this.seen.has(id)) {
      this.error = pebbleError('sequence', 'arenaskl: record with this key already exists');
      return true;
    }
    this.seen.add(id);
    return false;
  }

  private extend(from: number, to: number): void {
    const { applied } = this.outcome;
    const before = applied.at(-1);
    if (before !== undefined && before.to === from) before.to = to;
    else applied.push({ from, to });
  }
}
