import { counted, grouped } from '../finding/quantity.js';
import type { Summary } from './report.js';

/** What a report comes to, one phrase each; `interrupted` where the scan was. */
export function summaryTallies(summary: Summary, interrupted: string): string[] {
  return [
    summary.errors > 0 && counted(summary.errors, 'error'),
    summary.warnings > 0 && counted(summary.warnings, 'warning'),
    summary.notes > 0 && counted(summary.notes, 'note'),
    summary.unchecked > 0 && `${counted(summary.unchecked, 'file or range', 'files or ranges')} not checked`,
    summary.trusted && `${counted(summary.trusted.files, 'unchanged file')} taken on trust`,
    summary.skipped && `${counted(summary.skipped.files, 'file')} left out of the sample`,
    summary.known && `${grouped(summary.known)} known from the baseline`,
    summary.interrupted && interrupted,
  ].filter((part): part is string => typeof part === 'string');
}
