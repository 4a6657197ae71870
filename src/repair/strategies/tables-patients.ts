import { checkTable } from '../../check/sst/table.js';
import type { TableContext, UnitResult } from '../../check/unit.js';
import type { Database } from '../../engine/database.js';
import type { ColumnFamily, LiveTable, Version } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import type { Pace } from '../pace.js';

/** A live table, its file, and what is wrong with it. */
export interface Patient {
  family: ColumnFamily;
  live: LiveTable;
  entry?: InventoryEntry;
  result?: UnitResult;
}

/** The file of a live table: `.sst` before `.ldb`, in its own path where several have the number. */
function fileOf({ inventory }: Database, { number, pathId }: LiveTable): InventoryEntry | undefined {
  const named = inventory.entries.filter(
    (e) => e.kind === 'table' && e.number === number && (e.place === 'database' || e.place === 'db-path'),
  );
  const inPath = named.filter((e) => (e.pathId ?? 0) === pathId);
  const candidates = inPath.length > 0 ? inPath : named;
  return candidates.find(({ name }) => name.endsWith('.sst')) ?? candidates[0];
}

/** Checks all live tables. */
export async function examine(database: Database, version: Version, pace: Pace): Promise<Patient[]> {
  const patients: Patient[] = [];
  // each is looked at once here, and once more where it is repaired
  for (const { tables } of version.columnFamilies.values())
    for (const live of tables.values()) pace.expect(2 * (fileOf(database, live)?.size ?? 0));
  for (const family of version.columnFamilies.values()) {
    for (const live of family.tables.values()) {
      const entry = fileOf(database, live);
      const result = entry && (await check(entry, contextOf(database, family, live, entry)));
      pace.advance(entry?.size ?? 0);
      await pace.step();
      patients.push({ family, live, ...(entry && { entry }), ...(result && { result }) });
    }
  }
  // deeper tables first: what hides older versions looks into them as they are then
  return patients.sort((a, b) => b.live.level - a.live.level);
}

function contextOf(
  { version }: Database,
  family: ColumnFamily,
  live: LiveTable,
  { file, number }: InventoryEntry,
): TableContext {
  return {
    file,
    depth: 'full',
    live,
    columnFamilyName: family.name,
    ...(number !== undefined && { number }),
    ...(family.comparator !== '' && { comparator: family.comparator }),
    ...(version?.databaseId !== undefined && { databaseId: version.databaseId }),
  };
}

async function check(entry: InventoryEntry, context: TableContext): Promise<UnitResult> {
  const source = await openSource(entry.source);
  try {
    return await checkTable(source, context);
  } finally {
    await source.close();
  }
}

/** The table is as it should be, but for the size that the MANIFEST gives it. */
export async function onlySizeWrong(database: Database, { family, live, entry }: Patient): Promise<boolean> {
  if (entry === undefined || BigInt(entry.size) === live.size) return false;
  const context = contextOf(database, family, { ...live, size: BigInt(entry.size) }, entry);
  const { findings } = await check(entry, context);
  return !findings.some(({ severity, rule }) => severity === 'error' || rule === 'sst/wrong-file');
}

/** A file under another name that holds the table which the MANIFEST means. */
export async function fileWithId(database: Database, live: LiveTable): Promise<InventoryEntry | undefined> {
  for (const entry of database.inventory.entries) {
    if (entry.kind !== 'table' || entry.number === live.number || BigInt(entry.size) !== live.size) continue;
    const { findings, facts } = await check(entry, { file: entry.file, depth: 'full', live });
    if (findings.some(({ severity, rule }) => severity === 'error' || rule === 'sst/wrong-file')) continue;
    const same = facts.kind === 'table' && facts.uniqueId;
    if (live.uniqueId !== undefined && (!same || Buffer.compare(same, live.uniqueId) !== 0)) continue;
    // without ids the number that the table was written under has to do
    if (live.uniqueId === undefined && facts.kind === 'table' && facts.originalFileNumber !== live.number)
      continue;
    return entry;
  }
  return undefined;
}
