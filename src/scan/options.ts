import type { ProfileChoice } from '../app/profile-choice.js';
import type { StoreSettings } from '../bytes/source.js';
import type { Depth } from '../check/unit.js';
import type { Finding } from '../finding/finding.js';
import type { Replacement } from '../io/inventory.js';
import type { Earlier } from './select.js';
import type { Shard } from './shards/shard.js';

export interface ScanOptions {
  /** How the object store of a target in a bucket is asked. */
  store?: StoreSettings;
  /** Default `full`. */
  depth?: Depth;
  /** Threads at most. Default: one per core. */
  jobs?: number;
  /** What the target is, where the path does not tell. No process writes to a backup or checkpoint. */
  kind?: 'database' | 'backup' | 'checkpoint';
  /** db_paths in their order, where LOG does not tell. */
  dbPaths?: readonly string[];
  /** Directory of the WALs, over what OPTIONS says. */
  walDir?: string;
  /** Decides version-dependent behaviour. Default: what OPTIONS states, else LOG, else the newest that reads the tables. */
  engineVersion?: string;
  /** Contents that replace files of the directory, so that a repair can be checked before it is made. */
  instead?: readonly Replacement[];
  /** Of a backup directory only these backups. Default: all. */
  backups?: readonly number[];
  /** Check only this part, and put into the report what a merge needs. */
  shard?: Shard;
  /** Say as well what each recovery mode would do, where the MANIFEST can be read. */
  recovery?: boolean;
  /** Where something is damaged: say what the engine does with it in the database's own mode. */
  opening?: boolean;
  /** The application whose bytes these are, or that none is to be looked for. Default: it is recognised. */
  profile?: ProfileChoice;
  /** Hold the contents against the rules of the application too: reads all that readers see. */
  application?: boolean;
  /** What an earlier scan has found: unchanged tables and blob files that were clean are not read again. */
  since?: Earlier;
  /** Milliseconds after which no further file is begun; files that were checked least recently come first. */
  budget?: number;
  /** Read this share of the tables and blob files, 0 to 1, chosen at random. */
  sample?: number;
  /** Bytes a second to read at most, over all threads. */
  maxRead?: number;
}

export interface ScanHooks {
  /**
   * A finding the moment its file has been read, with the severity that is known so far. Findings that need several
   * files come in the report only.
   */
  onFinding?(finding: Finding): void;
  /** Bytes read so far, and bytes to read that are known so far. */
  onProgress?(progress: { done: number; total: number }): void;
  /** Ends the scan early with what is known. */
  signal?: AbortSignal;
}
