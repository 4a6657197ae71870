import { type Severity, severities } from '../finding/finding.js';
import type { Report, TargetReport } from '../report/report.js';

/** The exit status of every command. Scripts rely on it: docs/exit-status.md says the same. */
export const ExitStatus = {
  /** Nothing at or above --fail-on, and everything was checked. */
  ok: 0,
  /** Findings at or above --fail-on. Known damage wins over an incomplete check. */
  findings: 1,
  /** The command line is wrong, or names something that does not exist. */
  usage: 2,
  /** Not everything could be checked: unreadable, unsupported, or a fault of kvdoctor's own. */
  incomplete: 3,
  /** In use by a live process (repair and undo). */
  inUse: 4,
  /** A repair was refused or is incomplete. */
  repairRefused: 5,
  /** Ctrl-C or SIGTERM. */
  interrupted: 130,
} as const;

/** From which severity on findings make the exit status 1. */
export type FailOn = Severity | 'never';

/** The exit status that a report asks for; `failOn` may differ from target to target. */
export function exitStatusOf(
  { summary, targets }: Report,
  failOn: FailOn | ((target: TargetReport) => FailOn),
): number {
  const fails = (target: TargetReport) => {
    const from = typeof failOn === 'function' ? failOn(target) : failOn;
    const counting: readonly Severity[] =
      from === 'never' ? [] : severities.slice(0, severities.indexOf(from) + 1);
    return target.findings.some(({ severity, known }) => counting.includes(severity) && !known);
  };
  if (summary.interrupted) return ExitStatus.interrupted;
  if (targets.some(fails)) return ExitStatus.findings;
  return summary.unchecked > 0 ? ExitStatus.incomplete : ExitStatus.ok;
}
