import { type RuleId, ruleOf } from '../../finding/catalog.js';
import type { Anomaly, Finding, Severity } from '../../finding/finding.js';
import type { TableContext, Unchecked } from '../unit.js';

/** Findings kept of one unit; a table of noise would give one for each of a million blocks. */
const MOST_FINDINGS = 1000;

/** True when no column family depends on the table. */
function isOrphan(context: TableContext): boolean {
  return context.orphan === true;
}

/** Collects what a check says of one table. */
export class TableReport {
  readonly findings: Finding[] = [];
  readonly unchecked: Unchecked[] = [];
  errors = 0;
  private dropped = 0;
  private readonly orphan: boolean;

  constructor(readonly context: TableContext) {
    this.orphan = isOrphan(context);
  }

  /** Turns an anomaly into a finding: its rule's severity, or a note where nothing depends on the file. */
  add(anomaly: Anomaly, severity?: Severity): void {
    const { rule, offset, length, message, evidence = {} } = anomaly;
    const level = this.severity(rule, severity);
    if (level === 'error') this.errors++;
    if (this.findings.length >= MOST_FINDINGS) {
      this.dropped++;
      return;
    }
    const { file } = this.context;
    this.findings.push({ rule, severity: level, file, offset, length, message: sentence(message), evidence });
  }

  addAll(anomalies: readonly Anomaly[]): void {
    for (const anomaly of anomalies) this.add(anomaly);
  }

  /** Notes what could not be looked at. */
  skip(reason: string, offset?: number, length?: number): void {
    const { file } = this.context;
    // nothing depends on the file, so nothing is left open by not reading it
    if (this.orphan) return;
    const last = this.unchecked.at(-1);
    // the blocks of a table that cannot be decoded are one thing to say
    if (last !== undefined && last.reason === reason && offset !== undefined) {
      if (last.offset !== undefined && last.offset + (last.length ?? 0) === offset) {
        last.length = (last.length ?? 0) + (length ?? 0);
        return;
      }
    }
    this.unchecked.push({ file, reason, ...(offset === undefined ? {} : { offset, length }) });
  }

  /** To be called once, last. */
  finish(): void {
    const last = this.findings.at(-1);
    if (this.dropped === 0 || last === undefined) return;
    last.evidence = { ...last.evidence, findingsNotShown: this.dropped };
    last.message += `; ${this.dropped} more findings in this file are not shown`;
  }

  private severity(rule: RuleId, severity?: Severity): Severity {
    if (this.orphan) return 'note';
    return severity ?? ruleOf(rule).severity;
  }
}

/** Messages of decoders begin in lower case where they are put together from parts. */
function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
