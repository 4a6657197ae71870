import type { Finding, Severity } from '../../finding/finding.js';
import type { Report, TargetReport } from '../report.js';

/** A finding with its anchor in the page. */
export interface NumberedFinding {
  finding: Finding;
  /** `f12` */
  id: string;
}

/** A target with what the page says of it. */
export interface PageTarget {
  target: TargetReport;
  /** `t1` */
  id: string;
  /** Worst first, else in the report's order. */
  findings: NumberedFinding[];
}

const rank = { error: 0, warning: 1, note: 2 } as const satisfies Record<Severity, number>;

/** The worse of two. */
export function worse(a: Severity, b: Severity): Severity {
  return rank[a] <= rank[b] ? a : b;
}

/** Gives every target and finding its place in the page. */
export function numbered(report: Report): PageTarget[] {
  let next = 1;
  return report.targets.map((target, i) => ({
    target,
    id: `t${i + 1}`,
    findings: target.findings
      .toSorted((a, b) => rank[a.severity] - rank[b.severity])
      .map((finding) => ({ finding, id: `f${next++}` })),
  }));
}
