import type { Finding } from '../finding/finding.js';
import type { Report, TargetReport } from './report.js';
import type { RenderSettings, Reporter } from './reporter.js';
import { backupsText } from './text/backups.js';
import { filesText } from './text/files.js';
import { findingsText } from './text/findings.js';
import { offerText } from './text/plan.js';
import { recoveryText } from './text/recovery.js';
import { repairText } from './text/repair.js';
import { targetHead, uncheckedText, warningText } from './text/target.js';
import { verdictText } from './text/verdict.js';

function isQuiet(report: Report, settings: RenderSettings): boolean {
  const changed = report.targets.some(
    ({ repair }) => repair !== undefined && repair.state !== 'nothing-to-do',
  );
  return settings.quiet && !changed && report.verdict === 'clean' && report.summary.warnings === 0;
}

/** Of a dry run the plan's own command is next: that of a finding leads to the same plan, or back to a look at it. */
function shownFindings({ findings, repair }: TargetReport): readonly Finding[] {
  if (repair?.state !== 'planned') return findings;
  return findings.map(({ next: _, ...finding }) => finding);
}

/** The report for a person at a terminal: what was looked at, findings worst first, the files, and last the verdict. */
export function textReporter(settings: RenderSettings): Reporter {
  return {
    *render(report) {
      if (isQuiet(report, settings)) return;
      for (const target of report.targets) {
        // whoever was asked has seen what there was, and wants to know what came of it
        if (target.repair?.asked) {
          if (target.repair.state === 'not-clean')
            yield* findingsText(
              target.findings.filter(({ severity }) => severity === 'error'),
              settings,
            );
          yield* repairText(target, settings);
          continue;
        }
        yield `${targetHead(target, settings)}\n`;
        yield warningText(target, settings);
        yield* findingsText(shownFindings(target), settings);
        yield uncheckedText(target, settings);
        if (target.repair === undefined) {
          yield* recoveryText(target, settings);
          yield* offerText(target, settings);
        } else yield* repairText(target, settings);
        yield backupsText(target, settings);
        if (!settings.quiet && target.repair === undefined)
          yield* filesText(target, report.summary.interrupted === true, settings);
      }
      yield verdictText(report, settings);
    },
  };
}
