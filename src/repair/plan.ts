import type { SourceRange } from '../bytes/source.js';
import type { EvidenceValue, KeyBytes } from '../finding/evidence.js';

/**
 * A repair, said in full before anything is written: which files change, from what to what, why, and what is lost.
 * A plan is plain data (JSON with bytes as base64) and is bound to the bytes that it was made from.
 */
export interface RepairPlan {
  schemaVersion: 1;
  /** The directory, absolute. */
  target: string;
  /** `point-in-time`, `salvage`, `heal` and so on: what was asked for. */
  strategy: string;
  /** The engine version whose behaviour the plan follows. */
  engineVersion: string;
  /** Every file that the plan read its decisions from. It refuses to run when one has changed. */
  inputs: FileState[];
  /** Every database file that was there when the plan was made, by `placeKey`. It refuses to run when there are more. */
  listing?: string[];
  /** In the order in which they are carried out. Empty: nothing has to change. */
  steps: RepairStep[];
  /** What the result no longer holds that the files still held; empty when nothing is lost. */
  loss: LossStatement[];
  /** What the result holds although nothing proves that it was ever written so. */
  unproven?: LossStatement[];
  /** Transactions that were prepared and that nothing decides. */
  undecided?: LossStatement[];
  /** What a person should know before saying yes: accepted holes, choices made, what was not proven. */
  remarks: string[];
  /** What becomes of objects of the application, where a plan is about these. */
  objects?: ObjectChange[];
}

/** What becomes of one object of the application: a Redis key. */
export interface ObjectChange {
  action: 'rebuild' | 'leave' | 'drop';
  /** One sentence, without keys and values. */
  detail: string;
  /** Which object it is, and what is counted. */
  facts: Record<string, EvidenceValue>;
}

/** A file and its content, by size and SHA-256. `undefined` hash: the file does not exist. */
export interface FileState {
  /** Relative to the target, or to `root` where that is given. */
  path: string;
  /** Absolute, for files outside the target (wal_dir, another db_path). */
  root?: string;
  size: number;
  /** Lower-case hex. */
  sha256?: string;
  /** What the medium did not give back; the hash has `FILLER` there. */
  unreadable?: SourceRange[];
}

/** A piece of a new file: bytes of a file as it is now, or bytes that the plan brings. */
export type Segment =
  | { from: 'file'; path: string; root?: string; offset: number; length: number }
  | { from: 'plan'; bytes: Uint8Array };

/** One file's change. Each is carried out by one rename or one unlink, so it is done or not done, never half. */
export type RepairStep = {
  path: string;
  root?: string;
  /** One sentence: why. */
  why: string;
  /** Byte ranges of the old file that the new one does not carry over, for the plan's text. */
  changes: ByteChange[];
} & ({ action: 'remove' } | { action: 'write'; content: Segment[] });

/** What happens to a range of bytes. */
export interface ByteChange {
  kind: 'cut' | 'rewrite' | 'insert' | 'remove-file' | 'create-file';
  /** In the old file; for an insertion, where it goes. */
  offset: number;
  length: number;
  detail: string;
  /** Bytes as they are and as they shall be, where these are few. They may be of keys and values. */
  bytes?: { was: { value: KeyBytes }; becomes: { value: KeyBytes } };
}

/** One thing that is lost or given up, countable where it can be counted. */
export interface LossStatement {
  file: string;
  root?: string;
  detail: string;
  facts: Record<string, EvidenceValue>;
}
