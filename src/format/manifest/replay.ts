import type { ByteSource } from '../../bytes/source.js';
import type { Anomaly, Range } from '../../finding/finding.js';
import type { DialectName } from '../dialect.js';
import { MAX_EDIT_RECORD } from '../log/assembly.js';
import { fileRange } from '../log/fragments.js';
import { KEY_TRAILER } from '../sst/internal-key.js';
import { applyEdit, type EditPlace, emptyVersion, type ManifestReplayState } from './apply.js';
import { liveBlobFiles } from './blob-links.js';
import { type DecodedEdit, decodeVersionEdit, fieldsFor } from './decode.js';
import type { VersionEdit } from './edit.js';
import { lackingNumbers } from './lacking-numbers.js';
import { leftBehind, takenFromLevel0 } from './left-behind.js';
import { type ManifestRecord, type ManifestTail, type ManifestVisitor, readManifestLog } from './log.js';
import { type NeededWal, NeededWalTracker } from './needed-wal.js';
import { MAX_PARTS, partsOf, type Version } from './version.js';

/** Anomalies kept of one MANIFEST; a file of noise would give one for each block. */
const MAX_ANOMALIES = 1000;
const MAX_LAST_TABLES = 1000;
const MAX_BEGUN_WALS = 4096;

/** Where the edits stand that stated a number, or the comparator, last, in bytes of the MANIFEST. */
export interface ManifestNumbers {
  comparator?: Range;
  logNumber?: Range;
  lastSequence?: Range;
  nextFileNumber?: Range;
  /** The last edit that set the log number, where it is not the first one and adds no table: LevelDB writes it after a flush. */
  flushWithoutTable?: Range;
}

/** What a MANIFEST comes to. */
export interface ManifestReplay {
  /** As whose it was read. */
  dialect: DialectName;
  /** How many files were there: see `ReplayOptions`. */
  files: number;
  /**
   * The state that the edits lead to. After damage the replay goes on with what is whole, as well as it can: see
   * `complete`.
   */
  version: Version;
  /** False once an edit was lost or refused: then `version` is a best guess that no engine would come to. */
  complete: boolean;
  /** The limit that it passes, in words: then `version` is empty, and nothing is known of the one that it leads to. */
  beyond?: string;
  /** What the engine would say when it refuses, without the file name it adds: the first anomaly that it notices. */
  error?: string;
  /** File offset after the last record that the engine would have used; of an open atomic group, its start. */
  logicalEnd: number;
  tail: ManifestTail;
  /** An atomic group that the file ends in, which the engine drops in silence. */
  openGroup?: Range & { edits: number };
  /** Logical records that were whole. */
  records: number;
  /** Log numbers that edits have set, in that order; the last 4,096 of them. Each was the number of a new WAL. */
  begunWals: bigint[];
  /** A WAL that a running database needed, as the last flush says. */
  neededWal?: NeededWal;
  numbers: ManifestNumbers;
  /** Numbers of the tables that edits added last, also of those that were deleted again; at most 1,000. */
  lastTables: bigint[];
  /** The largest sequence of the tables that edits added, also of those that were deleted again. */
  reach: bigint;
  /** An edit added a table of a single sequence, which may have been ingested: that takes a number that no log has. */
  mayHaveIngested: boolean;
  /** Value types of the bounds of tables that edits added, by type: where the first one stands, and under which tag. */
  boundTypes: Map<number, Range & { tag: number }>;
  /** In file order, offsets in bytes of the MANIFEST; at most 1,000. */
  anomalies: Anomaly[];
  size: number;
}

