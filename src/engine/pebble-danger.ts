import type { Database } from './database.js';
import { refusesFirstFormat } from './pebble.js';
import { tablesDeleted } from './pebble-opened.js';
import { formatVersion } from './version.js';

/** Files that are named one by one. */
const NAMED = 5;

/** Why Pebble must not open a directory as it is: it would take it for a new one, or delete tables. Undefined where it would not. */
export function dangerOfOpening(database: Database): string | undefined {
  const { pebble, manifest, engineVersion } = database;
  const deleted = tablesDeleted(database);
  const shown = deleted.slice(0, NAMED).join(', ');
  const more = deleted.length > NAMED ? ` and ${deleted.length - NAMED} more` : '';
  if (pebble?.isNew && !(pebble.mustBePristine && refusesFirstFormat(engineVersion))) {
    const what = deleted.length === 0 ? '' : ` and deletes ${shown}${more}`;
    return pebble.mustBePristine
      ? `Pebble ${formatVersion(engineVersion)} does not know format version 1 and makes a new database in its place${what}. Open it with 1.1, or with a release that refuses it`
      : `nothing names a MANIFEST, so that Pebble makes a new database in its place${what}`;
  }
  const isCut = manifest !== undefined && !manifest.replay.complete;
  return isCut && deleted.length > 0
    ? `Pebble would end its MANIFEST at the damage, and delete ${shown}${more}`
    : undefined;
}
