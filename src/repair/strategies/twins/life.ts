import type { Database } from '../../../engine/database.js';
import { identityOf } from '../../../engine/identity.js';
import { beginningOfInfoLog, sessionInInfoLog } from '../../../format/info-log.js';
import { readHead } from '../../../io/head.js';
import { liveTables } from '../../../scan/plan.js';
import { beginTheSame } from './composition.js';
import { logIdOf, ownEntry, ownLog, usual } from './part.js';
import type { SecondSource } from './sources.js';

/** Bytes of LOG that are looked at: it begins with the options of every column family. */
const SESSION_LIMIT = 1 << 20;

/** Bytes of a log that hold a whole batch at least: a log that holds none is the same in every life. */
export const LEAST_SHARED = 32;

/**
 * Whether a source is of the same life of a database: it has the MANIFEST of the same number, one of the two is a beginning of
 * the other, and something in it or beside it tells it from that of any other database. Whoever opens a database begins another
 * MANIFEST; a replica that was opened as often and has no tables yet has the same one (Kvrocks), and another identity.
 */
export async function isSameLife(database: Database, source: SecondSource): Promise<boolean> {
  if (!(await hasSameManifest(database, source))) return false;
  const [own, other] = await Promise.all(
    [database, source.database].map((each) => identityOf(each.inventory)),
  );
  if (own !== undefined && other !== undefined) return true;
  return hasIdentity(shorterOf(database, source), database, source);
}

/** Of two whose MANIFESTs begin the same, the one that has no more than what both have. */
function shorterOf(database: Database, { database: other }: SecondSource): Database {
  return database.manifest!.replay.logicalEnd <= other.manifest!.replay.logicalEnd ? database : other;
}

/**
 * Number of the MANIFEST that RocksDB writes while it creates a database, at most: 7.8 and 12.2 give it 5, and 9 to the one of the next open.
 * The id that both have was made then, so that no clone was before. Releases without OPTIONS files use fewer numbers.
 */
const FIRST_MANIFEST = 5n;

/**
 * Whether a source is of the same life, and was still when this MANIFEST was written: it is not the clone of a stopped server that was
 * started, too. Two clones begin the same MANIFEST, and logs of the same numbers, and write different things into them. LOG says the
 * session; or no file of a number that is whole in both is another one, and a table that came later than the session's first log is in
 * both: files are numbered in the order in which they are begun. Of engines whose tables have no ids, it is the same byte for byte.
 */
export async function isSameSession(database: Database, source: SecondSource): Promise<boolean> {
  if (!(await hasSameManifest(database, source))) return false;
  const began = database.manifest!.entry.number!;
  const isSame = await isNamedSession(database, source);
  if (isSame !== undefined) return isSame;
  if (!(await isSameLife(database, source)) || (await source.partedAt()) !== undefined) return false;
  if (database.dialect === 'rocksdb' && database.optionsFile !== undefined && began <= FIRST_MANIFEST)
    return true;
  const start = sessionStart(database);
  for (const { table } of liveTables(shorterOf(database, source)).values()) {
    if (table.number <= start) continue;
    if (table.uniqueId !== undefined || (await isSameTable(database, source, table.number))) return true;
  }
  return false;
}

/**
 * What was written since this MANIFEST was begun has a larger number. An open of LevelDB makes tables of what the logs before held, after it
 * took the MANIFEST's number and before the one of its own first log: clones have those, too (leveldb db/db_impl.cc, `DBImpl::Recover`).
 */
function sessionStart({ manifest, dialect }: Database): bigint {
  const began = manifest?.entry.number ?? 0n;
  if (dialect !== 'leveldb') return began;
  // edits begin logs in the order of their numbers
  return manifest?.replay.begunWals.find((number) => number > began) ?? began;
}

/** Whether one session began the MANIFEST that both have, as LOG says it in both. */
async function isNamedSession(database: Database, source: SecondSource): Promise<boolean | undefined> {
  const began = database.manifest!.entry.number!;
  const [mine, its] = await Promise.all([database, source.database].map((each) => sessionOf(each, began)));
  return mine === undefined || its === undefined ? undefined : mine === its;
}

/** The session that began a MANIFEST, as LOG says it. Checkpoints and backups have none. */
async function sessionOf({ inventory, dialect }: Database, manifest: bigint): Promise<string | undefined> {
  const entry = inventory.entries.find(({ name, place }) => name === 'LOG' && place === 'database');
  if (entry === undefined) return undefined;
  const head = await readHead(entry.source, SESSION_LIMIT).catch(() => new Uint8Array(0));
  const text = Buffer.from(head).toString('latin1');
  // every open of LevelDB begins another LOG
  return dialect === 'leveldb' ? beginningOfInfoLog(text) : sessionInInfoLog(text, manifest);
}

/** Whether both have the MANIFEST of the same number, whole, and one of the two is a beginning of the other. */
export async function hasSameManifest(database: Database, source: SecondSource): Promise<boolean> {
  return (await sharedManifest(database, source)) === 'same';
}

/**
 * What both have of the MANIFEST of one number, where both are whole: one is a beginning of the other, or they part after they began the
 * same, as those of two clones do.
 */