export interface ReplayOptions {
  dialect?: DialectName;
  /** What an earlier replay of the same file led to: tables that it has, too, are not kept twice. */
  held?: Version;
  /** How many files are there, each of which may be a part of the version beside `MAX_PARTS`. */
  files?: number;
  /** Ends the replay at the first damage of the framing, as Pebble does. */
  toDamage?: boolean;
  /** Called with every record that is whole, before it is applied. The record's payload is only valid during the call. */
  onEdit?(decoded: DecodedEdit, record: ManifestRecord): void;
  /**
   * Called when edits have been applied, an atomic group at once, as long as nothing was lost before: with the version as it
   * is then (it changes later), the edits and the file offset after them.
   */
  onApplied?(version: Version, edits: readonly VersionEdit[], end: number): void;
}

/** Replays a MANIFEST in one pass with bounded buffers. Rejects only when the medium fails. */
export async function replayManifest(
  source: ByteSource,
  options: ReplayOptions = {},
): Promise<ManifestReplay> {
  const replay = new Replay(options);
  return replay.finish(await readManifestLog(source, replay, options.dialect), source.size);
}

/** Adds to a set that keeps what came last. */
function keepLast(set: Set<bigint>, number: bigint, limit: number): void {
  set.add(number);
  if (set.size <= limit) return;
  const [oldest] = set;
  set.delete(oldest);
}

interface PendingEdit {
  decoded: DecodedEdit;
  record: ManifestRecord;
}

class Replay implements ManifestVisitor {
  private readonly state: ManifestReplayState;
  private readonly anomalies: Anomaly[] = [];
  private readonly begunWals = new Set<bigint>();
  private readonly neededWal = new NeededWalTracker();
  private readonly lastTables = new Set<bigint>();
  private readonly numbers: ManifestNumbers = {};
  private lastRecord: Range | undefined;
  private reach = 0n;
  private mayHaveIngested = false;
  private readonly boundTypes: ManifestReplay['boundTypes'] = new Map();
  private error: string | undefined;
  private complete = true;
  private beyond: string | undefined;
  /** What comes is after damage, and is not wanted. */
  private ended = false;
  /** Parts that edits have added since the version was counted, and how many there may be before it is counted again. */
  private added = 0;
  private countAt: number;
  private records = 0;
  private logicalEnd = 0;
  /** Edits of the atomic group that is being read, and how many it has. */
  private group: PendingEdit[] = [];
  private groupSize = 0;
  /** Fields of its edits. */
  private grouped = 0;

  /** Parts that the version may hold, and fields that an edit may have. */
  private readonly maxParts: number;
  private readonly maxFields: number;

  constructor(private readonly options: ReplayOptions) {
    this.state = {
      version: emptyVersion(),
      forgottenWals: 0n,
      logNumberSeen: false,
      logNumberOnlyGrows: (options.dialect ?? 'rocksdb') === 'rocksdb',
    };
    this.maxParts = MAX_PARTS + (options.files ?? 0);
    this.maxFields = fieldsFor(this.maxParts);
    this.countAt = this.maxParts;
  }

  damage(anomaly: Anomaly): void {
    const { engine: _, ...evidence } = anomaly.evidence ?? {};
    // Pebble takes whatever it cannot read for the end of the file
    this.report(this.options.dialect === 'pebble' ? { ...anomaly, evidence } : anomaly);
    this.complete = false;
    this.ended ||= this.options.toDamage === true;
  }

  oversized(): void {
    this.passLimit(`it has a record of more than ${MAX_EDIT_RECORD >> 20} MiB, which is not put together`);
  }

  record(record: ManifestRecord): void {
    this.records++;
    if (this.beyond !== undefined || this.ended) return;
    const decoded = decodeVersionEdit(record.payload, this.options.dialect, this.maxFields);
    this.options.onEdit?.(decoded, record);
    if (decoded.beyond) {
      this.passLimit(`it has an edit of more than ${this.maxFields} fields, which are not all decoded`);
      return;
    }
    for (const anomaly of decoded.anomalies) {
      this.report({ ...anomaly, ...fileRange(record.fragments, anomaly.offset, anomaly.length) });
    }
    if (decoded.anomalies.length > 0) {
      this.complete = false;
      return;
    }
    const remaining = decoded.edit.remainingInGroup;
    if (remaining !== undefined) {
      this.addToGroup({ decoded, record }, remaining);
      return;
    }
    if (this.group.length > 0) {
      this.brokenGroup(record, 'an ordinary edit stands before an atomic group is complete');
    }
    this.apply(decoded, record);
    this.applied([{ decoded, record }]);
  }

