import type { Severity } from '../finding/finding.js';

/** What may be behind a message, in the order in which a list of them is read: the likelier first. */
export const causes = {
  rot: 'the medium gave back other bytes than were written',
  memory: 'bytes changed in memory or on a bus before they were written',
  torn: 'a crash cut a write short',
  truncated: 'the file was cut or copied in part',
  zeroed: 'a range was never written, or was zeroed',
  missing: 'a file was deleted',
  full: 'the disk was full',
  software: 'a fault of the program',
  configuration: 'another option, tool or version than the data wants',
  'two-processes': 'two processes worked on one directory',
} as const;

export type CauseCode = keyof typeof causes;

/** A message that is no symptom: incidents ask how far a server got. */
export type Milestone = Pick<Symptom, 'id' | 'pattern' | 'anchors'>;

/** A message that servers print, and what is known of it. */
export interface Symptom {
  id: string;
  /** Matched on one line, without regard to case. */
  pattern: RegExp;
  /** Lower-case text; every match of `pattern` holds at least one of them. What the log is searched for. */
  anchors: readonly string[];
  /** `error`: data is damaged or the store does not open; `warning`: look at it; `note`: harmless by itself. */
  severity: Severity;
  /** Symptoms that say the same in general: they are left out on a line that this one matches. */
  refines?: readonly string[];
  /** It says that something is damaged, not what: left out on a line that shows anything else, and damage all the same. */
  unknown?: true;
  /** What the message says, in other words. */
  meaning: string;
  /** Where on disk to look. */
  look: string;
  causes: readonly CauseCode[];
  /** How to tell the causes apart, or what to do. */
  action: string;
  /** Commands to type. `{dir}` is the database directory, `{file}` a file in it that the line names. */
  next: readonly string[];
  /** Rules of a scan that would confirm it, as whole ids or as areas (`wal`). */
  rules?: readonly string[];
  references: readonly string[];
}
