import type { RuleId } from './catalog.js';
import type { EvidenceValue } from './evidence.js';

/** The severities, worst first. */
export const severities = ['error', 'warning', 'note'] as const;

/**
 * What a finding costs: `error`, the engine in the database's own recovery mode refuses to open, loses or misreads
 * acknowledged data; `warning`, damaged or suspicious without such a loss; `note`, worth knowing.
 */
export type Severity = (typeof severities)[number];

/** A range of bytes in one space: a file, a reassembled log record or a decompressed block. */
export interface Range {
  /** First byte, counted from the start of the space. */
  offset: number;
  /** Bytes in the range. 0 marks a position, such as the place where bytes are missing. */
  length: number;
}

/** How sure kvdoctor is of a cause. Only what the bytes themselves settle is `proven`. */
export type Certainty = 'proven' | 'likely' | 'possible';

/** Why bytes are wrong. */
export interface Cause {
  kind: string;
  certainty: Certainty;
  /** One sentence for a person. */
  detail: string;
  /** What makes it so sure: "CRC syndrome; the batch decodes when it is flipped back". */
  basis?: string;
  /** The exact bits to flip back, file offset and bit 0–7 (0 = least significant), where they are known. */
  changes?: { offset: number; bit: number }[];
  /** Ranges of the file that were put into it: without them it is as it was. */
  removes?: Range[];
  /** Two files of the directory that hold each other's content: under each other's names they are as they were. */
  exchange?: [string, string];
  /** What was done to the ends of lines; `exceptions`, file offsets of LFs: see diagnose/line-endings.ts. */
  lineEndings?: { change: 'lf-to-crlf' | 'crlf-to-lf'; exceptions: number[] };
  /**
   * The changes give back the very bytes that were there, beyond doubt, also where it is in doubt what changed them. These
   * are what a repair may write back.
   */
  restores?: boolean;
}

/** What the damage costs, in the terms of the store: sequences, operations, column families, key ranges. */
export type Impact = Record<string, EvidenceValue>;

/**
 * One statement about one place: a rule broken, or a fact worth knowing.
 * `file` is relative to the scanned target; `offset` and `length` are bytes of that file, the damaged record or block and
 * not more, and are absent when the file itself is (missing file).
 */
export interface Finding {
  rule: RuleId;
  severity: Severity;
  file: string;
  /** The directory that `file` is relative to, when it is outside the target (wal_dir, another db_path). */
  root?: string;
  /** The name's raw bytes where it is not valid UTF-8. */
  pathBase64?: string;
  offset?: number;
  length?: number;
  /** One sentence, without the offset and the rule's name. */
  message: string;
  evidence: Record<string, EvidenceValue>;
  cause?: Cause;
  impact?: Impact;
  /** A command to type next. */
  next?: string;
  /** The report that was given as a baseline has it already: it does not fail. */
  known?: true;
}

/**
 * What a decoder could not accept. Decoders do not throw on input (bad bytes are data): they return what they could read
 * and anomalies. A check turns an anomaly into a finding once it knows whose bytes they are.
 */
export interface Anomaly extends Range {
  rule: RuleId;
  message: string;
  evidence?: Record<string, EvidenceValue>;
}
