import { profiling } from '../../app/application.js';
import { append } from '../../bytes/append.js';
import { placedIn } from '../../diagnose/database.js';
import { LiveTables } from '../../diagnose/live-tables.js';
import type { Database } from '../../engine/database.js';
import type { TargetReport } from '../../report/report.js';
import { applicationReport, sayInWords } from '../application.js';
import { type Circumstances, severityJudge } from '../cross.js';
import { fileReports } from '../file-report.js';
import { FindingStream } from '../finding-stream.js';
import { checkMetadata } from '../metadata.js';
import type { ScanHooks, ScanOptions } from '../options.js';
import { type PlannedUnit, planUnits } from '../plan.js';
import { mergeUnits, type RunHooks, runEach } from '../run.js';
import { limitsOf } from '../run-selected.js';
import { columnFamilyReports, optionsReport } from '../target.js';
import { addShardFacts } from './report.js';
import { type Shard, unitsOfShard } from './shard.js';

/** Large tables are cut into pieces as for several threads, whatever their number: all shards must plan alike. */
const SEVERAL = 2;

/** Passes on what units find, with the severity that it has in this directory. */
export function findingsOf(
  database: Database,
  circumstances: Circumstances,
  hooks: ScanHooks,
): RunHooks['onUnit'] {
  const { onFinding } = hooks;
  if (onFinding === undefined) return undefined;
  const judge = severityJudge(database, circumstances);
  const tables = new LiveTables(database.version);
  return ({ entry }: PlannedUnit, findings) => {
    for (const found of findings) onFinding(placedIn(judge(entry, found), database, tables));
  };
}

/**
 * Checks one part of a directory. The report tells what is wrong in it, and what the merge needs to tell the rest; the first
 * shard also checks the metadata. For directories that nobody writes to: what moves meanwhile is said to be unchecked.
 */
export async function scanShard(
  database: Database,
  report: TargetReport,
  options: ScanOptions & { shard: Shard },
  hooks: ScanHooks,
): Promise<TargetReport> {
  const { shard, depth = 'full', jobs = SEVERAL } = options;
  const circumstances = { atRest: report.kind !== 'database', owned: false };
  const plan = await planUnits(database, depth, SEVERAL);
  const mine = unitsOfShard(plan, shard);
  const limits = limitsOf(options);
  const recognised = await profiling(database, options.profile);
  const pass = findingsOf(database, circumstances, hooks);
  const stream = new FindingStream(pass, database, recognised.profile);
  const outcomes = await runEach(mine, jobs, { ...hooks, limits, onUnit: stream.onUnit });
  await stream.end();
  const profile = await recognised.profile;
  const files = mergeUnits(mine, outcomes, false);
  if (profile !== undefined) {
    report.application = applicationReport(profile);
    await sayInWords(files, database, profile);
  }
  const judge = severityJudge(database, circumstances);
  report.findings = files.flatMap(({ entry, findings }) => findings.map((found) => judge(entry, found)));
  append(
    report.unchecked,
    files.flatMap(({ unchecked }) => unchecked),
  );
  if (shard.index === 1) {
    const metadata = await checkMetadata(database, files, circumstances);
    report.findings.unshift(...metadata.findings);
    report.unchecked.unshift(...metadata.unchecked);
  }
  report.bytesRead = files.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  const read = new Set(files.map(({ entry }) => entry));
  const here = {
    ...database,
    inventory: { ...database.inventory, entries: database.inventory.entries.filter((e) => read.has(e)) },
  };
  report.files = fileReports(here, files, report.findings);
  report.columnFamilies = columnFamilyReports(database);
  report.options = optionsReport(database);
  await addShardFacts(report, database, shard, plan, mine, outcomes);
  return report;
}
