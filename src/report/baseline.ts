import type { Finding } from '../finding/finding.js';
import { fingerprintOf } from './location.js';
import type { Report, TargetReport } from './report.js';

/** The target of an earlier report that is the same: by its path, or the only one of both. */
export function earlierTarget(report: Report, path: string, alone: boolean): TargetReport | undefined {
  const named = report.targets.find((target) => target.path === path);
  return named ?? (alone && report.targets.length === 1 ? report.targets[0] : undefined);
}

/** Marks findings that an earlier report has already, and drops from `unchecked` nothing: what is not checked stays so. */
export function markKnown(target: TargetReport, before: TargetReport | undefined): TargetReport {
  if (before === undefined) return target;
  const left = new Map<string, number>();
  for (const finding of before.findings) {
    const print = fingerprintOf(finding);
    left.set(print, (left.get(print) ?? 0) + 1);
  }
  const known = (finding: Finding): Finding => {
    const print = fingerprintOf(finding);
    const count = left.get(print) ?? 0;
    if (count === 0) return finding;
    left.set(print, count - 1);
    return { ...finding, known: true };
  };
  return { ...target, findings: target.findings.map(known) };
}
