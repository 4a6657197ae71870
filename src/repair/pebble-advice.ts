import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import { dangerOfOpening } from '../engine/pebble-danger.js';
import type { RecommendationReport, RecoveryReport } from '../report/report.js';

/** What to do with a Pebble directory, and above all what not to do. */
export function pebbleAdvice(database: Database, modes: readonly RecoveryReport[]): RecommendationReport {
  const [own] = modes;
  const { pebble } = database;
  const command = commandOn(database, 'repair --strategy auto --dry-run');
  const copy = 'Copy the directory first.';
  const danger = dangerOfOpening(database);
  if (danger !== undefined && pebble?.isNew)
    return { ...(!pebble.mustBePristine && { command }), reason: `Do not open it: ${danger}. ${copy}` };
  if (!own.opens) return { command, reason: `Pebble refuses (${own.error}). ${copy}` };
  if (danger !== undefined) return { command, reason: `Do not open it: ${danger}. ${copy}` };
  if (own.harmless) return { reason: 'Pebble opens it and loses nothing that the files still tell of.' };
  return {
    command,
    reason: `Do not open it: Pebble would open without what is damaged, and delete the WALs. ${copy}`,
  };
}
