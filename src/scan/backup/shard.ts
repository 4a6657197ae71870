import { append } from '../../bytes/append.js';
import type { Depth } from '../../check/unit.js';
import type { TargetReport } from '../../report/report.js';
import type { ScanHooks, ScanOptions } from '../options.js';
import { mergeUnits, runEach } from '../run.js';
import { limitsOf } from '../run-selected.js';
import { portable, shardFacts, unitReport } from '../shards/report.js';
import { type Shard, unitsOfShard } from '../shards/shard.js';
import type { UnitOutcome } from '../unit.js';
import { type BackupScene, concludeBackups, headOf } from './conclude.js';
import { backupFileReports } from './files.js';
import { findingsOfBackups } from './findings.js';
import { type BackupPlan, planBackups } from './plan.js';

/** Threads of a shard: one shard is one of several jobs on a machine, perhaps. */
const SEVERAL = 2;

/**
 * Checks one part of a backup directory: of the files that backups share each goes to one shard. The report has what is wrong with
 * these files; what is wrong with backups the merge tells.
 */
export async function scanBackupShard(
  scene: BackupScene,
  plan: BackupPlan,
  options: ScanOptions & { shard: Shard },
  hooks: ScanHooks,
): Promise<TargetReport> {
  const { shard, jobs = SEVERAL } = options;
  const { listing, views } = scene;
  const mine = unitsOfShard(plan.units, shard);
  const report = headOf(listing, views);
  const tell = findingsOfBackups(plan, { onFinding: (found) => report.findings.push(found) });
  const outcomes = await runEach(mine, jobs, {
    ...hooks,
    limits: limitsOf(options),
    onUnit: findingsOfBackups(plan, hooks),
  });
  const files = mergeUnits(mine, outcomes, false);
  for (const unit of mine) {
    const outcome = outcomes.get(unit.id);
    if (outcome?.state === 'done') tell?.(unit, outcome.result.findings);
  }
  append(
    report.unchecked,
    files.flatMap(({ unchecked }) => unchecked),
  );
  report.bytesRead = files.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  const read = new Set(mine.map(({ entry }) => entry.file));
  report.files = backupFileReports(listing, views, files, report).filter(({ path }) => read.has(path));
  const databases = await Promise.all(views.map(({ database }) => portable(database)));
  const metadata: BackupScene = {
    ...scene,
    views: views.map((view, i) => ({ ...view, database: databases[i] })),
  };
  report.shard = shardFacts(metadata, shard, plan.units, mine);
  report.units = mine.map((unit) => unitReport(unit, outcomes.get(unit.id)));
  return report;
}

/** The report of a backup directory, from what several shards have read. `complete`: they are all there. */
export async function concludeBackupShards(
  scene: BackupScene,
  depth: Depth,
  units: readonly { id: number; outcome?: UnitOutcome }[],
  complete: boolean,
): Promise<TargetReport> {
  const plan = await planBackups(scene.views, depth);
  const given = new Set(units.map(({ id }) => id));
  const outcomes = new Map(units.flatMap(({ id, outcome }) => (outcome ? [[id, outcome]] : [])));
  const files = mergeUnits(
    plan.units.filter(({ id }) => given.has(id)),
    outcomes,
    complete,
  );
  const report = await concludeBackups(scene, plan, files);
  for (const { entry } of plan.units.filter(({ id }) => !given.has(id)))
    report.unchecked.push({ file: entry.file, reason: 'it is in none of the reports that were merged' });
  return report;
}
