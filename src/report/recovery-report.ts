/** What a simulation reports: plain data, part of the report (report.ts). */
import type { EvidenceValue, KeyBytes } from '../finding/evidence.js';
import type { Finding } from '../finding/finding.js';
import type { RaftRecoveryMode, RecoveryMode } from '../recovery/mode.js';

/** What opening the database in one recovery mode would do. */
export interface RecoveryReport {
  mode: RecoveryMode | RaftRecoveryMode | 'salvage';
  /** The mode that the database's own OPTIONS file asks for. */
  own?: true;
  opens: boolean;
  /**
   * It opens and loses nothing that was acknowledged: at most the torn end of the newest WAL of a killed process. Where tables
   * were read (`simulate`), all of them can be.
   */
  harmless: boolean;
  /** The engine's own words when it refuses. */
  error?: string;
  /** What the refusal is about: `checksum`, `wrong-count`, `missing-file`, `inconsistency` and so on. */
  errorKind?: string;
  /** Relative to the target. */
  errorFile?: string;
  lastSequence?: string;
  /** An earlier mode of the list that leaves the same data. */
  sameAs?: RecoveryMode;
  /** Empty when it does not open: then nothing changes, and nothing is lost. */
  lost: Partial<LossReport>;
  /** Pebble, of a mode that opens: files that the open deletes, relative to the target. */
  deletes?: string[];
  /** What becomes of each WAL that recovery looks at. */
  wals?: RecoveredWalReport[];
  /** Of a mode that opens: what of the tables and blob files no reader gets. */
  unreadable?: UnreadableReport;
  /** It opens and then fails, unless avoid_flush_during_recovery is set: the flush at its end meets this value. */
  flushFails?: string;
  /** With --application, of a mode that opens: whether what remains keeps the application's own rules. */
  contents?: ContentsReport;
  /** With --digest, of a mode that opens. */
  columnFamilies?: DigestReport[];
  /** Of `salvage`: operations that it keeps although nothing proves them. */
  unproven?: number;
  /** Of `salvage`: what it accepts. */
  remarks?: string[];
}

/** What of live tables and blob files cannot be read. */
export interface UnreadableReport {
  /** Entries of tables and values of blob files that can be counted. */
  entries: number;
  /** Files among them whose loss is unknown. */
  uncounted?: number;
  files: UnreadableFile[];
}

export interface UnreadableFile {
  /** Relative to the target. */
  file: string;
  columnFamily?: string;
  /** Absent where it cannot be told. 0: its entries can be read, and something else about it is wrong. */
  entries?: number;
  reason: string;
  /** The rule that `reason` is a finding of. */
  rule?: Finding['rule'];
}

/** The way out to try first. */
/** What the engine does with the files as they are, in the mode that the database's options ask for. */
export interface OpeningReport {
  mode: RecoveryReport['mode'];
  opens: boolean;
  /** The engine's own words, where it refuses, and the file that it is about. */
  error?: string;
  errorFile?: string;
  /** What it gives up of the WALs, where it opens. */
  lost?: { records: number; operations: number };
}

export interface RecommendationReport {
  /** Absent where nothing is to be done. */
  command?: string;
  reason: string;
  /** What it gives up, in the application's words. */
  lost?: LostCommandsReport;
}

/** Operations that WALs still hold and that a mode does not apply. Only what decodes. */
export interface LossReport {
  /** Log records not applied, or not wholly. */
  records: number;
  operations: number;
  firstSequence?: string;
  lastSequence?: string;
  columnFamilies: { id: number; name: string; operations: number; firstKey?: KeyBytes; lastKey?: KeyBytes }[];
  /** Commits of transactions, which stay undecided. */
  commits: number;
  /** Records that stop decoding, counted up to there. */
  undecodable: number;
  /** Bytes that hold no whole record. */
  damagedBytes: number;
  /** Of the newest WAL's last record, which was not written to its end: nothing that was acknowledged. */
  tornBytes: number;
  /** What that was to the application, where it is known. */
  commands?: LostCommandsReport;
}

/** Lost batches in the application's words. */
export interface LostCommandsReport {
  count: number;
  /** How many of each kind, most first. */
  kinds?: { kind: string; count: number }[];
  /** The first ones. `text` is the command as a person would type it. */
  first: { [name: string]: EvidenceValue }[];
  /** Batches among them whose checksum does not match: only what decodes is shown. */
  damagedBatches?: number;
  /** Batches that were only counted. */
  batchesLeftOut?: number;
}

/** What an application's checks said of a database's contents. */
export interface ContentsReport {
  /** No error and no warning, and nothing that could not be read. */
  coherent: boolean;
  /** Entries could not be read: what is said is of the rest. */
  incomplete?: true;
  errors: number;
  warnings: number;
  notes: number;
  /** The first errors and warnings. */
  findings: Finding[];
}

export interface RecoveredWalReport {
  /** Relative to the target. */
  file: string;
  /**
   * `applied` to its end as the mode sees it, `stopped` in the middle, `dropped` because recovery had stopped before,
   * `refused`: the open failed in it, `unread`: it failed before.
   */
  state: 'not-needed' | 'applied' | 'stopped' | 'dropped' | 'refused' | 'unread';
  /** Applied. */
  records: number;
  operations: number;
  /** Offset of the record that ended it early, and why. */
  stoppedAt?: number;
  reason?: string;
}

/** The content of a column family in two numbers, to compare copies by. */
export interface DigestReport {
  name: string;
  /** Visible entries. */
  entries: number;
  /** FNV-1a 64 over key, 0x00, value, 0x01 of each entry in order. */
  fnv1a64: string;
  /** Entries with operands of a merge operator that is the application's own: hashed unmerged. */
  unmerged?: number;
  /** Older versions among the entries that an iterator of Pebble shows as keys of their own: keys that come up twice. */
  shownAgain?: number;
  /** Damage at which reading ended; the numbers are of what comes before. */
  problem?: { file: string; message: string };
}

/** What LevelDB's RepairDB would leave, held against what `repair --strategy auto` keeps. */
export interface RepairDbReport {
  /** That an iterator would show after it. */
  entries: number;
  /** That `repair --strategy auto` keeps. */
  kept: number;
  /** Of these: not there, and there with another value. */
  lost: number;
  changed: number;
  /** That `repair --strategy auto` does not show: deleted before, or never written. */
  added: number;
}
