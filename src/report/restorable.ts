import type { Finding } from '../finding/finding.js';
import { counted } from '../finding/quantity.js';
import type { BackupVerdict, Report, TargetReport } from './report.js';

/**
 * What of a backup directory can be restored, in one line for a script and a person:
 * `can be restored: 1, 2; newest: 2; damaged: 3 (2 files); unfinished: 4`.
 */
export function restorableLine(target: TargetReport, { summary }: Report): string | undefined {
  const { backups, restorable } = target;
  if (backups === undefined || restorable === undefined) return undefined;
  const of = (verdict: BackupVerdict) => backups.filter((backup) => backup.verdict === verdict);
  const damaged = of('damaged').map(({ id }) => `${id} (${counted(damagedFiles(target, id), 'file')})`);
  const parts = [
    `can be restored: ${restorable.length > 0 ? restorable.join(', ') : 'none'}`,
    restorable.length > 0 && `newest: ${restorable.at(-1)}`,
    damaged.length > 0 && `damaged: ${damaged.join(', ')}`,
    ...(['unfinished', 'incomplete'] as const).map((verdict) => {
      const ids = of(verdict).map(({ id }) => id);
      return ids.length > 0 && `${verdict === 'incomplete' ? 'not checked' : verdict}: ${ids.join(', ')}`;
    }),
  ].filter((part) => part);
  const unread =
    summary.depth === 'structure' ? ' (structure only: the files were not held against their checksums)' : '';
  return parts.join('; ') + unread;
}

/** Errors that keep a backup from being restored. */
export function errorsOfBackup({ findings }: TargetReport, id: number): Finding[] {
  return findings.filter(({ severity, evidence: { backups } }) => {
    return severity === 'error' && Array.isArray(backups) && (backups as unknown[]).includes(id);
  });
}

function damagedFiles(target: TargetReport, id: number): number {
  return new Set(errorsOfBackup(target, id).map(({ file }) => file)).size;
}

/** Ids of backups that are unfinished, over all targets. */
export function unfinishedBackups({ targets }: Pick<Report, 'targets'>): number[] {
  return targets.flatMap(({ backups = [] }) =>
    backups.filter(({ verdict }) => verdict === 'unfinished').map(({ id }) => id),
  );
}