  finish(tail: ManifestTail, size: number): ManifestReplay {
    const { version } = this.state;
    const { dialect } = this.options;
    // Pebble asks whatever came before
    const asked = this.complete || dialect === 'pebble';
    const lacking = asked ? lackingNumbers(this.state, size, this.lastRecord, dialect) : undefined;
    if (lacking !== undefined) {
      this.complete = false;
      this.report(lacking);
    }
    const openGroup = this.openGroup();
    const neededWal = this.neededWal.result();
    for (const family of version.columnFamilies.values()) family.blobFiles = liveBlobFiles(family);
    return {
      dialect: this.options.dialect ?? 'rocksdb',
      files: this.options.files ?? 0,
      version,
      complete: this.complete,
      ...(this.beyond === undefined ? {} : { beyond: this.beyond }),
      ...(this.error === undefined ? {} : { error: this.error }),
      logicalEnd: openGroup === undefined ? this.logicalEnd : Math.min(openGroup.offset, this.logicalEnd),
      tail,
      ...(openGroup === undefined ? {} : { openGroup }),
      records: this.records,
      begunWals: [...this.begunWals],
      ...(neededWal === undefined ? {} : { neededWal }),
      numbers: this.numbers,
      lastTables: [...this.lastTables],
      reach: this.reach,
      mayHaveIngested: this.mayHaveIngested,
      boundTypes: this.boundTypes,
      anomalies: this.anomalies,
      size,
    };
  }

  private addToGroup(pending: PendingEdit, remaining: number): void {
    if (this.group.length === 0) this.groupSize = remaining + 1;
    this.grouped += pending.decoded.fields.length;
    if (this.grouped > this.maxFields) {
      this.passLimit(`it has an atomic group of more than ${this.maxFields} fields, which are not all kept`);
      return;
    }
    // a group whose count is off is refused whole
    if (this.group.length + 1 + remaining !== this.groupSize) {
      this.brokenGroup(pending.record, `an atomic group of ${this.groupSize} edits miscounts`);
      return;
    }
    this.group.push({ ...pending, record: { ...pending.record, payload: new Uint8Array(0) } });
    if (remaining > 0) return;
    const edits = this.group;
    this.dropGroup();
    for (const { decoded, record } of edits) this.apply(decoded, record);
    this.applied(edits);
  }

  private dropGroup(): void {
    this.group = [];
    this.grouped = 0;
  }

  private brokenGroup(record: ManifestRecord, message: string): void {
    this.dropGroup();
    this.complete = false;
    this.report({
      rule: 'manifest/atomic-group',
      offset: record.offset,
      length: record.end - record.offset,
      message,
      evidence: { engine: 'Corruption: corrupted atomic group' },
    });
  }

