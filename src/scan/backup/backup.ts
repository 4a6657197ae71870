import { availableParallelism } from 'node:os';
import { backupLayout } from '../../check/backup/layout.js';
import type { DatabaseRequest } from '../../engine/database.js';
import { BACKUP_DIRECTORIES } from '../../engine/detect.js';
import { type Listing, listBelow } from '../../io/listing.js';
import type { TargetReport } from '../../report/report.js';
import type { ScanHooks, ScanOptions } from '../options.js';
import type { runPlan } from '../run.js';
import { runnerFor } from '../run-selected.js';
import { checksumsOfMetadata } from './checksums.js';
import { type BackupScene, concludeBackups } from './conclude.js';
import { findingsOfBackups } from './findings.js';
import { type BackupPlan, planBackups } from './plan.js';
import { scanBackupShard } from './shard.js';
import { type BackupView, claimedBackups, viewBackup } from './view.js';

/** Runs the units of a scan. */
export type UnitRunner = typeof runPlan;

/** Checks the backups of a BackupEngine directory, or one shard of the work. */
export async function scanBackups(
  target: string,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  const listing = await listBelow(target, BACKUP_DIRECTORIES);
  const { shard } = options;
  if (shard === undefined) return scanBackupTree(listing, options, hooks, runnerFor(options));
  const { scene, plan } = await lookAt(listing, options);
  return scanBackupShard(scene, plan, { ...options, shard }, hooks);
}

/** Checks the backups in files that have been listed, whatever they were read from. */
export async function scanBackupTree(
  listing: Listing,
  options: ScanOptions,
  hooks: ScanHooks,
  run: UnitRunner,
): Promise<TargetReport> {
  const { scene, plan } = await lookAt(listing, options);
  const outcomes = await run(plan.units, options.jobs ?? availableParallelism(), {
    ...hooks,
    onUnit: findingsOfBackups(plan, hooks),
  });
  return concludeBackups(scene, plan, outcomes);
}

/** Reads the metadata of the backups that were asked for, and plans what there is to read. */
async function lookAt(
  listing: Listing,
  { depth = 'full', engineVersion, backups: wanted }: ScanOptions,
): Promise<{ scene: BackupScene; plan: BackupPlan }> {
  const request: DatabaseRequest = engineVersion === undefined ? {} : { engineVersion };
  const layout = backupLayout(listing);
  const claimed = await claimedBackups(layout);
  const views: BackupView[] = [];
  for (const parts of layout.backups) {
    if (wanted === undefined || wanted.includes(parts.id))
      views.push(await viewBackup(listing, parts, layout.shared, request, claimed));
  }
  const plan = await planBackups(views, depth);
  const units = new Set(plan.units.map(({ entry }) => entry.file));
  const checksums = await checksumsOfMetadata(listing, views, units, depth);
  return { scene: { listing, views, ...(wanted && { wanted }), checksums }, plan };
}
