import { append } from '../../bytes/append.js';
import { checkAgreement, type Disagreement, type SharedRecord } from '../../check/backup/agreement.js';
import { type BackupLayout, backupLayout, isUnfinished } from '../../check/backup/layout.js';
import { checkGaps, checkUnlistedFiles } from '../../check/backup/leftovers.js';
import type { Depth, Unchecked } from '../../check/unit.js';
import { type Finding, type Severity, severities } from '../../finding/finding.js';
import type { Listing } from '../../io/listing.js';
import type { BackupReport, BackupVerdict, TargetReport } from '../../report/report.js';
import { type FileOutcome, mergeUnits } from '../run.js';
import { blankTarget, columnFamilyReports, emptyTarget } from '../target.js';
import type { UnitOutcome } from '../unit.js';
import { checkBackup, type OwnResult } from './check.js';
import { backupFileReports } from './files.js';
import { type BackupPlan, planBackups } from './plan.js';
import type { BackupView } from './view.js';

/** A backup directory of which the metadata has been read. */
export interface BackupScene {
  listing: Listing;
  /** The backups that were asked for. */
  views: BackupView[];
  /** Ids that were asked for. Absent: all. */
  wanted?: readonly number[];
  /** CRC-32C, by path, of listed files that need no unit. */
  checksums: Map<string, number>;
}

/** From the least to the worst. */
export const leastFirst: readonly Severity[] = severities.toReversed();

interface Entry {
  found: Finding;
  backups: number[];
}

/** Puts the findings of several backups together: one that several suffer from stands once, with the ids of them all. */
class Attribution {
  /** Findings that are about no backup. */
  readonly findings: Finding[] = [];
  readonly unchecked: Unchecked[] = [];
  private readonly entries = new Map<string, Entry>();

  add(id: number, findings: readonly Finding[], unchecked: readonly Unchecked[]): void {
    for (const found of findings) {
      const { rule, file, offset, length } = found;
      const key = [rule, file, offset, length, messageOf(found)].join('\0');
      const entry = this.entries.get(key);
      if (entry === undefined) {
        this.entries.set(key, { found, backups: [id] });
        continue;
      }
      if (leastFirst.indexOf(found.severity) > leastFirst.indexOf(entry.found.severity)) entry.found = found;
      if (!entry.backups.includes(id)) entry.backups.push(id);
    }
    for (const item of unchecked) {
      const known = this.unchecked.some(
        ({ file, reason, offset }) => file === item.file && reason === item.reason && offset === item.offset,
      );
      if (!known) this.unchecked.push(item);
    }
  }

  all(): Finding[] {
    const attributed = [...this.entries.values()].map(({ found, backups }) => ({
      ...found,
      evidence: { backups, ...found.evidence },
    }));
    return [...attributed, ...this.findings];
  }
}

/** Messages about files that are missing or wrong name the meta file, which is another for each backup. */
function messageOf({ rule, message }: Finding): string {
  return rule.startsWith('backup/') ? '' : message;
}

