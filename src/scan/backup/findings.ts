import type { Finding } from '../../finding/finding.js';
import { severityJudge } from '../cross.js';
import type { ScanHooks } from '../options.js';
import type { RunHooks } from '../run.js';
import { worse } from './attribution.js';
import { AT_REST } from './check.js';
import type { BackupPlan } from './plan.js';
import type { BackupView } from './view.js';

/** Passes on what is found in files of backups, once for all backups that have the file, with the worst that it is in one of them. */
export function findingsOfBackups(plan: BackupPlan, { onFinding }: ScanHooks): RunHooks['onUnit'] {
  if (onFinding === undefined) return undefined;
  const judges = new Map<BackupView, ReturnType<typeof severityJudge>>();
  const judgeOf = (view: BackupView) => {
    const known = judges.get(view) ?? severityJudge(view.database, AT_REST);
    judges.set(view, known);
    return known;
  };
  return (unit, findings) => {
    // of remains of a backup it is said that they are that, and no more
    const owners = plan.ownersOf(unit).filter(({ view }) => !view.unfinished);
    if (owners.length === 0) return;
    for (const found of findings) {
      const judged = owners.map(({ view, entry }) => judgeOf(view)(entry, found));
      const worst = judged.reduce((a, b) => (rank(b) > rank(a) ? b : a));
      onFinding({
        ...worst,
        evidence: { backups: owners.map(({ view }) => view.parts.id), ...worst.evidence },
      });
    }
  };
}

const rank = ({ severity }: Finding) => worse.indexOf(severity);
