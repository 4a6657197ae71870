import type { Incident, Sighting, Verified } from '../app/log-knowledge.js';
import type { Finding } from '../finding/finding.js';
import type { TargetReport } from '../report/report.js';

/** Whether the files bear out what a log says. */
export interface Confirmation {
  /** What the message speaks of and a scan does find: of the files that the message names where it names any. */
  findings: Finding[];
  /** Findings of that kind lie in files that the message does not name. */
  elsewhere: boolean;
}

/** What the files of a database say to a log. */
export interface Checked {
  directory: string;
  /** The scan of it. */
  report: TargetReport;
  confirmations: ReadonlyMap<Sighting, Confirmation | undefined>;
  verified: ReadonlyMap<Incident, Verified | undefined>;
}

/** What a scan found of the kind that a sighting speaks of. `undefined` where no rule would tell. */
export function confirmSighting(
  { symptom, files }: Sighting,
  findings: readonly Finding[],
): Confirmation | undefined {
  const { rules } = symptom;
  if (rules === undefined) return undefined;
  const ofKind = findings.filter(({ rule }) =>
    rules.some((wanted) => rule === wanted || rule.startsWith(`${wanted}/`)),
  );
  const names = files.flatMap(bothNames);
  const named = ofKind.filter(({ file }) => names.some((name) => file === name || file.endsWith(`/${name}`)));
  return named.length > 0
    ? { findings: named, elsewhere: false }
    : { findings: ofKind, elsewhere: ofKind.length > 0 && files.length > 0 };
}

/** A table is looked for under two endings, and a message may give either. */
function bothNames(file: string): string[] {
  const number = /^(\d+)\.(?:sst|ldb)$/.exec(file)?.[1];
  return number === undefined ? [file] : [`${number}.sst`, `${number}.ldb`];
}

/** What a scan found that no message spoke of: errors and warnings. */
export function unspoken({ report, confirmations }: Checked): Finding[] {
  const spoken = new Set([...confirmations.values()].flatMap((each) => each?.findings ?? []));
  return report.findings.filter((finding) => finding.severity !== 'note' && !spoken.has(finding));
}

/** What a scan could not look at. That contents cannot be had is no gap: what stands in the way is what the log is about. */
export function gaps({ unchecked, files }: TargetReport): TargetReport['unchecked'] {
  return unchecked.filter(({ file }) => file !== '.' || files.length === 0);
}
