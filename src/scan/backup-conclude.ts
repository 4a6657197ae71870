import { checkAgreement } from '../check/backup/files.js';
import { type BackupLayout, backupLayout } from '../check/backup/layout.js';
import { checkGaps, checkLeftovers } from '../check/backup/leftovers.js';
import type { Unchecked } from '../check/unit.js';
import type { Finding } from '../finding/finding.js';
import type { FileTree } from '../io/tree.js';
import type { BackupReport, TargetReport } from '../report/report.js';
import { Attribution } from './backup-attribution.js';
import { checkBackup, type OwnResult } from './backup-check.js';
import { backupFileReports } from './backup-files.js';
import type { BackupPlan } from './backup-units.js';
import type { BackupView } from './backup-view.js';
import type { FileOutcome } from './run.js';
import { columnFamilyReports, emptyTarget } from './target.js';

/** A backup directory of which the metadata has been read. */
export interface BackupScene {
  tree: FileTree;
  /** The backups that were asked for. */
  views: BackupView[];
  /** Ids that were asked for. Absent: all. */
  wanted?: readonly number[];
  /** CRC-32C by path of what is listed and no unit's. */
  checksums: Map<string, number>;
}

/** The report of a backup directory, from what its units came to. */
export async function concludeBackups(
  { tree, views, wanted, checksums: ofMetadata }: BackupScene,
  plan: BackupPlan,
  outcomes: readonly FileOutcome[],
): Promise<TargetReport> {
  const layout = backupLayout(tree);
  const checksums = new Map(ofMetadata);
  for (const { entry, crc } of outcomes) if (crc !== undefined) checksums.set(entry.file, crc);
  const attribution = new Attribution();
  attribution.unchecked.push(...notThere(layout, wanted));
  attribution.unchecked.push(...tree.unlistable.map(({ path: file, reason }) => ({ file, reason })));
  const backups: BackupReport[] = [];
  const sound = vouchedFor(views, checksums);
  const disagreements = checkSharing(views, checksums);
  for (const view of views) {
    const own = await checkBackup(tree, view, plan.outcomesOf(view, outcomes), checksums, sound);
    own.findings.push(...disagreements.filter(({ file }) => file === view.metaFile));
    attribution.add(view.parts.id, own.findings, own.unchecked);
    backups.push(backupReport(tree, view, own));
  }
  if (wanted === undefined) {
    const unsure = views.filter(({ sound }) => !sound).map(({ parts }) => parts.id);
    const used = new Set(views.flatMap(({ present }) => [...present]));
    attribution.findings.push(...checkLeftovers(layout, used, unsure), ...checkGaps(layout));
  }
  const report = headOf(tree, views);
  report.backups = backups;
  report.findings = attribution.all();
  report.unchecked = attribution.unchecked;
  for (const { entry } of outcomes.filter(({ vanished }) => vanished))
    report.unchecked.push({ file: entry.file, reason: 'the file was gone when it was to be read' });
  report.bytesRead = outcomes.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  report.files = backupFileReports(tree, views, outcomes, report);
  return report;
}

/** What the newest backup says of the database. */
export function headOf(tree: FileTree, views: readonly BackupView[]): TargetReport {
  const newest = views.findLast(({ database }) => database.version !== undefined) ?? views.at(-1);
  if (newest === undefined) {
    return {
      path: tree.target,
      kind: 'backup',
      engine: { name: 'rocksdb' },
      options: { walRecoveryMode: 'point-in-time' },
      columnFamilies: [],
      files: [],
      findings: [],
      unchecked: [],
      bytesRead: 0,
    };
  }
  const report = emptyTarget(tree.target, newest.database, 'backup');
  report.columnFamilies = columnFamilyReports(newest.database);
  // a backup directory is RocksDB's, even where nothing in it can be read
  if (report.engine.name === 'unknown') report.engine = { name: 'rocksdb' };
  return report;
}

/** Backups that were asked for by id and are not there, or that there are none. */
function notThere({ backups }: BackupLayout, wanted: readonly number[] = []): Unchecked[] {
  const ids = backups.map(({ id }) => id);
  // nothing to restore from must not pass for a backup that is well
  if (ids.length === 0)
    return [{ file: '.', reason: 'the directory holds no backup: no meta file and no private directory' }];
  return wanted
    .filter((id) => !ids.includes(id))
    .map((id) => ({
      file: `meta/${id}`,
      reason: `there is no backup ${id}; there are ${ids.join(', ')}`,
    }));
}

/** Files whose checksum is the one that some backup records. */
function vouchedFor(views: readonly BackupView[], checksums: ReadonlyMap<string, number>): Set<string> {
  const records = views.flatMap(({ listed }) => [...listed.values()]);
  return new Set(
    records
      .filter(({ path, crc }) => crc !== undefined && crc === checksums.get(path))
      .map(({ path }) => path),
  );
}

/** Shared files of which backups record different things; each finding is about the meta file that is wrong. */
function checkSharing(views: readonly BackupView[], checksums: ReadonlyMap<string, number>): Finding[] {
  const records = new Map<string, Parameters<typeof checkAgreement>[0][number][]>();
  for (const { listed: files, metaFile: meta } of views) {
    for (const listed of files.values()) {
      if (!listed.path.startsWith('shared')) continue;
      const crc = checksums.get(listed.path);
      const record = { meta, listed, ...(crc !== undefined && { crc }) };
      const known = records.get(listed.path);
      if (known) known.push(record);
      else records.set(listed.path, [record]);
    }
  }
  return [...records.values()].flatMap((several) => (several.length > 1 ? checkAgreement(several) : []));
}

function backupReport(tree: FileTree, view: BackupView, own: OwnResult): BackupReport {
  const { meta, parts, present } = view;
  const size = [...present].reduce((sum, path) => sum + (tree.files.get(path)?.size ?? 0), 0);
  return {
    id: parts.id,
    ...(meta?.timestamp !== undefined && { timestamp: meta.timestamp }),
    ...(meta?.sequence !== undefined && { sequence: String(meta.sequence) }),
    verdict: own.findings.some((f) => f.severity === 'error')
      ? 'damaged'
      : own.unchecked.length > 0
        ? 'incomplete'
        : 'clean',
    files: Math.max(view.listed.size, present.size),
    size,
  };
}
