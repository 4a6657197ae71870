import { append } from '../bytes/append.js';
import { diagnoseDatabase } from '../diagnose/database.js';
import type { Database } from '../engine/database.js';
import { undisturbed, unlessInterrupted } from '../io/interruption.js';
import type { TargetReport } from '../report/report.js';
import { withStateFindings } from '../states/findings.js';
import { uncheckedIngests } from '../states/unnamed-ingests.js';
import { type Circumstances, crossCheck } from './cross.js';
import { fileReports } from './file-report.js';
import { checkMetadata, factsByFile } from './metadata.js';
import type { FileOutcome } from './run.js';
import { columnFamilyReports, optionsReport, uncheckedOrders, withinLimits } from './target.js';
import { type TitanScan, unseenTitan } from './titan.js';

/**
 * What a directory's metadata and the outcomes of its units come to: everything that is decided when all files have been read,
 * in this process or in others.
 */
export async function conclude(
  report: TargetReport,
  database: Database,
  outcomes: readonly FileOutcome[],
  circumstances: Circumstances,
  titan: TitanScan = unseenTitan(database.inventory),
): Promise<void> {
  const metadata = await undisturbed(() => checkMetadata(database, outcomes, circumstances));
  const { atRest, owned } = circumstances;
  const facts = factsByFile(outcomes);
  const found = [...metadata.findings, ...crossCheck(database, outcomes, circumstances), ...titan.findings];
  // while an engine works on it, its files are of several moments
  const findings = owned
    ? found
    : await unlessInterrupted(
        async () => (await withinLimits(() => withStateFindings(found, database, facts), report)) ?? found,
        found,
      );
  await unlessInterrupted(() => diagnoseDatabase(findings, { database, facts, atRest }), undefined);
  report.findings = findings;
  append(report.unchecked, uncheckedOrders(database));
  append(report.unchecked, titan.unchecked);
  append(report.unchecked, metadata.unchecked);
  if (!owned) append(report.unchecked, await unlessInterrupted(() => uncheckedIngests(database, facts), []));
  append(
    report.unchecked,
    outcomes.flatMap((o) => o.unchecked),
  );
  report.files = fileReports(database, outcomes, findings, titan.sizes);
  report.columnFamilies = columnFamilyReports(database);
  report.options = optionsReport(database);
}
