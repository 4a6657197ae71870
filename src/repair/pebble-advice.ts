import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import { refusesFirstFormat } from '../engine/pebble.js';
import { tablesDeleted } from '../engine/pebble-opened.js';
import { formatVersion } from '../engine/version.js';
import type { RecommendationReport, RecoveryReport } from '../report/report.js';

/** Files that the advice names one by one. */
const NAMED = 5;

/** What to do with a Pebble directory, and above all what not to do. */
export function pebbleAdvice(database: Database, modes: readonly RecoveryReport[]): RecommendationReport {
  const [own] = modes;
  const { pebble, manifest } = database;
  const command = commandOn(database, 'repair --strategy auto --dry-run');
  const copy = 'Copy the directory first.';
  const deleted = tablesDeleted(database);
  const shown = deleted.slice(0, NAMED).join(', ');
  const more = deleted.length > NAMED ? ` and ${deleted.length - NAMED} more` : '';
  const isRefused = pebble?.mustBePristine && refusesFirstFormat(database.engineVersion);
  if (pebble?.isNew && !isRefused) {
    const what = deleted.length === 0 ? '' : ` and deletes ${shown}${more}`;
    const why = pebble.mustBePristine
      ? `Pebble ${formatVersion(database.engineVersion)} does not know format version 1 and makes a new database in its place${what}. Open it with 1.1, or with a release that refuses it`
      : `nothing names a MANIFEST, so that Pebble makes a new database in its place${what}`;
    return { ...(!pebble.mustBePristine && { command }), reason: `Do not open it: ${why}. ${copy}` };
  }
  if (!own.opens) return { command, reason: `Pebble refuses (${own.error}). ${copy}` };
  const isCut = manifest !== undefined && !manifest.replay.complete;
  if (isCut && deleted.length > 0)
    return {
      command,
      reason: `Do not open it: Pebble would end its MANIFEST at the damage, and delete ${shown}${more}. ${copy}`,
    };
  if (own.harmless) return { reason: 'Pebble opens it and loses nothing that the files still tell of.' };
  return {
    command,
    reason: `Do not open it: Pebble would open without what is damaged, and delete the WALs. ${copy}`,
  };
}
