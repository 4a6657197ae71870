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

/**
 * Whether states are worth listing: LevelDB does not open what is here. A table of another size than the MANIFEST says, it reads as
 * far as it can.
 */
export function leadsNowhere({ current, manifest, inventory, version }: Database): boolean {
  if (current === undefined || manifest === undefined || !manifest.named || version === undefined)
    return true;
  const { complete, error } = manifest.replay;
  if (!complete || error !== undefined) return true;
  const here = new Set(
    inventory.entries
      .filter(({ kind, place }) => kind === 'table' && place === 'database')
      .map((e) => e.number),
  );
  return [...version.columnFamilies.values()].some(({ tables }) =>
    [...tables.keys()].some((n) => !here.has(n)),
  );
}

/** What to do with a LevelDB directory, and above all what not to do. */
export function levelDbAdvice(database: Database, modes: readonly RecoveryReport[]): RecommendationReport {
  const own = modes.find((mode) => mode.own) ?? modes[0];
  if (own.harmless) return { reason: 'LevelDB opens it and loses nothing.' };
  return {
    command: commandOn(database, 'repair --strategy auto --dry-run'),
    reason: levelDbWarning(database, own),
  };
}

/** What an open would do to the directory, and what RepairDB would. The first words say what must not be done. */
export function levelDbWarning(database: Database, own: RecoveryReport): string {
  const { current, manifest, inventory } = database;
  const copy = ` Copy the directory first. RepairDB is no way out: it believes WALs whose checksums do not hold and so changes and invents entries, drops whole tables, brings deleted keys back, and says OK.`;
  if (current === undefined || manifest === undefined || !manifest.named) {
    const tables = inventory.entries.filter(
      ({ kind, place }) => kind === 'table' && place === 'database',
    ).length;
    const lost = tables === 0 ? '' : `: all ${tables} tables would be deleted`;
    return `Do not open it: with create_if_missing LevelDB makes a new database in its place${lost}.${copy}`;
  }
  if (!own.opens)
    return `Do not open it. LevelDB itself refuses (${own.error}) and changes nothing; programs that then repair it or begin anew do.${copy}`;
  const deleted = deletedByOpen(database);
  const more = deleted.length > NAMED ? ` and ${deleted.length - NAMED} more` : '';
  return `Do not open it: LevelDB would open without what is damaged, and delete ${deleted.slice(0, NAMED).join(', ')}${more}.${copy}`;
}
