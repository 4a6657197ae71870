import { append } from '../../bytes/append.js';
import type { Depth } from '../../check/unit.js';
import type { Database } from '../../engine/database.js';
import type { Report, ShardReport, TargetReport, UnitReport } from '../../report/report.js';
import { type BackupScene, concludeBackupShards } from '../backup/conclude.js';
import { conclude } from '../conclude.js';
import { mergeUnits } from '../run.js';
import { metadataOf, storedUnits, unitsOf, unread } from './report.js';

/** Reports that cannot be put together; the message says why. */
export class MergeError extends Error {}

type ShardTarget = TargetReport & { shard: ShardReport; units: UnitReport[] };

function isShard(target: TargetReport): target is ShardTarget {
  return target.shard !== undefined && target.units !== undefined;
}

/**
 * The targets of several reports as one scan would have reported them. Shards of one target are put together and what needs
 * several files is checked then; targets that were scanned whole are taken as they are. Throws a `MergeError` for reports that do
 * not go together.
 */
export async function mergeReports(reports: readonly Report[]): Promise<TargetReport[]> {
  const versions = [...new Set(reports.map(({ tool }) => tool.version))];
  const depths = [...new Set(reports.map(({ summary }) => summary.depth))];
  const sharded = reports.some(({ targets }) => targets.some(isShard));
  if (sharded && versions.length > 1)
    throw new MergeError(`they were made by versions ${versions.join(' and ')}`);
  if (sharded && depths.length > 1) throw new MergeError(`they are of depths ${depths.join(' and ')}`);
  const byPath = new Map<string, TargetReport[]>();
  for (const target of reports.flatMap(({ targets }) => targets)) {
    byPath.set(target.path, [...(byPath.get(target.path) ?? []), target]);
  }
  const merged: TargetReport[] = [];
  for (const targets of byPath.values()) {
    const shards = targets.filter(isShard);
    if (shards.length > 0) merged.push(await mergeShards(shards, depths[0]));
    append(merged, wholeOf(targets.filter((target) => !isShard(target))));
  }
  return merged;
}

/** Of a target that one shard checked whole, the reports of the others say nothing. */
function wholeOf(targets: readonly TargetReport[]): readonly TargetReport[] {
  const told = targets.filter(isTold);
  return told.length > 0 ? told : targets.slice(0, 1).map(untold);
}

/** Whether a report says anything of a target: what was looked at has files, or why they were not looked at. */
export function isTold({ files, findings, unchecked, recovery }: TargetReport): boolean {
  return files.length + findings.length + unchecked.length > 0 || recovery !== undefined;
}

/** A target that another shard was to check, whose report is not there. */
export function untold(target: TargetReport): TargetReport {
  return { ...target, unchecked: [{ file: '.', reason: 'it is in none of the reports that were merged' }] };
}

async function mergeShards(targets: readonly ShardTarget[], depth: Depth): Promise<TargetReport> {
  const { report, metadata } = begin(targets);
  const complete = checkComplete(targets, report);
  if ('views' in metadata) return mergeBackupShards(targets, metadata, depth, report, complete);
  const database = metadata;
  const { units, outcomes } = read(() =>
    unitsOf(
      database,
      depth,
      targets.flatMap((target) => target.units),
    ),
  );
  const files = mergeUnits(units, outcomes, complete);
  for (const { entry } of files.filter(({ vanished }) => vanished)) {
    report.unchecked.push({ file: entry.file, reason: 'the file was gone when it was to be read' });
  }
  for (const { file } of unread(database, depth, units)) {
    report.unchecked.push({ file, reason: 'it is in none of the reports that were merged' });
  }
  await conclude(report, database, files, { atRest: report.kind !== 'database', owned: false });
  const opening = targets.find(({ shard }) => shard.opening !== undefined)?.shard.opening;
  if (opening !== undefined && report.findings.some(({ severity }) => severity === 'error'))
    report.opening = opening;
  report.bytesRead = targets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  return report;
}

async function mergeBackupShards(
  targets: readonly ShardTarget[],
  scene: BackupScene,
  depth: Depth,
  { unchecked }: TargetReport,
  complete: boolean,
): Promise<TargetReport> {
  const units = read(() => storedUnits(targets.flatMap((target) => target.units)));
  const report = await concludeBackupShards(scene, depth, units, complete);
  report.unchecked = [...unchecked, ...report.unchecked];
  report.bytesRead = targets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  return report;
}

function begin(targets: readonly ShardTarget[]): {
  report: TargetReport;
  metadata: Database | BackupScene;
} {
  const first = targets.reduce((a, b) => (a.shard.index <= b.shard.index ? a : b));
  const { shard, units: _, ...rest } = first;
  const metadata = read(() => metadataOf(shard));
  return { report: { ...rest, findings: [], files: [], unchecked: [] }, metadata };
}

/** What a damaged or foreign report makes of the decoder is said as that. */
function read<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new MergeError(
      `one of them does not hold what this version puts into a shard's report (${(error as Error).message})`,
    );
  }
}

/** Whether all shards of one state of the directory are there; says in the report what is not. */
function checkComplete(targets: readonly ShardTarget[], report: TargetReport): boolean {
  const shards = targets.map(({ shard }) => shard);
  const { count } = shards[0];
  if (shards.some((shard) => shard.count !== count)) {
    throw new MergeError(
      `${report.path} was cut into ${[...new Set(shards.map((shard) => shard.count))].join(' and into ')} shards`,
    );
  }
  const given = shards.map(({ index }) => index);
  const twice = given.find((index, i) => given.indexOf(index) !== i);
  if (twice !== undefined) throw new MergeError(`shard ${twice}/${count} of ${report.path} is there twice`);
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter((index) => !given.includes(index));
  for (const index of missing)
    report.unchecked.push({ file: '.', reason: `the report of shard ${index}/${count} is missing` });
  const changed = new Set(shards.map(({ plan }) => plan)).size > 1;
  if (changed)
    report.unchecked.push({
      file: '.',
      reason: 'files changed while the shards were read: they are of several states',
    });
  return missing.length === 0 && !changed;
}
