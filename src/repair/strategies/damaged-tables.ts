import { append } from '../../bytes/append.js';
import { asPebble } from '../../check/pebble/severity.js';
import { checkTable } from '../../check/sst/table.js';
import { tableContext } from '../../check/sst/table-context.js';
import type { TableContext, TableFacts, UnitResult } from '../../check/unit.js';
import { type Database, filesOf } from '../../engine/database.js';
import {
  type ColumnFamily,
  fileBehind,
  type LiveTable,
  type Version,
} from '../../format/manifest/version.js';
import { comparatorNamed, compareInternalKeys } from '../../format/sst/comparator.js';
import type { InventoryEntry } from '../../io/inventory.js';
import type { OpenSource } from '../../io/source.js';
import type { Pace } from '../pace.js';

/** A live table, its file, and what is wrong with it. */
export interface DamagedTable {
  family: ColumnFamily;
  live: LiveTable;
  entry?: InventoryEntry;
  result?: UnitResult;
}

/** The file of a live table: `.sst` before `.ldb`, in its own path where several have the number. */
function fileOf({ inventory }: Database, version: Version, live: LiveTable): InventoryEntry | undefined {
  const { number } = fileBehind(version, live);
  const { pathId } = live;
  const named = inventory.entries.filter(
    (e) => e.kind === 'table' && e.number === number && (e.place === 'database' || e.place === 'db-path'),
  );
  const inPath = named.filter((e) => (e.pathId ?? 0) === pathId);
  const candidates = inPath.length > 0 ? inPath : named;
  return candidates.find(({ name }) => name.endsWith('.sst')) ?? candidates[0];
}

/** Checks all live tables that lie in the directory. */
export async function examine(database: Database, version: Version, pace: Pace): Promise<DamagedTable[]> {
  const damagedTables: DamagedTable[] = [];
  const { open } = filesOf(database);
  // each is looked at once here, and once more where it is repaired
  for (const { tables } of version.columnFamilies.values())
    for (const live of tables.values()) pace.expect(2 * (fileOf(database, version, live)?.size ?? 0));
  for (const family of version.columnFamilies.values()) {
    for (const live of family.tables.values()) {
      // not here, and not missing
      if (database.pebble?.remote.has(fileBehind(version, live).number)) continue;
      const entry = fileOf(database, version, live);
      const own = entry && (await checkedTable(entry, contextOf(database, family, live, entry), open));
      const result =
        own && database.dialect === 'pebble'
          ? { ...own, findings: own.findings.map((found) => asPebble(found, database, live)) }
          : own;
      pace.advance(entry?.size ?? 0);
      await pace.step();
      damagedTables.push({ family, live, ...(entry && { entry }), ...(result && { result }) });
    }
  }
  // deeper tables first: what hides older versions looks into them as they are then
  return damagedTables.sort((a, b) => b.live.level - a.live.level);
}

function contextOf(
  database: Database,
  family: ColumnFamily,
  live: LiveTable,
  entry: InventoryEntry,
): TableContext {
  const { version } = database;
  return {
    ...tableContext(database, entry),
    depth: 'full',
    live: { ...live, ...(version && fileBehind(version, live)) },
    columnFamilyName: family.name,
    ...(family.comparator !== '' && { comparator: family.comparator }),
    ...(version?.databaseId !== undefined && { databaseId: version.databaseId }),
  };
}

export async function checkedTable(
  entry: InventoryEntry,
  context: TableContext,
  open: OpenSource,
): Promise<UnitResult> {
  const source = await open(entry.source);
  try {
    return await checkTable(source, context);
  } finally {
    await source.close();
  }
}

/** Findings that hold a whole table against numbers of its MANIFEST entry. */
export const NUMBERS: ReadonlySet<string> = new Set([
  'sst/manifest-bounds',
  'sst/manifest-sequences',
  'sst/manifest-mismatch',
]);

/** What the MANIFEST should say of a table that is whole, and what of that it had wrong. */
interface CorrectedEntry {
  live: LiveTable;
  wrong: string[];
}

/**
 * The MANIFEST's entry put right, where nothing but its numbers disagrees with the table: then the table stays as it is, and
 * nothing that it holds is lost. Bounds and sequences only widen, as the order of level 0 rests on them.
 */
export async function correctedEntry(
  database: Database,
  { family, live, entry, result }: DamagedTable,
): Promise<CorrectedEntry | undefined> {
  if (entry === undefined || live.backing !== undefined) return undefined;
  const checked = async (table: LiveTable) =>
    checkedTable(entry, contextOf(database, family, table, entry), filesOf(database).open);
  const errorsOf = ({ findings }: UnitResult) =>
    findings.filter(({ severity, rule }) => severity === 'error' || rule === 'sst/wrong-file');
  const sized = { ...live, size: BigInt(entry.size) };
  const wrong = sized.size === live.size ? [] : ['size'];
  const found = wrong.length > 0 || result === undefined ? await checked(sized) : result;
  const errors = errorsOf(found);
  if (errors.length === 0) return wrong.length > 0 ? { live: sized, wrong } : undefined;
  if (found.facts.kind !== 'table' || !errors.every(({ rule }) => NUMBERS.has(rule))) return undefined;
  const widened = widen(sized, found.facts);
  append(wrong, widened.wrong);
  return errorsOf(await checked(widened.live)).length === 0 ? { live: widened.live, wrong } : undefined;
}

function widen(live: LiveTable, facts: TableFacts): CorrectedEntry {
  const comparator = comparatorNamed(facts.comparator);
  const { smallest, largest, smallestSequence, largestSequence, blobReferences } = facts;
  const below = (a: Uint8Array, b: Uint8Array) => (compareInternalKeys(comparator, a, b) ?? 0) < 0;
  const wider: Partial<LiveTable> = {};
  const wrong: string[] = [];
  if (smallest !== undefined && below(smallest, live.smallest)) wider.smallest = smallest;
  if (largest !== undefined && below(live.largest, largest)) wider.largest = largest;
  if (wider.smallest ?? wider.largest) wrong.push('bounds');
  if (live.points !== undefined)
    wider.points = {
      smallest: wider.smallest ?? live.points.smallest,
      largest: wider.largest ?? live.points.largest,
    };
  // compaction sets sequences to 0 that no snapshot needs any more
  if (smallestSequence && smallestSequence < live.smallestSequence) wider.smallestSequence = smallestSequence;
  if (largestSequence !== undefined && largestSequence > live.largestSequence)
    wider.largestSequence = largestSequence;
  if ((wider.smallestSequence ?? wider.largestSequence) !== undefined) wrong.push('sequences');
  const referred = blobReferences.map(({ number }) => number).filter((number) => number !== 0n);
  const oldest = referred.reduce<bigint | undefined>((a, b) => (a !== undefined && a < b ? a : b), undefined);
  if (oldest !== undefined && (live.oldestBlobFile === undefined || oldest < live.oldestBlobFile)) {
    wider.oldestBlobFile = oldest;
    wrong.push('oldest blob file');
  }
  return { live: { ...live, ...wider }, wrong };
}