  private apply(decoded: DecodedEdit, record: ManifestRecord): void {
    // after a lost edit the state is a guess: contradictions with it are not reported
    const trusted = this.complete;
    const { held } = this.options;
    const place: EditPlace = {
      ...(held && { held }),
      offset: record.offset,
      length: record.fragments.reduce((sum, f) => sum + f.length, 0),
      inFile: ({ offset, length }) => fileRange(record.fragments, offset, length),
      report: ({ engine: complaint, pebble, rule, message, offset, length }) => {
        if (!trusted) return;
        // LevelDB's builder believes what edits say
        const engines = { rocksdb: complaint && `Corruption: ${complaint}`, leveldb: undefined, pebble };
        const engine = engines[this.options.dialect ?? 'rocksdb'];
        if (engine !== undefined) this.complete = false;
        this.report({
          rule,
          message,
          ...fileRange(record.fragments, offset, length),
          evidence: engine === undefined ? {} : { engine },
        });
      },
    };
    const compacts = trusted && this.options.dialect === 'leveldb';
    const family = this.state.version.columnFamilies.get(0);
    const taken = compacts ? takenFromLevel0(family, decoded.edit) : [];
    applyEdit(this.state, decoded.edit, place);
    this.count(decoded.edit);
    if (this.beyond !== undefined) return;
    for (const { table, taken: newer } of leftBehind(family, taken)) {
      this.report({
        rule: 'manifest/left-behind-table',
        offset: record.offset,
        length: record.end - record.offset,
        message: `takes table ${newer.number} from level 0 and leaves table ${table.number} there, which is older and has keys of the same range`,
        evidence: { table: String(table.number), taken: String(newer.number) },
      });
    }
    this.noteNumbers(decoded.edit, { offset: record.offset, length: record.end - record.offset });
    this.noteBegunWal(decoded.edit.logNumber);
    this.neededWal.take(decoded.edit);
    for (const file of decoded.edit.newFiles) {
      keepLast(this.lastTables, file.number, MAX_LAST_TABLES);
      if (file.largestSequence > this.reach) this.reach = file.largestSequence;
      this.mayHaveIngested ||= file.largestSequence > 0n && file.smallestSequence === file.largestSequence;
      this.noteBound(file.smallest, file.tag, record);
      this.noteBound(file.largest, file.tag, record);
    }
    if (this.complete) this.logicalEnd = record.end;
  }

  private applied(pending: readonly PendingEdit[]): void {
    if (!this.complete) return;
    const edits = pending.map(({ decoded }) => decoded.edit);
    this.options.onApplied?.(this.state.version, edits, pending.at(-1)!.record.end);
  }

  private noteBound(key: Uint8Array, tag: number, { offset, end }: ManifestRecord): void {
    const type = key[key.length - KEY_TRAILER];
    if (!this.boundTypes.has(type)) this.boundTypes.set(type, { tag, offset, length: end - offset });
  }

  private noteNumbers(edit: VersionEdit, range: Range): void {
    if (edit.logNumber !== undefined) {
      delete this.numbers.flushWithoutTable;
      if (this.lastRecord !== undefined && edit.newFiles.length === 0) this.numbers.flushWithoutTable = range;
    }
    this.lastRecord = range;
    for (const field of ['comparator', 'logNumber', 'lastSequence', 'nextFileNumber'] as const)
      if (edit[field] !== undefined) this.numbers[field] = range;
  }

  private noteBegunWal(number: bigint | undefined): void {
    if (number === undefined || number === 0n) return;
    keepLast(this.begunWals, number, MAX_BEGUN_WALS);
  }

  private report(anomaly: Anomaly): void {
    const engine = anomaly.evidence?.engine;
    if (this.error === undefined && typeof engine === 'string') this.error = engine;
    if (this.anomalies.length < MAX_ANOMALIES) this.anomalies.push(anomaly);
  }

  private openGroup(): (Range & { edits: number }) | undefined {
    const first = this.group[0];
    const last = this.group.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const { offset } = first.record;
    return { offset, length: last.record.end - offset, edits: this.group.length };
  }

  /** Counts the version where the edits may have brought it past the limit. */
  private count({ newFiles, blobFileAdditions, walAdditions }: VersionEdit): void {
    this.added += 1 + newFiles.length + blobFileAdditions.length + walAdditions.length;
    if (this.added <= this.countAt) return;
    this.added = partsOf(this.state.version);
    if (this.added > this.maxParts) {
      this.passLimit(
        `it names more than ${this.maxParts} tables, blob files, column families and WALs, which are not kept`,
      );
    }
    // counting costs as much as there is: not after each edit of a version that is nearly as large
    this.countAt = Math.max(this.maxParts, this.added + this.maxParts / 8);
  }

  private passLimit(reason: string): void {
    this.beyond ??= reason;
    this.complete = false;
    this.state.version = emptyVersion();
    this.dropGroup();
  }
}
