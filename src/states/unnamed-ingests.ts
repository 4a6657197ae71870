import type { Unchecked } from '../check/unit.js';
import { type Database, filesOf } from '../engine/database.js';
import { isCanonical } from '../format/filename.js';
import { fileBehind } from '../format/manifest/version.js';
import { boundsOverlap, hasNews } from './choice.js';
import { type Contents, contentsOf, type FoundTable, findTables } from './tables.js';

/*
 * Pebble links a table that is ingested into the directory before an edit names it (pebble ingest.go): of one that no edit names, nothing
 * tells whether it was stopped over the ingest, or whether the edit is lost. It deletes the table when it opens. So it is with one of sequences
 * 0 that holds what no live table does: it may have been made of an ingested one.
 */

/** Entries that are compared to tell an ingested table from what an unfinished compaction left. */
const MOST_ENTRIES = 4_000_000;

/** Tables that may have been ingested, and that no edit of a whole MANIFEST of Pebble and no log names. `known`: facts by file. */
export async function unnamedIngests(
  database: Database,
  known?: Parameters<typeof findTables>[1],
): Promise<FoundTable[]> {
  const { manifest, version, pebble, inventory } = database;
  if (pebble === undefined || version === undefined || manifest?.named !== true) return [];
  if (!manifest.replay.complete || manifest.replay.error !== undefined) return [];
  const tables = [...(version.columnFamilies.get(0)?.tables.values() ?? [])];
  const live = new Set(tables.map((table) => fileBehind(version, table).number));
  const named = new Set([
    ...live,
    ...manifest.replay.lastTables,
    ...version.backings.keys(),
    ...pebble.ingested.keys(),
  ]);
  const own = inventory.entries.filter(
    (entry) => entry.kind === 'table' && entry.place === 'database' && isCanonical(entry),
  );
  const first = manifest.entry.number ?? 0n;
  const unnamed = own.filter(({ number = 0n, size }) => number > first && size > 0 && !named.has(number));
  const read = (entries: typeof own) =>
    findTables({ ...database, inventory: { ...inventory, entries } }, known);
  const open = unnamed.length === 0 ? [] : await read(unnamed);
  const without = open.filter(
    ({ live: { largestSequence }, entries }) => largestSequence === 0n && entries > 0,
  );
  if (without.every(({ ingested }) => ingested)) return without;
  const others = await read(own.filter(({ number }) => live.has(number!)));
  const found: FoundTable[] = [];
  for (const table of without)
    if (table.ingested || (await holdsMore(table, others, database))) found.push(table);
  return found;
}

/** The same, as what a scan and a simulation could not decide. */
export async function uncheckedIngests(
  database: Database,
  known?: Parameters<typeof findTables>[1],
): Promise<Unchecked[]> {
  const found = await unnamedIngests(database, known);
  return found.map(({ entry: { file } }) => ({
    file,
    reason: `it may have been ingested: nothing tells whether that was acknowledged and the edit is lost; ${database.manifest!.entry.name} does not name it, and Pebble deletes it`,
  }));
}

/** Whether a table holds what none of those that it overlaps does: a compaction would have made nothing new of them. */
async function holdsMore(
  table: FoundTable,
  others: readonly FoundTable[],
  database: Database,
): Promise<boolean> {
  const inputs = others.filter((other) => boundsOverlap(other, table));
  if (inputs.length === 0) return true;
  const compared = [table, ...inputs];
  if (compared.reduce((sum, { entries }) => sum + entries, 0) > MOST_ENTRIES) return true;
  const contents = await contentsOf(compared, filesOf(database).open);
  const [first, ...rest] = compared.map(({ live }) => contents?.get(live.number));
  if (first === undefined) return true;
  // where a value stands in blob files is told by a number that each table counts anew
  const isApart = database.inventory.entries.some(({ kind }) => kind === 'blob');
  for (const each of isApart ? [first, ...rest] : []) forgetValues(each);
  return hasNews(
    first,
    rest.flatMap((each) => each ?? []),
  );
}

function forgetValues(contents: Contents | undefined): void {
  for (const versions of contents?.values() ?? []) for (const version of versions) version.value = '';
}
