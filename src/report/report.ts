/**
 * The report, version 1: what a scan found, as plain data. Every output renders this one object, and `--format json` is it,
 * word for word, but for bigints (decimal strings) and byte arrays (base64). Fields may be added in later versions, none is
 * removed or changes its meaning; report.schema.json at the root of the package says the same in JSON Schema.
 *
 * The scan fills it in, so this file holds types only and stands below the scan; the renderers beside it stand above.
 */
import type { Depth, Unchecked, UnitFacts } from '../check/unit.js';
import type { Finding } from '../finding/finding.js';
import type { WalRecoveryMode } from '../format/database-options.js';
import type {
  OpeningReport,
  RecommendationReport,
  RecoveryReport,
  RepairDbReport,
} from './recovery-report.js';
import type { PlanReport, RepairReport } from './repair-report.js';

export type * from './recovery-report.js';
export type * from './repair-report.js';

/** `damaged`: any error. `incomplete`: no error, but not everything could be checked. */
export type Verdict = 'clean' | 'damaged' | 'incomplete';

/** `unfinished`: remains of a backup that the engine does not know, without a meta file. */
export type BackupVerdict = Verdict | 'unfinished';

export interface Report {
  /** The version of the report's shape, not of the tool. */
  schemaVersion: 1;
  tool: { name: 'kvdoctor'; version: string };
  verdict: Verdict;
  summary: Summary;
  /** Where it was made, and by what command; absent where a program made it. */
  run?: RunReport;
  targets: TargetReport[];
}

export interface RunReport {
  host: string;
  /** The working directory. */
  directory: string;
  command: string;
}

/** Totals over all targets. */
export interface Summary {
  targets: number;
  /** Files seen and their bytes. */
  files: number;
  bytes: number;
  /** Bytes read by the checks. */
  bytesRead: number;
  errors: number;
  warnings: number;
  notes: number;
  /** Files or ranges that could not be checked. */
  unchecked: number;
  /** Unchanged files that an earlier report vouches for and their bytes, with --since. */
  trusted?: { files: number; bytes: number; oldest: string };
  /** Findings that an earlier report had already, with --baseline; they do not fail. */
  known?: number;
  /** Files that a sample left out and their bytes, with --sample. */
  skipped?: { files: number; bytes: number };
  depth: Depth;
  /** ISO 8601, UTC. */
  startedAt: string;
  milliseconds: number;
  /** True when Ctrl-C ended the scan early: the report holds what was known by then, and is not complete. */
  interrupted?: boolean;
}

export type TargetKind = 'database' | 'backup' | 'checkpoint' | 'file';

/** RocksDB's four WAL recovery modes by their names on the command line. */
export type RecoveryModeName = WalRecoveryMode;

/** The engine that the files belong to, and the release that the verdict is about. */
export interface EngineReport {
  name: 'rocksdb' | 'leveldb' | 'pebble' | 'raft-engine' | 'unknown';
  version?: string;
  /** What says so: `tables`, the newest release that reads them; `default`, nothing, so the newest that kvdoctor knows. */
  versionBy?: 'caller' | 'options' | 'info-log' | 'tables' | 'default';
  /** The file that tells. */
  versionFrom?: string;
}

/** What sits on top of the engine: Kvrocks, TiKV, Restate. */
export interface ApplicationReport {
  name: string;
  version?: string;
  /** What `--profile` calls it. */
  profile?: string;
  /** Its contents were held against its own rules, with --application. */
  checked?: true;
  detail?: string;
  /** How its own server opens this database after a crash, and what cutting a torn log costs. */
  recovery?: string;
  /** Where something is damaged that the application builds again from elsewhere: before any repair that loses entries. */
  rebuild?: {
    detail: string;
    /** What to type once the server is stopped; absent where that would lose something. */
    command?: string;
  };
}

/** The settings in the OPTIONS file that matter for damage and recovery. */
export interface OptionsReport {
  /** The OPTIONS file read, relative to the target. Absent: none, and the engine's defaults are assumed. */
  file?: string;
  /** The mode that decides severities. `point-in-time` (RocksDB's default) where OPTIONS does not say. */
  walRecoveryMode: RecoveryModeName;
  walDir?: string;
  dbPaths?: string[];
  recycleLogFiles?: boolean;
  walCompression?: string;
  trackWalsInManifest?: boolean;
  trackWalsByPredecessor?: boolean;
  manualWalFlush?: boolean;
}

export interface ColumnFamilyReport {
  id: number;
  name: string;
  comparator: string;
  mergeOperator?: string;
  /** WALs below it are fully flushed for this column family. Decimal. */
  logNumber?: string;
  /** Live tables and their bytes, live blob files and theirs. */
  tables?: number;
  tableBytes?: number;
  blobFiles?: number;
  blobBytes?: number;
}

export type FileKind =
  | 'wal'
  | 'table'
  | 'blob'
  | 'manifest'
  | 'current'
  | 'identity'
  | 'options'
  | 'log'
  | 'lock'
  | 'backup-meta'
  | 'temporary'
  | 'directory'
  | 'other';

/**
 * What the scan has to say of one file: `clean`, checked and fine; `damaged`, at least one error; `suspicious`, warnings
 * only; `missing`, named by metadata and not there; `unchecked`, could not be checked (in part or whole); `ignored`, holds
 * nothing to check (LOG, LOCK, files that are not the engine's); `trusted`, unchanged since an earlier report found it clean, and
 * not read again; `skipped`, left out of a sample.
 */
