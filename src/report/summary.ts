import type { Depth } from '../check/unit.js';
import type {
  FileReport,
  FileStatus,
  RecoveryReport,
  Report,
  Summary,
  TargetReport,
  Verdict,
} from './report.js';
import { toolVersion } from './tool.js';

/** What is known of a run besides its targets. */
export interface RunFacts {
  depth: Depth;
  startedAt: Date;
  milliseconds: number;
  interrupted?: boolean;
}

function countOf(targets: readonly TargetReport[], severity: 'error' | 'warning' | 'note'): number {
  return targets.reduce(
    (sum, { findings }) => sum + findings.filter((f) => f.severity === severity).length,
    0,
  );
}

function total(targets: readonly TargetReport[], of: (target: TargetReport) => number): number {
  return targets.reduce((sum, target) => sum + of(target), 0);
}

/** Known damage comes before what could not be looked at: more reading cannot make it whole again. */
function verdictOf(
  summary: Pick<Summary, 'errors' | 'unchecked' | 'interrupted'>,
  targets: readonly Pick<TargetReport, 'recovery'>[] = [],
): Verdict {
  if (summary.errors > 0) return 'damaged';
  // a simulation without a scan: what the database's own mode would do, and leave, says whether it is whole
  const costs = ({ own, harmless, contents }: RecoveryReport) =>
    own && (!harmless || (contents?.errors ?? 0) > 0);
  if (targets.some(({ recovery = [] }) => recovery.some(costs))) return 'damaged';
  return summary.unchecked > 0 || summary.interrupted ? 'incomplete' : 'clean';
}

/** What one target of a report is. */
export function targetVerdict(target: TargetReport, interrupted: boolean | undefined): Verdict {
  const summary = {
    errors: countOf([target], 'error'),
    unchecked: target.unchecked.length,
    ...(interrupted && { interrupted }),
  };
  return verdictOf(summary, [target]);
}

/** What was left unread on purpose. */
function notRead(targets: readonly TargetReport[]): Pick<Summary, 'trusted' | 'skipped'> {
  const files = targets.flatMap((target) => target.files);
  const of = (status: FileStatus) => files.filter((file) => file.status === status);
  const sized = (some: readonly FileReport[]) => ({
    files: some.length,
    bytes: some.reduce((sum, { size }) => sum + size, 0),
  });
  const trusted = of('trusted');
  const skipped = of('skipped');
  const times = trusted.flatMap(({ checkedAt }) => (checkedAt === undefined ? [] : [checkedAt])).sort();
  return {
    ...(trusted.length > 0 && { trusted: { ...sized(trusted), oldest: times[0] ?? '' } }),
    ...(skipped.length > 0 && { skipped: sized(skipped) }),
  };
}

function knownOf(targets: readonly TargetReport[]): Pick<Summary, 'known'> {
  const known = total(targets, ({ findings }) => findings.filter((finding) => finding.known).length);
  return known > 0 ? { known } : {};
}

/** Puts targets together into a report: totals and verdict. */
export function buildReport(targets: TargetReport[], run: RunFacts): Report {
  const summary: Summary = {
    targets: targets.length,
    files: total(targets, ({ files }) => files.filter((file) => file.status !== 'missing').length),
    bytes: total(targets, ({ files }) => files.reduce((sum, file) => sum + file.size, 0)),
    bytesRead: total(targets, ({ bytesRead }) => bytesRead),
    errors: countOf(targets, 'error'),
    warnings: countOf(targets, 'warning'),
    notes: countOf(targets, 'note'),
    unchecked: total(targets, ({ unchecked }) => unchecked.length),
    ...notRead(targets),
    ...knownOf(targets),
    depth: run.depth,
    startedAt: run.startedAt.toISOString(),
    milliseconds: Math.round(run.milliseconds),
    ...(run.interrupted && { interrupted: true }),
  };
  return {
    schemaVersion: 1,
    tool: { name: 'kvdoctor', version: toolVersion },
    verdict: verdictOf(summary, targets),
    summary,
    targets,
  };
}
