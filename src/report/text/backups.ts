import { byteSize, grouped } from '../../finding/quantity.js';
import type { BackupReport, TargetReport } from '../report.js';
import type { RenderSettings } from '../reporter.js';
import { plainTable, rendered } from './table.js';

function verdictWord({ verdict }: BackupReport, { palette }: RenderSettings): string {
  if (verdict === 'clean') return palette.good(verdict);
  return verdict === 'damaged' ? palette.error(verdict) : palette.warning(verdict);
}

/** `2026-11-22 00:53:01 UTC`. Empty where the meta file gives no time that can be one. */
function timeText(seconds: number | undefined): string {
  if (seconds === undefined || seconds > 8.64e12) return '';
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** The backups of a backup directory, each with its own verdict: any of them may be the one to restore. */
export function backupsText({ backups = [] }: TargetReport, settings: RenderSettings): string {
  if (backups.length === 0) return '';
  const table = plainTable(
    ['backup', 'made', 'sequence', 'files', 'size', 'verdict'],
    ['right', 'left', 'right', 'right', 'right', 'left'],
    settings,
  );
  for (const backup of backups) {
    table.push([
      String(backup.id),
      timeText(backup.timestamp),
      backup.sequence ?? '',
      grouped(backup.files),
      byteSize(backup.size),
      verdictWord(backup, settings),
    ]);
  }
  return `${rendered(table)}\n\n`;
}
