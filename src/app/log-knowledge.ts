import type { Certainty, Finding, Severity } from '../finding/finding.js';
import type { ElsewhereRebuild } from './profile.js';

/** What may be after a message, in the order in which a list of them is read: the likelier first. */
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

type CauseCode = keyof typeof causes;

/** A message that shows how far a server got. It is not a symptom. */
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

/** A program that shows itself in a log. */
export interface Program {
  name: string;
  /** The first group is the version. */
  pattern: RegExp;
  anchors: readonly string[];
}

/** A place in a log. */
export interface LogPlace {
  /** Counted from 1. */
  line: number;
  /** Byte offset of the line. */
  offset: number;
  /** The line, at most 500 characters of it. */
  text: string;
}

/** A symptom and where the log shows it. */
export interface Sighting {
  symptom: Symptom;
  /** Lines that show it. */
  count: number;
  first: LogPlace;
  last: LogPlace;
  /** Database files that those lines name, eight at most. */
  files: string[];
}

/** What a log shows. */
export interface LogReading {
  /** Sightings by the id of their symptom. */
  seen: ReadonlyMap<string, Sighting>;
  /** Programs that show themselves, with the version that the log names last. */
  versions: ReadonlyMap<string, string | undefined>;
  /** The last line of each milestone. */
  reached: ReadonlyMap<string, number>;
}

/** A known incident: what several symptoms, or one with the program that shows it, add up to. */
export interface Incident {
  id: string;
  title: string;
  certainty: Certainty;
  /** What in the log speaks for it. */
  basis: string;
  /** What really happened there, and what to do. */
  detail: string;
  next: readonly string[];
  references: readonly string[];
}

/** What a scan of the database tells of it, made with its recovery modes and its contents. */
export interface ScanResult {
  findings: readonly Finding[];
  application?: { checked?: boolean; rebuild?: ElsewhereRebuild };
  recovery?: readonly {
    mode: string;
    opens: boolean;
    error?: string;
    lost: { records?: number; damagedBytes?: number };
  }[];
}

/** Whether the files of a database bear a known incident out. */
export interface Verified {
  verdict: 'borne-out' | 'contradicted' | 'open';
  /** One sentence for a person. */
  detail: string;
}

/** How an incident is recognised in a log, and how a scan bears it out. */
export interface KnownIncident {
  id: string;
  recognize(log: LogReading): Incident | undefined;
  verify(scan: ScanResult): Verified;
}

/** What the logs of one application's servers say. */
export interface LogKnowledge {
  program: Program;
  symptoms: readonly Symptom[];
  milestones?: readonly Milestone[];
  incidents?: readonly KnownIncident[];
}

export const bornOut = (detail: string): Verified => ({ verdict: 'borne-out', detail });
export const contradicted = (detail: string): Verified => ({ verdict: 'contradicted', detail });
export const undecided = (detail: string): Verified => ({ verdict: 'open', detail });

export const errorsOf = ({ findings }: ScanResult) => findings.filter(({ severity }) => severity === 'error');
/** A finding in a sentence. */
export const findingName = ({ rule, file }: Finding) => (file === '.' ? rule : `${rule} in ${file}`);

/** The first of these symptoms that the log shows. */
export function firstSeen({ seen }: LogReading, ids: readonly string[]): Sighting | undefined {
  for (const id of ids) {
    const sighting = seen.get(id);
    if (sighting !== undefined) return sighting;
  }
  return undefined;
}

/** Whether version `a` comes before version `b`; both as `2.12.1`. */
export function isBefore(a: string, b: string): boolean {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