/** The report of a backup directory, from what its units came to. */
export async function concludeBackups(
  { listing, views, wanted, checksums: ofMetadata }: BackupScene,
  plan: BackupPlan,
  outcomes: readonly FileOutcome[],
): Promise<TargetReport> {
  const layout = backupLayout(listing);
  const checksums = new Map(ofMetadata);
  for (const { entry, crc } of outcomes) if (crc !== undefined) checksums.set(entry.file, crc);
  const attribution = new Attribution();
  append(attribution.unchecked, notThere(layout, wanted));
  append(
    attribution.unchecked,
    listing.unlistable.map(({ path: file, reason }) => ({ file, reason })),
  );
  const backups: BackupReport[] = [];
  const finished = views.filter(({ unfinished }) => !unfinished);
  const sound = vouchedFor(finished, checksums);
  const disagreements = checkSharing(listing.target, finished, checksums);
  for (const view of views) {
    const of = plan.outcomesOf(view, outcomes);
    const own = await checkBackup(listing, view, { layout, outcomes: of, checksums, sound });
    append(
      own.findings,
      disagreements.filter(({ backups: hit }) => hit.includes(view.parts.id)).map(({ finding }) => finding),
    );
    attribution.add(view.parts.id, own.findings, own.unchecked);
    backups.push(backupReport(listing, view, own, of));
  }
  if (wanted === undefined) {
    const unsure = finished.filter(({ sound }) => !sound).map(({ parts }) => parts.id);
    const used = new Set(views.flatMap(({ present }) => [...present]));
    append(attribution.findings, checkUnlistedFiles(layout, used, unsure));
    append(attribution.findings, checkGaps(layout));
  }
  const report = headOf(listing, views);
  report.backups = backups;
  report.restorable = backups.filter(({ verdict }) => verdict === 'clean').map(({ id }) => id);
  report.findings = attribution.all();
  report.unchecked = attribution.unchecked;
  for (const { entry } of outcomes.filter(({ vanished }) => vanished))
    report.unchecked.push({ file: entry.file, reason: 'the file was gone when it was to be read' });
  report.bytesRead = outcomes.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  report.files = backupFileReports(listing, views, outcomes, report);
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

/** What the newest backup says of the database. */
export function headOf(listing: Listing, views: readonly BackupView[]): TargetReport {
  const readable = views.filter(({ database }) => database.version !== undefined);
  const newest = readable.findLast(({ unfinished }) => !unfinished) ?? readable.at(-1) ?? views.at(-1);
  if (newest === undefined) {
    return { ...blankTarget(listing.target, 'backup'), engine: { name: 'rocksdb' } };
  }
  const report = emptyTarget(listing.target, newest.database, 'backup');
  report.columnFamilies = columnFamilyReports(newest.database);
  // a backup directory is RocksDB's, even where nothing in it can be read
  if (report.engine.name === 'unknown') report.engine = { name: 'rocksdb' };
  return report;
}

/** Backups that were asked for by id and that the engine does not know, or that it knows none. */
function notThere({ backups }: BackupLayout, wanted?: readonly number[]): Unchecked[] {
  // nothing to restore from must not pass for a backup that is well
  if (backups.length === 0)
    return [{ file: '.', reason: 'the directory holds no backup: no meta file and no private directory' }];
  const unfinished = new Set(backups.filter(isUnfinished).map(({ id }) => id));
  const ids = backups.map(({ id }) => id);
  if (wanted === undefined) {
    const none = 'the directory holds no backup that was finished: the engine knows none';
    return unfinished.size === backups.length ? [{ file: '.', reason: none }] : [];
  }
  return wanted
    .filter((id) => unfinished.has(id) || !ids.includes(id))
    .map((id) => ({
      file: `meta/${id}`,
      reason: unfinished.has(id)
        ? `backup ${id} is unfinished: the engine does not know it`
        : `there is no backup ${id}; there are ${ids.join(', ')}`,
    }));
}

/** Files whose checksum matches the record of a backup. */
function vouchedFor(views: readonly BackupView[], checksums: ReadonlyMap<string, number>): Set<string> {
  const records = views.flatMap(({ listed }) => [...listed.values()]);
  return new Set(
    records
      .filter(({ path, crc }) => crc !== undefined && crc === checksums.get(path))
      .map(({ path }) => path),
  );
}

/** Shared files of which backups record different checksums; each finding is about the meta file that is wrong. */
function checkSharing(
  target: string,
  views: readonly BackupView[],
  checksums: ReadonlyMap<string, number>,
): Disagreement[] {
  const records = new Map<string, SharedRecord[]>();
  for (const { listed: files, parts } of views) {
    for (const listed of files.values()) {
      if (!listed.path.startsWith('shared')) continue;
      const known = records.get(listed.path);
      if (known) known.push({ id: parts.id, listed });
      else records.set(listed.path, [{ id: parts.id, listed }]);
    }
  }
  return [...records].flatMap(([path, several]) =>
    several.length > 1 ? checkAgreement(target, several, checksums.get(path)) : [],
  );
}

/** What of a backup may be relied on. */
function verdictOf(
  { unfinished }: BackupView,
  own: OwnResult,
  outcomes: readonly FileOutcome[],
): BackupVerdict {
  if (own.findings.some((f) => f.severity === 'error')) return 'damaged';
  if (unfinished) return 'unfinished';
  const skipped = outcomes.some(({ notRead }) => notRead === 'skipped');
  return own.unchecked.length > 0 || skipped ? 'incomplete' : 'clean';
}

function backupReport(
  listing: Listing,
  view: BackupView,
  own: OwnResult,
  outcomes: readonly FileOutcome[],
): BackupReport {
  const { meta, parts, present, unfinished } = view;
  const size = [...present].reduce((sum, path) => sum + (listing.files.get(path)?.size ?? 0), 0);
  const known = unfinished ? undefined : meta;
  return {
    id: parts.id,
    ...(known?.timestamp !== undefined && { timestamp: known.timestamp }),
    ...(known?.sequence !== undefined && { sequence: String(known.sequence) }),
    verdict: verdictOf(view, own, outcomes),
    files: Math.max(view.listed.size, present.size),
    size,
  };
}
