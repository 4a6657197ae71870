import picomatch from 'picomatch';
import type { ProfileChoice } from '../app/profile-choice.js';
import type { Depth } from '../check/unit.js';
import type { Finding, Severity } from '../finding/finding.js';
import type { SuppressedFinding, TargetReport } from '../report/report.js';

/** A finding that somebody has looked at and decided to live with. */
interface IgnoreRule {
  /** A rule or a pattern of rules: `wal/torn-tail`, `sst/*`. */
  rule: string;
  /** A pattern of file names, relative to the target. Default: every file. */
  file?: string;
  /** Why. */
  reason: string;
  /** The last day on which it holds, `2027-01-31`, UTC. */
  expires?: string;
}

/** What a policy says of findings. */
interface FindingPolicy {
  /** Severities by rule or pattern of rules; the last that fits holds. */
  severity?: Record<string, Severity>;
  ignore?: IgnoreRule[];
}

/** What may be set for targets, and for all. */
export interface TargetPolicy extends FindingPolicy {
  failOn?: Severity | 'never';
  depth?: Depth;
  kind?: 'database' | 'backup' | 'checkpoint';
  walDir?: string;
  dbPaths?: string[];
  engineVersion?: string;
  profile?: ProfileChoice;
}

/** kvdoctor.config.json. */
export interface Config extends TargetPolicy {
  $schema?: string;
  jobs?: number;
  redact?: 'none' | 'values' | 'keys';
  format?: string[];
  /** Settings for targets whose path fits a pattern, over those for all; the last that fits holds. */
  paths?: ({ path: string } & TargetPolicy)[];
}

const fits = (pattern: string, text: string) => picomatch.isMatch(text, pattern, { dot: true });

/** What holds for one target: settings for all, with those of each pattern that fits over them. Ignores add up. */
export function policyFor({ paths = [], ...all }: Config, target: string): TargetPolicy {
  const path = target.replace(/^\.\/+/, '').replace(/(?<=.)\/+$/, '');
  let policy: TargetPolicy = all;
  for (const { path: pattern, ...own } of paths) {
    if (!fits(pattern.replace(/^\.\/+/, ''), path)) continue;
    const severity = { ...policy.severity, ...own.severity };
    policy = { ...policy, ...own, severity, ignore: [...(policy.ignore ?? []), ...(own.ignore ?? [])] };
  }
  return policy;
}

/** The end of a day, UTC. */
function endOf(day: string): number {
  return Date.parse(`${day}T23:59:59.999Z`);
}

/** Whether an ignore no longer holds. */
export function hasExpired({ expires }: IgnoreRule, now: Date): boolean {
  return expires !== undefined && !(now.getTime() <= endOf(expires));
}

/** A finding under a policy: with its severity, or set aside with the reason. */
export function underPolicy(
  finding: Finding,
  { severity = {}, ignore = [] }: FindingPolicy,
  now: Date,
): Finding | SuppressedFinding {
  const pattern = Object.keys(severity).findLast((each) => fits(each, finding.rule));
  const judged = pattern === undefined ? finding : { ...finding, severity: severity[pattern] };
  const by = ignore.find(
    (each) =>
      !hasExpired(each, now) &&
      fits(each.rule, finding.rule) &&
      (each.file === undefined || fits(each.file, finding.file)),
  );
  if (by === undefined) return judged;
  return {
    ...judged,
    suppressed: { reason: by.reason, ...(by.expires !== undefined && { expires: by.expires }) },
  };
}

export function isSuppressed(finding: Finding | SuppressedFinding): finding is SuppressedFinding {
  return 'suppressed' in finding;
}

/** A target's report under a policy. File statuses stay: they say what is there, not what is minded. */
export function applyPolicy(target: TargetReport, policy: FindingPolicy, now: Date): TargetReport {
  const judged = target.findings.map((finding) => underPolicy(finding, policy, now));
  const suppressed = judged.filter(isSuppressed);
  return {
    ...target,
    findings: judged.filter((finding) => !isSuppressed(finding)),
    ...(suppressed.length > 0 && { suppressed }),
  };
}
