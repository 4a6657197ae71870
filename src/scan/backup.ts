import { availableParallelism } from 'node:os';
import { checkAgreement, checkListedFile } from '../check/backup/files.js';
import { type BackupLayout, backupLayout } from '../check/backup/layout.js';
import { checkGaps, checkLeftovers } from '../check/backup/leftovers.js';
import { findingAt } from '../check/directory/place.js';
import type { Depth, Unchecked } from '../check/unit.js';
import type { DatabaseRequest } from '../engine/database.js';
import { BACKUP_DIRECTORIES } from '../engine/detect.js';
import type { Finding } from '../finding/finding.js';
import { ChecksummingSource } from '../io/checksum.js';
import { openSource } from '../io/source.js';
import { type FileTree, listTree } from '../io/tree.js';
import type { BackupReport, TargetReport } from '../report/report.js';
import { Attribution } from './backup-attribution.js';
import { backupFileReports } from './backup-files.js';
import { planBackups } from './backup-units.js';
import { type BackupView, isWhole, nameInDatabase, viewBackup } from './backup-view.js';
import { crossCheck } from './cross.js';
import { checkMetadata } from './metadata.js';
import type { ScanHooks, ScanOptions } from './options.js';
import type { FileOutcome, runPlan } from './run.js';
import { runnerFor } from './run-selected.js';
import { columnFamilyReports, emptyTarget } from './target.js';

/** Runs the units of a scan. */
export type UnitRunner = typeof runPlan;

/** Checks the backups of a BackupEngine directory. */
export async function scanBackups(
  target: string,
  options: ScanOptions,
  hooks: ScanHooks,
): Promise<TargetReport> {
  return scanBackupTree(await listTree(target, BACKUP_DIRECTORIES), options, hooks, runnerFor(options));
}

/** The circumstances of every backup: it was copied at one moment, and nobody writes to it. */
const AT_REST = { atRest: true, owned: false };

/** Checks the backups in a tree of files, whatever it was read from. */
export async function scanBackupTree(
  tree: FileTree,
  options: ScanOptions,
  hooks: ScanHooks,
  run: UnitRunner,
): Promise<TargetReport> {
  const depth = options.depth ?? 'full';
  const request: DatabaseRequest =
    options.engineVersion === undefined ? {} : { engineVersion: options.engineVersion };
  const layout = backupLayout(tree);
  const chosen = layout.backups.filter(({ id }) => options.backups?.includes(id) ?? true);
  const views: BackupView[] = [];
  for (const parts of chosen) views.push(await viewBackup(tree, parts, layout.shared, request));
  const plan = await planBackups(views, depth);
  const outcomes = await run(plan.units, options.jobs ?? availableParallelism(), hooks);
  const checksums = await checksumsOf(tree, views, outcomes, depth);
  const attribution = new Attribution();
  attribution.unchecked.push(...notThere(layout, options));
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
  if (options.backups === undefined) {
    const unsure = views.filter(({ sound }) => !sound).map(({ parts }) => parts.id);
    const used = new Set(views.flatMap(({ present }) => [...present]));
    attribution.findings.push(...checkLeftovers(layout, used, unsure), ...checkGaps(layout));
  }
  const report = headOf(tree, views);
  report.backups = backups;
  report.findings = attribution.all();
  report.unchecked = attribution.unchecked;
  report.bytesRead = outcomes.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  report.files = backupFileReports(tree, views, outcomes, report);
  return report;
}

