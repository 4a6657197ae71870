import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import type { RecommendationReport, RecoveryReport } from '../report/report.js';

/** Files that the advice names one by one. */
const NAMED = 5;

/**
 * What LevelDB removes from the directory when it opens (leveldb db/db_impl.cc `RemoveObsoleteFiles`): WALs, which it has replayed
 * or which stand below the log number, tables that the MANIFEST does not name, older MANIFESTs, temporary files.
 */
function deletedByOpen({ inventory, version, manifest }: Database): string[] {
  const live = new Set(
    [...(version?.columnFamilies.values() ?? [])].flatMap(({ tables }) => [...tables.keys()]),
  );
  return inventory.entries
    .filter(({ place }) => place === 'database')
    .filter(({ kind, number }) => {
      if (kind === 'wal') return true;
      if (kind === 'table') return number === undefined || !live.has(number);
      if (kind === 'manifest') return true;
      return kind === 'temporary' && number !== manifest?.entry.number;
    })
    .map(({ file }) => file);
}

/** What to do with a LevelDB directory, and above all what not to do. */
export function levelDbAdvice(database: Database, modes: readonly RecoveryReport[]): RecommendationReport {
  const own = modes.find((mode) => mode.own) ?? modes[0];
  if (own.harmless) return { reason: 'LevelDB opens it and loses nothing.' };
  const { current, manifest, inventory } = database;
  const copy = `Copy the directory first. RepairDB is no way out: it believes WALs whose checksums do not hold, and drops whole tables.`;
  const command = commandOn(database, 'scan');
  if (current === undefined || manifest === undefined || !manifest.named) {
    const tables = inventory.entries.filter(
      ({ kind, place }) => kind === 'table' && place === 'database',
    ).length;
    const lost = tables === 0 ? '' : `: all ${tables} tables would be deleted`;
    return {
      command,
      reason: `Do not open it: with create_if_missing LevelDB makes a new database in its place${lost}. ${copy}`,
    };
  }
  if (!own.opens) return { command, reason: `LevelDB refuses (${own.error}) and changes nothing. ${copy}` };
  const deleted = deletedByOpen(database);
  const more = deleted.length > NAMED ? ` and ${deleted.length - NAMED} more` : '';
  return {
    command,
    reason: `Do not open it: LevelDB would open without what is damaged, and delete ${deleted.slice(0, NAMED).join(', ')}${more}. ${copy}`,
  };
}
