import type { Depth } from '../check/unit.js';
import type { Replacement } from '../io/inventory.js';

export interface ScanOptions {
  /** Default `full`. */
  depth?: Depth;
  /** Threads at most. Default: one per core. */
  jobs?: number;
  /** What the target is, where the path does not tell. In a backup or checkpoint nobody was writing. */
  kind?: 'database' | 'backup' | 'checkpoint';
  /** db_paths in their order, where LOG does not tell. */
  dbPaths?: readonly string[];
  /** Directory of the WALs, over what OPTIONS says. */
  walDir?: string;
  /** Decides version-dependent behaviour. Default: what OPTIONS says. */
  engineVersion?: string;
  /** Of a backup directory only these backups. Default: all. */
  backups?: readonly number[];
  /** Files to see in place of what lies there, so that a repair can be looked at before it is made. */
  instead?: readonly Replacement[];
}

export interface ScanHooks {
  /** Bytes read so far and bytes to read, as far as they are known. */
  onProgress?(progress: { done: number; total: number }): void;
  /** Ends the scan early with what is known. */
  signal?: AbortSignal;
}
