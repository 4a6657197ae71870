import { BACKUP_DIRECTORIES } from '../../engine/detect.js';
import type { Finding } from '../../finding/finding.js';
import { nameInDatabase } from '../../format/backup-name.js';
import { parseFileName } from '../../format/filename.js';
import type { Listing } from '../../io/listing.js';
import type { FileKind, FileReport, TargetReport } from '../../report/report.js';
import { factsOf, kinds, trustOf } from '../file-report.js';
import { liveTables } from '../plan.js';
import type { FileOutcome } from '../run.js';
import { modifiedAt } from '../select.js';
import type { BackupView } from './view.js';

/** One line for each file of a backup directory that was looked at, and one for each that is missing. */
export function backupFileReports(
  listing: Listing,
  views: readonly BackupView[],
  outcomes: readonly FileOutcome[],
  { findings, unchecked }: Pick<TargetReport, 'findings' | 'unchecked'>,
): FileReport[] {
  const byFile = grouped(findings);
  const skipped = new Set(unchecked.map(({ file }) => file));
  const outcomeOf = new Map(outcomes.map((outcome) => [outcome.entry.file, outcome]));
  const owners = ownersOf(views);
  const metas = new Set(views.map(({ metaFile }) => metaFile));
  const reports: FileReport[] = [];
  for (const file of listing.files.values()) {
    const { path, size } = file;
    const kind = kindOf(path);
    const worst = byFile.get(path)?.map((f) => f.severity) ?? [];
    const used = owners.get(path);
    const outcome = outcomeOf.get(path);
    const status = worst.includes('error')
      ? 'damaged'
      : worst.includes('warning')
        ? 'suspicious'
        : skipped.has(path) || outcome?.vanished
          ? 'unchecked'
          : outcome?.notRead
            ? outcome.notRead === 'skipped'
              ? 'skipped'
              : 'trusted'
            : used !== undefined || metas.has(path)
              ? 'clean'
              : 'ignored';
    const owned = used?.find((owner) => owner !== undefined);
    reports.push({
      path,
      kind,
      size,
      modified: modifiedAt(file),
      status,
      ...(kind === 'table' && useOf(used !== undefined, byFile.get(path))),
      ...(owned && { columnFamily: owned.family, level: owned.level }),
      ...(outcome?.notRead ? trustOf(outcome.notRead) : factsOf(outcome?.facts)),
    });
  }
  for (const [path, about] of byFile) {
    if (listing.files.has(path) || about.every((f) => f.severity === 'note')) continue;
    reports.push({ path, kind: kindOf(path), size: 0, status: 'missing' });
  }
  return reports;
}

/** A file of a backup that was not asked for is neither. */
function useOf(used: boolean, findings: readonly Finding[] = []): Pick<FileReport, 'use'> {
  if (used) return { use: 'live' };
  return findings.some(({ rule }) => rule === 'backup/leftover') ? { use: 'obsolete' } : {};
}

/** Of each file that a backup has, where its table stands in each of them. */
function ownersOf(views: readonly BackupView[]) {
  const owners = new Map<string, ({ family: string; level: number } | undefined)[]>();
  for (const { database, present, unfinished } of views) {
    if (unfinished) continue;
    const tables = liveTables(database);
    const byFile = new Map(database.inventory.entries.map((entry) => [entry.file, entry]));
    for (const path of present) {
      const entry = byFile.get(path);
      const live =
        entry?.kind === 'table' && entry.number !== undefined ? tables.get(entry.number) : undefined;
      const owner = live && { family: live.family.name, level: live.table.level };
      const known = owners.get(path);
      if (known) known.push(owner);
      else owners.set(path, [owner]);
    }
  }
  return owners;
}

function grouped(findings: readonly Finding[]): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const found of findings) {
    const group = groups.get(found.file);
    if (group) group.push(found);
    else groups.set(found.file, [found]);
  }
  return groups;
}

function kindOf(path: string): FileKind {
  const [directory] = path.split('/');
  if (path.endsWith('.tmp')) return 'temporary';
  if (directory === 'meta') return 'backup-meta';
  if (!BACKUP_DIRECTORIES.some((name) => name === directory)) return 'other';
  return kinds[parseFileName(nameInDatabase(path)).kind] ?? 'other';
}
