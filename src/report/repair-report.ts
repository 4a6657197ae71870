/** What a repair reports: plain data, part of the report (report.ts). */
import type { EvidenceValue, KeyBytes } from '../finding/evidence.js';
import type { RecoveryReport } from './recovery-report.js';

/** What a repair changes, why, and what it costs. */
export interface PlanReport {
  /** A recovery mode's name, or `salvage`. */
  strategy: string;
  /** Options of the command, beside it, that the plan depends on. */
  options?: string[];
  engineVersion: string;
  /** Directories outside the target that it writes to. */
  outside?: OutsideReport[];
  /** In the order in which they are carried out; none: nothing has to change. */
  steps: PlanStepReport[];
  loss: PlanStatement[];
  /** What the result holds although nothing proves that it was ever written so. */
  unproven?: PlanStatement[];
  /** Transactions that were prepared and that nothing decides. */
  undecided?: PlanStatement[];
  /** What a person should know before saying yes. */
  remarks: string[];
  /** What becomes of objects of the application, where the plan is about these. */
  objects?: { action: 'rebuild' | 'leave' | 'drop'; detail: string; facts: Record<string, EvidenceValue> }[];
  /** The files that the plan was made from. It refuses to run when one has changed. */
  inputs: { file: string; root?: string; size: number; sha256?: string }[];
  /** What each recovery mode would do with the result, from the new files put together in memory. */
  result?: RecoveryReport[];
}

/** One thing that a plan says, with its numbers and keys. */
export interface PlanStatement {
  file: string;
  root?: string;
  detail: string;
  facts: Record<string, EvidenceValue>;
}

/** A directory outside the target that a plan writes to: wal_dir, another db_path. */
export interface OutsideReport {
  directory: string;
  /** The option that names it. */
  option: '--wal-dir' | '--db-path';
  /** It was named on the command line; otherwise only the database's own files do so, and the plan is not carried out. */
  given: boolean;
  /** Other databases nearby whose files name it, too. Their locks are held as well. */
  owners: string[];
  /** The one of them that the target is a copy of: then the plan is not carried out either. */
  original?: string;
}

export interface PlanStepReport {
  action: 'write' | 'remove';
  /** Relative to the target, or to `root`. */
  file: string;
  root?: string;
  why: string;
  /** Bytes, before and after. */
  size: number;
  newSize?: number;
  /** Byte ranges of the old file that do not stay as they are. */
  changes: {
    kind: string;
    offset: number;
    length: number;
    detail: string;
    /** Bytes as they are and as they shall be, where these are few. */
    bytes?: { was: { value: KeyBytes }; becomes: { value: KeyBytes } };
  }[];
}

/** What came of a repair. */
export interface RepairReport {
  /**
   * `nothing-to-do`: the strategy finds nothing to change; `planned`: a dry run; `declined`: the answer was no; `repaired`;
   * `not-clean`: carried out, and the result still has errors; `refused`: nothing was changed.
   */
  state: 'nothing-to-do' | 'planned' | 'declined' | 'repaired' | 'not-clean' | 'refused';
  /** Why it was refused, and what to do then. */
  reason?: string;
  next?: string;
  /** What to type then. */
  command?: string;
  /** Somebody was asked, and saw the plan. */
  asked?: true;
  /** The repaired copy, and the directory that it is to stand in for; both absolute. */
  output?: string;
  original?: string;
  /** What was written belongs to whoever wrote it: it could not be given the owner and group of the original. */
  owner?: 'differs';
  /** The undo journal of a repair in place, and the command that undoes it. */
  journal?: string;
  undo?: string;
  /** An earlier repair that had been killed, and what became of it. */
  resumed?: { journal: string; outcome: 'finished' | 'discarded' | 'undone' };
  /** The directory before, where something was changed: counts of findings, and what the recovery modes would have done. */
  before?: { errors: number; warnings: number; recovery: RecoveryReport[] };
}