export type FileStatus =
  | 'clean'
  | 'damaged'
  | 'suspicious'
  | 'missing'
  | 'unchecked'
  | 'ignored'
  | 'trusted'
  | 'skipped';

/** Whether the engine would read it: `live`; `obsolete`, left over; `archived`, a WAL kept for replication. */
export type FileUse = 'live' | 'obsolete' | 'archived';

export interface FileReport {
  /** Relative to the target, or to `root` where that is given. */
  path: string;
  root?: string;
  pathBase64?: string;
  kind: FileKind;
  /** Bytes; 0 for a missing file. */
  size: number;
  /** When its content last changed, ISO 8601. */
  modified?: string;
  /** When its content was last read, ISO 8601, where that was before this scan. */
  checkedAt?: string;
  status: FileStatus;
  use?: FileUse;
  columnFamily?: string;
  level?: number;
  /** Records of a WAL, entries of a table, records of a blob file, edits of a MANIFEST. */
  entries?: number;
  /** First and last sequence number, decimal. */
  sequences?: { first: string; last: string };
}

/** A finding that the configuration sets aside. */
export interface SuppressedFinding extends Finding {
  suppressed: { reason: string; expires?: string };
}

/** What a shard's report says of itself. */
export interface ShardReport {
  /** From 1 to `count`. */
  index: number;
  count: number;
  /** Bytes that are this shard's to read, and that are all shards' together. */
  bytes: number;
  totalBytes: number;
  /** Tells shards of one state of the directory from those of another. */
  plan: string;
  /** The directory's metadata, for `kvdoctor merge` of the same version (devalue). */
  metadata: string;
  /** What the engine does with the whole directory; only in the first shard, for the merge. */
  opening?: OpeningReport;
}

/** What one file, or piece of a large one, came to; only in the report of a shard. */
export interface UnitReport {
  kind: UnitFacts['kind'];
  file: string;
  root?: string;
  /** Findings before cross checks, facts, and what was not checked, for `kvdoctor merge` of the same version (devalue). */
  outcome: string;
}

/** One backup of a BackupEngine directory. Findings that it suffers from have its id in `evidence.backups`. */
export interface BackupReport {
  id: number;
  /** Unix time in seconds, from the meta file. */
  timestamp?: number;
  /** The database's sequence number when the backup was made, about. Decimal. */
  sequence?: string;
  verdict: BackupVerdict;
  /** Files that the backup lists, shared ones too, and their bytes on disk. */
  files: number;
  size: number;
}

/** One database, backup directory, checkpoint or single file. */
/** A state that the files can still give: `--state` takes it by its number. */
export interface StateReport {
  number: number;
  /** CURRENT leads to it as the files are. */
  current?: true;
  /** Nothing contradicts that the database once was in this state. */
  coherent: boolean;
  lastSequence: string;
  /** Entries in tables and operations in WALs; versions of one key count each. */
  columnFamilies: { id: number; name: string; entries: number }[];
  /** Of what CURRENT leads to: sequences that WALs held which are gone, and that nothing else holds. */
  gone?: { from: string; to: string }[];
  /** Where it comes from and what it lacks, in a sentence. */
  detail: string;
}

export interface TargetReport {
  /** As given on the command line. */
  path: string;
  pathBase64?: string;
  kind: TargetKind;
  engine: EngineReport;
  application?: ApplicationReport;
  options: OptionsReport;
  columnFamilies: ColumnFamilyReport[];
  /** Databases in subdirectories, where this directory is not a database: their paths relative to it. */
  holds?: string[];
  /** It is an archive, in which the database lies in this directory; '' at its top. */
  archive?: { format: 'tar' | 'zip'; compression: 'none' | 'gzip' | 'zstd'; root: string };
  /** Of a backup directory: its backups, oldest first. */
  backups?: BackupReport[];
  /** Of a backup directory: ids of the backups that the engine restores whole, oldest first, of those that were looked at. */
  restorable?: number[];
  files: FileReport[];
  findings: Finding[];
  /** Findings that the configuration sets aside; they do not count. */
  suppressed?: SuppressedFinding[];
  unchecked: Unchecked[];
  /** Bytes read by the checks. */
  bytesRead: number;
  /** Of a target in a bucket: requests to the object store, and the bytes of objects that it sent. */
  transfer?: { requests: number; bytes: number };
  /** Options of the command that say where the files lie and which engine reads them; a further command needs them, too. */
  given?: string[];
  /** The process that holds LOCK while the scan runs, where it can be known. */
  owner?: { pid: number; command?: string };
  /** Which part of the work this is; only in the report of a shard. */
  shard?: ShardReport;
  /** What cross checks need after a merge of shards; only in the report of a shard. */
  units?: UnitReport[];
  /** WALs that recovery needs, that held writes and that are gone or cut short, though the engine opens silently. */
  goneWals?: string[];
  /** The states that the files can give, where they are not of one moment or something is missing; best first, as a repair numbers them. */
  states?: StateReport[];
  /** Which of them `recovery` is about; absent: what CURRENT leads to. */
  state?: number;
  /** Why the engine must not open it as it is: it would delete tables that are here. Of Pebble, in a scan. */
  doNotOpen?: string;
  /** What the engine does with it in its own mode, where something is damaged. */
  opening?: OpeningReport;
  recovery?: RecoveryReport[];
  recommendation?: RecommendationReport;
  /** What RepairDB would leave, as a warning against it; of LevelDB alone. */
  repairDb?: RepairDbReport;
  /** What a repair does or would do, and what came of it. */
  plan?: PlanReport;
  repair?: RepairReport;
}
