import type { Profile } from '../app/profile.js';
import type { SourceDescriptor } from '../bytes/source.js';
import type { UnitFacts, UnitResult } from '../check/unit.js';
import { nameCommands, nameKeys } from '../diagnose/name-commands.js';
import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import type { Finding } from '../finding/finding.js';
import { openSource } from '../io/source.js';
import { openView } from '../lsm/recovered-view.js';
import type { ApplicationReport, TargetReport } from '../report/report.js';

export function applicationReport({ name, title, detail, recovery, check }: Profile): ApplicationReport {
  return {
    name: title,
    // what has no rules is not looked at again for its contents
    ...(check && { profile: name }),
    ...(detail !== undefined && { detail }),
    ...(recovery !== undefined && { recovery }),
  };
}

/** What is damaged may be built again from elsewhere: the application says so, and whether it can. */
export async function sayRebuilding(
  report: Pick<TargetReport, 'application' | 'kind'>,
  profile: Profile | undefined,
): Promise<void> {
  if (report.application === undefined || report.kind !== 'database') return;
  const rebuild = await profile?.rebuilding?.();
  if (rebuild !== undefined) report.application.rebuild = rebuild;
}

/** Says what the findings of a unit are about in the application's words, in place. Reads damaged batches again. */
export async function sayInWords(
  { findings, facts }: Pick<UnitResult, 'findings'> & { facts?: UnitFacts },
  descriptor: SourceDescriptor,
  database: Database,
  profile: Profile,
): Promise<void> {
  for (const finding of findings) nameKeys(finding, database, profile);
  await sayWhatWasWritten(findings, facts, descriptor, profile);
}

/** Says which commands were written where findings of a WAL are. */
export async function sayWhatWasWritten(
  findings: readonly Finding[],
  facts: UnitFacts | undefined,
  descriptor: SourceDescriptor,
  profile: Profile,
): Promise<void> {
  if (facts?.kind !== 'wal' || findings.length === 0) return;
  try {
    const source = await openSource(descriptor);
    try {
      await nameCommands(findings, source, facts, profile);
    } finally {
      await source.close();
    }
  } catch (error) {
    // a medium that fails leaves findings without words
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

/** The same of what only the whole directory told. */
export function nameLostKeys({ findings }: TargetReport, database: Database, profile: Profile): void {
  for (const finding of findings) nameKeys(finding, database, profile);
}

/** Says why nothing has held the contents against the rules of an application. */
export function contentsUnchecked({ unchecked }: Pick<TargetReport, 'unchecked'>, why: string): void {
  unchecked.push({ file: '.', reason: `its contents: ${why}` });
}

/**
 * Holds what readers see, after recovery in the database's own mode, against the application's rules: the findings go to the
 * report, and so does what stands in the way.
 */
export async function checkContents(
  report: TargetReport,
  database: Database,
  profile: Profile | undefined,
): Promise<void> {
  if (profile === undefined) return contentsUnchecked(report, 'no application is recognised');
  if (profile.check === undefined) return contentsUnchecked(report, `no rules of ${profile.title} are known`);
  const { view, reason } = await openView(database);
  if (view === undefined)
    return contentsUnchecked(
      report,
      `it ${reason}; kvdoctor simulate --application tells what a repair would leave`,
    );
  try {
    const found = (finding: Finding) => report.findings.push(withNext(finding, profile, database));
    await profile.check(view, found);
    await profile.checkLogs?.(database, view, found);
    report.application = { ...applicationReport(profile), checked: true };
  } finally {
    view.close();
  }
}

/** What can be rebuilt names the repair that does it. */
function withNext(finding: Finding, { rebuild }: Profile, database: Database): Finding {
  if (finding.next !== undefined || !rebuild?.rules.has(finding.rule)) return finding;
  return { ...finding, next: commandOn(database, 'repair --strategy application --dry-run') };
}
