import type { SourceDescriptor } from '../bytes/source.js';
import type { UnitResult } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import type { OpeningReport, TargetReport } from '../report/report.js';
import type { BackupScene } from './backup/conclude.js';
import type { PlannedUnit } from './plan.js';
import type { FileOutcome } from './run.js';

/** What a target is once its metadata has been read: a database, backups, one file. A scan runs and concludes all alike. */
export interface Subject {
  /** What the metadata says. `conclude` adds the rest. */
  report: TargetReport;
  units: PlannedUnit[];
  /** Looks at the contents too where that is asked for. */
  checksContents: boolean;
  /** Findings of a unit. Their severity is preliminary until all files have been read. */
  judged(unit: PlannedUnit, findings: readonly Finding[]): Finding[];
  /** Adds to a unit's findings what they are about in the application's words. */
  say?(unit: PlannedUnit, result: UnitResult, source: SourceDescriptor): Promise<void>;
  /** The report, from what all units came to. */
  conclude(outcomes: readonly FileOutcome[]): Promise<TargetReport>;
  /** Absent for what is not cut into shards. */
  shards?: {
    /** Adds to the report of one shard what its files came to. `first`: it also checks what no unit reads. */
    complete(report: TargetReport, files: readonly FileOutcome[], first: boolean): Promise<void>;
    /** The metadata, as plain data that a merge can use without the files. */
    metadata(): Promise<Database | BackupScene>;
    /** What the engine does with it, where that can be told: a merge has no files to ask. */
    opening?(): Promise<OpeningReport | undefined>;
  };
}
