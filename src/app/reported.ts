import { type RuleId, ruleOf } from '../finding/catalog.js';
import type { Finding } from '../finding/finding.js';
import { findingAt, HERE } from '../finding/finding-at.js';

/** Findings of one rule that are told one by one. */
const LISTED = 50;

type About = Pick<Finding, 'message'> & Partial<Pick<Finding, 'evidence' | 'severity' | 'impact'>>;

/** Passes findings on, of each rule and severity the first ones, and in the end how many more there are. */
export class Reported {
  private readonly counts = new Map<string, { about: About; rule: RuleId; count: number }>();

  constructor(private readonly found: (finding: Finding) => void) {}

  report(rule: RuleId, about: About): void {
    const severity = about.severity ?? ruleOf(rule).severity;
    const key = `${severity} ${rule}`;
    const known = this.counts.get(key) ?? { about, rule, count: 0 };
    known.count++;
    known.about = about;
    this.counts.set(key, known);
    if (known.count <= LISTED) this.found(findingAt(HERE, rule, about));
  }

  finish(): void {
    for (const { rule, about, count } of this.counts.values()) {
      if (count <= LISTED) continue;
      const message = `and ${count - LISTED} more like it; the last: ${about.message}`;
      this.found(
        findingAt(HERE, rule, { ...about, message, evidence: { ...about.evidence, more: count - LISTED } }),
      );
    }
  }
}
