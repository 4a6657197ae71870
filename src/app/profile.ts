import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import type { BatchOp } from '../format/batch/batch.js';
import type { View } from '../lsm/view.js';
import type { ProfileName } from './applications.js';
import type { ApplicationCompare } from './compare.js';
import type { LogKnowledge } from './log-knowledge.js';
import type { KeyRebuild } from './rebuild.js';
import type { RedisReplies } from './redis/replies.js';

/** What can be known of a database before its keys are read. */
export interface ProfileFacts {
  /** The directory, for instances that differ by its name and by the files beside it. */
  directory: string;
  columnFamilies: readonly { id: number; name: string; comparator?: string }[];
  /** The first visible keys of a column family, at most `count`. */
  sample(columnFamily: string, count: number): Promise<Uint8Array[]>;
  /**
   * Walks what a reader sees of a column family, from key `from` on, over what cannot be read, until `entry` returns false:
   * for what a profile must know before it can speak. The bytes are valid during the call only.
   */
  entries(
    columnFamily: string,
    entry: (key: Uint8Array, value: Uint8Array) => boolean,
    from?: Uint8Array,
  ): Promise<void>;
  /**
   * Another database of the same application, by its path relative to this one (`../raft`), as a reader would see it.
   * `undefined` where none opens. The caller closes it.
   */
  open(directory: string): Promise<View | undefined>;
  /** What is at a path relative to the database. */
  kindOf(path: string): Promise<'file' | 'directory' | 'special' | undefined>;
}

/** What one batch did, in the application's words, and how it breaks the application's own rules. */
export interface BatchWords {
  /** What is to be said of the batch as a whole, before its lines. */
  remarks?: string[];
  /** One line each: a Redis command, the changes of one region. */
  lines: string[];
  /** The same for programs: a record for each line, keys in it as `KeyBytes`, values as `{ value: KeyBytes }`. */
  data: Record<string, unknown>[];
  /** What each line is one of, where they can be counted: `LPUSH`. */
  kinds?: string[];
}

/** How an application builds a database again from what it keeps elsewhere, without a repair. */
export interface ElsewhereRebuild {
  /** From what it is built again, how far that reaches, and how far it was looked at. */
  detail: string;
  /** What to type once the server is stopped. Absent where moving the database away would lose something. */
  command?: string;
}

/**
 * What the bytes of one application mean. Every method takes any bytes: bytes that are not the application's give `undefined`
 * or are left out, nothing throws.
 */
export interface Profile {
  name: ProfileName;
  /** The name as its makers write it, with the instance where an application has several: `Restate log server`. */
  title: string;
  /** What else was recognised, for a person: `keys carry cluster slots`. */
  detail?: string;
  /** How its own server opens this database after a crash, and what cutting a torn log costs: said where recovery is shown. */
  recovery?: string;
  /** A key in a line: `hash user:1, field age`. */
  keyText(columnFamily: number, key: Uint8Array): string | undefined;
  valueText(columnFamily: number, key: Uint8Array, value: Uint8Array): string | undefined;
  batchWords(ops: readonly BatchOp[]): BatchWords | undefined;
  /** What keys from `smallest` to `largest` belong to, both included: regions, tables, keys. A line each. */
  rangeText?(columnFamily: number, smallest: Uint8Array, largest: Uint8Array): string[];
  /**
   * How the application rebuilds this database from data elsewhere. Shown before any repair that loses entries.
   * It reads the files beside the database, so it is called only where something is damaged.
   */
  rebuilding?(): Promise<ElsewhereRebuild | undefined>;
  /**
   * How many of the first operations of a torn batch may stand without the rest, as the work of whole commands. Absent where the
   * application does not tell.
   */
  wholeCommands?(ops: readonly BatchOp[]): number;
  /** How keys that break rules are made coherent. Absent where nothing is rebuilt. */
  rebuild?: KeyRebuild;
  /** How differences of two databases are told as differences of the application's keys. */
  compare?: ApplicationCompare;
  /** For applications that speak the Redis protocol: how it keeps what connections were told. */
  replies?: RedisReplies;
  /** Holds the visible contents against the application's own rules, in bounded memory for a view of any size. Absent: no rules are known. */
  check?(view: View, found: (finding: Finding) => void): Promise<void>;
  /** Holds the WALs against each other and against what is visible, where the application has rules about that. Reads all of them. */
  checkLogs?(database: Database, view: View, found: (finding: Finding) => void): Promise<void>;
}

/** Recognises one application's databases. `undefined` for others. */
export type DetectProfile = (facts: ProfileFacts) => Promise<Profile | undefined>;

/** A fault of an application's own code that leaves marks in batches. */
export interface BatchDefect {
  detail: string;
  seeAlso: string;
}

/** Everything that kvdoctor knows of one application. */
export interface Application {
  detect: DetectProfile;
  logs: LogKnowledge;
  /** The directories that make one instance whose data lie in `directory`, each to be looked at by itself; `undefined` for any other. */
  directories?(directory: string): Promise<string[] | undefined>;
  /** The known defect that the log data of one batch shows. */
  batchDefect?(logData: readonly string[]): BatchDefect | undefined;
}