async function sharedManifest(
  database: Database,
  source: SecondSource,
): Promise<'same' | 'parts' | undefined> {
  const [mine, its] = [database.manifest, source.database.manifest];
  if (mine === undefined || its === undefined || mine.entry.number !== its.entry.number) return undefined;
  const length = Math.min(mine.replay.logicalEnd, its.replay.logicalEnd);
  if (length === 0 || !mine.replay.complete || !its.replay.complete) return undefined;
  if (await isOtherDatabase(database, source)) return undefined;
  if (await beginTheSame(mine.entry.source, its.entry.source, length)) return 'same';
  return (await beginTheSame(mine.entry.source, its.entry.source, LEAST_SHARED)) ? 'parts' : undefined;
}

/**
 * Where a source parts whose files have the numbers of this database's: of a copy, or of a clone. Clones part before the first log of their
 * session. A replica has numbers of its own, and another file under the same one says nothing of it.
 */
export async function partedIn(database: Database, source: SecondSource): Promise<bigint | undefined> {
  const manifests = await sharedManifest(database, source);
  if (manifests === undefined) return undefined;
  const parted = await source.partedAt();
  if (manifests === 'same' && (await isNamedSession(database, source)) !== false) return parted;
  const begun = firstLog(database) - 1n;
  return parted !== undefined && parted < begun ? parted : begun;
}

/**
 * No log of the session that began this MANIFEST has a lower number. RocksDB and Pebble take a number for the log of an open, and the next one
 * for the MANIFEST that names it (rocksdb db/db_impl/db_impl_open.cc, `DBImpl::Open`; pebble open.go, `Open`).
 */
function firstLog(database: Database): bigint {
  const start = sessionStart(database);
  return database.dialect === 'leveldb' ? start : start - 1n;
}

/** Whether a MANIFEST holds what no other database's does. LevelDB and Pebble write nothing of the kind: there files have to do. */
async function hasIdentity(shorter: Database, database: Database, source: SecondSource): Promise<boolean> {
  const { version, dialect } = shorter;
  if (version?.databaseId !== undefined) return true;
  const tables = [...liveTables(shorter).values()];
  if (tables.some(({ table }) => table.uniqueId !== undefined)) return true;
  return dialect !== 'rocksdb' && tables.length > 0 && (await sharesFile(database, source));
}

/**
 * Whether a live table, or what two logs of the same number have of each other, is the same byte for byte here and there. Beside a table
 * that came after the session's first log no older one counts: two clones have those, too. Where the two part, nothing tells that they had
 * not yet when a file was written but one that was begun after it and before they part.
 */
export async function sharesFile(
  database: Database,
  source: SecondSource,
  beside?: bigint,
): Promise<boolean> {
  const parted = await source.partedAt();
  const start = sessionStart(database);
  let from = beside !== undefined && beside > start ? start : 0n;
  let fromWal = database.walCutoff;
  if (parted !== undefined && beside !== undefined) {
    from = beside;
    if (fromWal <= beside) fromWal = beside + 1n;
  }
  return (
    (await sharesTable(database, source, from, parted)) ||
    (await sharesWal(database, source, fromWal, parted))
  );
}

/**
 * Whether a table of a number above `from` and below `to` that the MANIFEST names is, byte for byte, that of a source: of engines whose
 * tables have no ids.
 */
export async function sharesTable(
  database: Database,
  source: SecondSource,
  from = 0n,
  to?: bigint,
): Promise<boolean> {
  for (const { table } of liveTables(database).values()) {
    if (table.number <= from || (to !== undefined && table.number >= to)) continue;
    if (await isSameTable(database, source, table.number)) return true;
  }
  return false;
}

/** Whether the table of a number is here and there, the same byte for byte. */
async function isSameTable(
  database: Database,
  { database: other }: SecondSource,
  number: bigint,
): Promise<boolean> {
  const [mine, its] = [database, other].map((each) => ownEntry(each, 'table', number));
  if (mine === undefined || mine.size === 0 || mine.size !== its?.size) return false;
  return beginTheSame(mine.source, its.source, mine.size);
}

/** Whether a live log from `from` on and below `to` is the same here and there: then those before it are of one life. */
export async function sharesWal(
  database: Database,
  { database: other }: SecondSource,
  from = database.walCutoff,
  to?: bigint,
): Promise<boolean> {
  for (const entry of database.inventory.entries) {
    if (entry.kind !== 'wal' || !usual(entry) || entry.number! < from) continue;
    if (to !== undefined && entry.number! >= to) continue;
    const its = ownLog(other, logIdOf(entry));
    const size = Math.min(entry.size, its?.size ?? 0);
    if (its === undefined || size < LEAST_SHARED) continue;
    if (await beginTheSame(entry.source, its.source, size)) return true;
  }
  return false;
}

/** Whether the IDENTITY files are of two databases. Checkpoints and backups have none. */
export async function isOtherDatabase(database: Database, source: SecondSource): Promise<boolean> {
  const [mine, its] = await Promise.all(
    [database, source.database].map((each) => identityOf(each.inventory)),
  );
  return mine !== undefined && its !== undefined && mine !== its;
}