/** What the newest backup says of the database. */
function headOf(tree: FileTree, views: readonly BackupView[]): TargetReport {
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
function notThere({ backups }: BackupLayout, { backups: wanted = [] }: ScanOptions): Unchecked[] {
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

/** CRC-32C of every file that a backup lists, by path. Tables, WALs and blob files bring theirs from their check. */
async function checksumsOf(
  tree: FileTree,
  views: readonly BackupView[],
  outcomes: readonly FileOutcome[],
  depth: Depth,
): Promise<Map<string, number>> {
  const checksums = new Map<string, number>();
  if (depth === 'structure') return checksums;
  const units = new Set(outcomes.map(({ entry }) => entry.file));
  for (const { entry, crc } of outcomes) if (crc !== undefined) checksums.set(entry.file, crc);
  for (const path of new Set(views.flatMap(({ listed }) => [...listed.keys()]))) {
    const file = tree.files.get(path);
    if (file === undefined || units.has(path)) continue;
    const crc = await checksumOf(file.source);
    if (crc !== undefined) checksums.set(path, crc);
  }
  return checksums;
}

/** `undefined` where the file cannot be read: reading it as metadata has said so. */
async function checksumOf(descriptor: Parameters<typeof openSource>[0]): Promise<number | undefined> {
  try {
    const source = new ChecksummingSource(await openSource(descriptor));
    try {
      return await source.checksum();
    } finally {
      await source.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

interface OwnResult {
  findings: Finding[];
  unchecked: Unchecked[];
}

/** Everything that is wrong with one backup: its meta file, its database, and its files against what is recorded of them. */
async function checkBackup(
  tree: FileTree,
  view: BackupView,
  outcomes: FileOutcome[],
  checksums: ReadonlyMap<string, number>,
  sound: ReadonlySet<string>,
): Promise<OwnResult> {
  const { database, metaFile, meta, parts, unread } = view;
  const unchecked: Unchecked[] = outcomes.flatMap((o) => o.unchecked);
  if (unread !== undefined) unchecked.push({ file: metaFile, reason: unread });
  if (parts.meta === undefined && !isWhole(view)) {
    return { findings: [unfinished(view)], unchecked };
  }
  const findings: Finding[] = (meta?.anomalies ?? []).map(({ rule, ...about }) =>
    findingAt({ file: metaFile }, rule, about),
  );
  if (parts.meta === undefined) findings.push(missingMeta(view));
  const metadata = await checkMetadata(database, outcomes, AT_REST);
  unchecked.push(...metadata.unchecked);
  const content = [...metadata.findings, ...crossCheck(database, outcomes, AT_REST)]
    .map((found) => inBackup(view, tree, found))
    .filter((found) => found !== undefined);
  const damaged = new Set(content.filter((f) => f.severity === 'error').map((f) => f.file));
  findings.push(...content.map((found) => whenDamaged(view, found, checksums)));
  for (const listed of view.listed.values()) {
    if (listed.excluded && !tree.files.has(listed.path)) {
      unchecked.push({
        file: listed.path,
        reason: `${metaFile} says that it is kept in another backup directory`,
      });
    }
    const crc = checksums.get(listed.path);
    findings.push(
      ...checkListedFile(tree, {
        listed,
        meta: metaFile,
        ...(crc !== undefined && { crc }),
        // where another backup's record fits the file, this one's record is wrong, which is said of the meta file
        settled: damaged.has(listed.path) || sound.has(listed.path),
      }),
    );
  }
  return { findings, unchecked };
}

function missingMeta({ parts, metaFile, database }: BackupView): Finding {
  return findingAt({ file: metaFile }, 'backup/missing-meta', {
    message: `private/${parts.id} holds a whole database, and the meta file that makes a backup of it is not there`,
    evidence: {
      files: database.inventory.entries.length,
      ...(database.version?.lastSequence !== undefined && {
        lastSequence: String(database.version.lastSequence),
      }),
      ...(parts.unfinishedMeta && { unfinished: parts.unfinishedMeta.path }),
    },
  });
}

function unfinished({ parts, metaFile }: BackupView): Finding {
  const { privateFiles, unfinishedMeta } = parts;
  return findingAt({ file: unfinishedMeta?.path ?? `private/${parts.id}` }, 'backup/unfinished', {
    message: `there is no ${metaFile}, and what there is of backup ${parts.id} is no whole database`,
    evidence: { files: privateFiles.map(({ path }) => path).slice(0, 20) },
  });
}

/**
 * A finding about the database of a backup, under the names that its files have in the backup directory. `undefined` when
 * the meta file says the same, that a file that it lists is missing.
 */
function inBackup(view: BackupView, tree: FileTree, found: Finding): Finding | undefined {
  if (view.present.has(found.file)) return found;
  // what an engine has not written yet, or not any more, is no business of a copy
  if (found.severity === 'note') return undefined;
  const lost = [...view.listed.values()].filter(({ path }) => !tree.files.has(path));
  if (lost.some(({ path }) => nameInDatabase(path) === found.file)) return undefined;
  const absent = found.rule === 'directory/missing-table' || found.rule === 'directory/missing-blob';
  if (view.sound && absent) {
    return {
      ...found,
      rule: 'backup/unlisted-file',
      file: view.metaFile,
      message: `the meta file does not list ${found.file}: ${found.message}`,
    };
  }
  return { ...found, file: `private/${view.parts.id}/${found.file}` };
}

/** Says of an error in a file whether it was in it already when the backup was made. */
function whenDamaged(view: BackupView, found: Finding, checksums: ReadonlyMap<string, number>): Finding {
  const recorded = view.listed.get(found.file)?.crc;
  const computed = checksums.get(found.file);
  if (found.severity !== 'error' || recorded === undefined || computed === undefined) return found;
  const backupChecksum =
    recorded === computed
      ? 'matches: the file was so when it was backed up, and restoring it will not fail'
      : 'does not match: the file was changed after it was backed up, and restoring it fails';
  return { ...found, evidence: { ...found.evidence, backupChecksum } };
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
