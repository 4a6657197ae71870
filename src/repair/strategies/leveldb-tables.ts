import { type Database, filesOf } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { copyOfVersion, type Version } from '../../format/manifest/version.js';
import { rebuildVersion } from '../../states/rebuild.js';
import type { State, States } from '../../states/state.js';
import { type Contents, contentsOf, type FoundTable, findTables } from '../../states/tables.js';
import type { WalContents } from '../../states/wals.js';
import type { LossStatement } from '../plan.js';

/** A version whose tables are put right, with what that means. */
interface PutRight {
  version: Version;
  remarks: string[];
  loss: LossStatement[];
}

/** What is said of tables that a LevelDB MANIFEST has wrong. */
const TABLES: ReadonlySet<string> = new Set(['manifest/left-behind-table', 'manifest/overlapping-tables']);

/**
 * Puts the tables of a LevelDB MANIFEST right: those whose edit is lost come back, one that a compaction has replaced leaves, and
 * bounds that let tables of a level overlap become those of the keys. Undefined where nothing is wrong with them.
 */
export async function correctTables(
  database: Database,
  own: State,
  states: States,
  findings: readonly Finding[],
): Promise<PutRight | undefined> {
  const wrong = findings.filter(({ rule, severity }) => TABLES.has(rule) && severity === 'error');
  const known = states.manifests.find(({ entry }) => entry.file === database.manifest?.entry.file)?.known;
  const since = database.manifest?.entry.number ?? 0n;
  const unnamed = (number: bigint) => known !== undefined && number > since && !known.has(number);
  const anyUnnamed = database.inventory.entries.some(
    ({ kind, number, place, size }) =>
      kind === 'table' && place === 'database' && size > 0 && number !== undefined && unnamed(number),
  );
  if (wrong.length === 0 && !anyUnnamed) return undefined;
  const found = await findTables(database);
  const put: PutRight = { version: copyOfVersion(own.version), remarks: [], loss: [] };
  const { tables } = put.version.columnFamilies.get(0)!;
  for (const { rule, evidence } of wrong) {
    if (rule !== 'manifest/left-behind-table') continue;
    const table = tables.get(BigInt(String(evidence?.table)));
    if (table === undefined) continue;
    tables.delete(table.number);
    put.loss.push({
      file: database.manifest!.entry.file,
      detail: `table ${table.number}, which a compaction replaced: older values that it shows`,
      facts: { table: String(table.number) },
    });
  }
  if (wrong.some(({ rule }) => rule === 'manifest/overlapping-tables')) {
    for (const { live } of found) {
      const stated = tables.get(live.number);
      if (stated === undefined || stated.level === 0) continue;
      tables.set(live.number, { ...stated, smallest: live.smallest, largest: live.largest });
    }
    put.remarks.push('bounds of tables that overlap on a level become those of the keys that they hold');
  }
  const stated = found.filter(({ live, entry }) => entry.place === 'database' && tables.has(live.number));
  const candidates = found.filter(({ live, entry }) => entry.place === 'database' && unnamed(live.number));
  const forsaken = await withNews(database, candidates, stated, own);
  if (forsaken.length > 0) {
    const rebuilt = await rebuildVersion(database, {
      found: [...stated, ...forsaken].sort((a, b) => (a.live.number < b.live.number ? -1 : 1)),
      wals: states.wals,
      replay: { ...database.manifest!.replay, version: put.version },
      known: new Set(),
      foreign: new Set(),
      databaseIds: new Set(),
      beyondWals: new Set(forsaken.map(({ live }) => live.number)),
    });
    if (typeof rebuilt !== 'string') {
      put.version = rebuilt.version;
      put.remarks.push(...rebuilt.remarks);
    }
  }
  return wrong.length + forsaken.length === 0 ? undefined : put;
}

/** Tables that hold what no live table and no whole WAL does: the edit that named them is lost. */
async function withNews(
  database: Database,
  candidates: readonly FoundTable[],
  stated: readonly FoundTable[],
  { wals }: State,
): Promise<FoundTable[]> {
  const open = candidates.filter(({ live }) => !wals.some(({ wal }) => holdsAll(wal, live)));
  if (open.length === 0) return [];
  const contents = await contentsOf([...stated, ...open], filesOf(database).open);
  if (contents === undefined) return [];
  const held = stated.map(({ live }) => contents.get(live.number)!);
  return open.filter(({ live }) => hasNews(contents.get(live.number)!, held));
}

function holdsAll(
  { first, last, whole, holes }: WalContents,
  { smallestSequence: from, largestSequence: to }: FoundTable['live'],
): boolean {
  if (first === undefined || last === undefined || !whole || first > from || last < to) return false;
  return !holes.some((hole) => hole.from <= to && hole.to >= from);
}

function hasNews(table: Contents, others: readonly Contents[]): boolean {
  for (const [key, versions] of table)
    for (const { sequence } of versions)
      if (!others.some((other) => other.get(key)?.some((v) => v.sequence === sequence))) return true;
  return false;
}
