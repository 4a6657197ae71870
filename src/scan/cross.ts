import { checkBlobLinks, checkColumnFamiliesOfWals, checkLastSequence } from '../check/cross/links.js';
import { walSeverity } from '../check/cross/severity.js';
import { checkObsoleteWals, checkOutdatedWals, checkWalContinuity } from '../check/cross/wal-continuity.js';
import { asLevelDb } from '../check/leveldb/severity.js';
import { checkLevelDb, strayWals } from '../check/leveldb/version.js';
import { asPebble, betweenPebbleWals } from '../check/pebble/severity.js';
import { checkPebbleVersion } from '../check/pebble/version.js';
import type { BlobFacts, TableFacts, WalFacts } from '../check/unit.js';
import { type Database, liveWals } from '../engine/database.js';
import { FIRST_SEQUENCE } from '../engine/pebble-opened.js';
import type { Finding } from '../finding/finding.js';
import { byLog, lastSegments } from '../format/filename.js';
import type { InventoryEntry } from '../io/inventory.js';
import { isBroughtIn, isMisnamed, keyOf, liveBlobs, liveTables } from './plan.js';
import { refusedFormats } from './refused-formats.js';
import type { FileOutcome } from './run.js';

/** What the circumstances of a scan say about how much damage costs. */
export interface Circumstances {
  /** A backup or a checkpoint: no process writes to it. */
  atRest: boolean;
  /** A running process holds the database. */
  owned: boolean;
}

/**
 * What a finding of one file costs in this directory: whether the engine would read the file, and in which state it was left.
 */
export function severityJudge(
  database: Database,
  circumstances: Circumstances,
): (entry: InventoryEntry, found: Finding) => Finding {
  const wals = liveWals(database);
  const live = wals.map(keyOf);
  const liveEntries = new Set(live);
  const newest = live.at(-1);
  // of RocksDB and LevelDB two files of one number are no segments of one log
  const ends = database.dialect === 'pebble' ? new Set(lastSegments(wals).map(keyOf)) : liveEntries;
  const tables = liveTables(database);
  const blobs = liveBlobs(database);
  const own = (found: Finding, number: bigint) => {
    const live = tables.get(number)?.table;
    if (database.dialect === 'leveldb') return asLevelDb(found, database, live);
    return database.dialect === 'pebble' ? asPebble(found, database, live) : found;
  };
  return (entry, raw) => {
    const found = located(raw, entry.root);
    const number = entry.number ?? -1n;
    if (entry.kind === 'table') {
      const isUsed = (tables.has(number) || isBroughtIn(entry, database)) && !isMisnamed(entry, database);
      return unlessUnused(own(found, number), database, entry.place === 'lost' || !isUsed);
    }
    if (entry.kind !== 'wal')
      return unlessUnused(found, database, database.dialect !== 'pebble' && !blobs.has(number));
    return walSeverity(own(found, number), {
      live: liveEntries.has(keyOf(entry)),
      newest: keyOf(entry) === newest,
      goesOn: liveEntries.has(keyOf(entry)) && !ends.has(keyOf(entry)),
      mode: database.options.walRecoveryMode,
      ...circumstances,
    });
  };
}

/**
 * Decides what only the whole directory can tell: which findings are about files that the engine would read, and what does
 * not fit between files.
 */
export function crossCheck(
  database: Database,
  outcomes: readonly FileOutcome[],
  circumstances: Circumstances,
): Finding[] {
  const judge = severityJudge(database, circumstances);
  const liveFiles = new Set(liveWals(database).map((e) => e.file));
  const walFacts = outcomes
    .map((o) => o.facts)
    .filter((f): f is WalFacts => f?.kind === 'wal')
    .sort(byLog)
    .filter((f) => liveFiles.has(f.file));
  return [
    ...outcomes.flatMap(({ entry, findings }) => findings.map((found) => judge(entry, found))),
    ...betweenWals(database, walFacts, outcomes),
    ...(circumstances.owned ? [] : beyondWals(database, walFacts, outcomes)),
    ...betweenTables(database, walFacts, outcomes),
    ...ofLevelDb(database, outcomes),
    ...ofPebble(database, outcomes),
    ...(database.dialect !== 'rocksdb' ? [] : refusedFormats(database, liveTableFacts(database, outcomes))),
  ];
}

function located(found: Finding, root: string | undefined): Finding {
  return root === undefined ? found : { ...found, root };
}

/** Damage in a file that the MANIFEST does not name costs nothing. Without a MANIFEST this is unknown. */
function unlessUnused(found: Finding, { version }: Database, unused: boolean): Finding {
  return unused && version !== undefined ? { ...found, severity: 'note' } : found;
}

function betweenWals(database: Database, wals: WalFacts[], outcomes: readonly FileOutcome[]): Finding[] {
  // what a MANIFEST does not account for says nothing when part of it is lost
  const version = database.manifest?.replay.complete ? database.version : undefined;
  const stray = new Set(database.dialect === 'leveldb' ? strayWals(database, wals) : []);
  const own = wals.filter((wal) => !stray.has(wal));
  const ends = new Set(lastSegments(own));
  const isClosed = (wal: WalFacts) =>
    wal.tail === 'closed' || (!ends.has(wal) && wal.tail !== 'damaged' && wal.firstDamage === undefined);
  const closed = new Set(own.filter(isClosed).map(({ file }) => file));
  const judge = (found: Finding) =>
    database.dialect === 'pebble' ? betweenPebbleWals(found, database, closed, tablesOf(outcomes)) : found;
  return [
    ...checkWalContinuity(own, {
      cutoff: database.walCutoff,
      emptyIsUsual: database.options.avoidFlushDuringRecovery,
      ...(version?.lastSequence !== undefined && { lastSequence: startOf(database, version.lastSequence) }),
      tables: liveTableFacts(database, outcomes),
    }).map(judge),
    ...(version ? checkColumnFamiliesOfWals(wals, version) : []),
  ];
}

/** The last sequence before the first write: a new store of Pebble states none, and gives out others. */
const startOf = ({ dialect }: Database, last: bigint): bigint =>
  dialect === 'pebble' && last < FIRST_SEQUENCE ? FIRST_SEQUENCE - 1n : last;

function beyondWals(database: Database, wals: WalFacts[], outcomes: readonly FileOutcome[]): Finding[] {
  const version = database.manifest?.replay.complete ? database.version : undefined;
  if (database.dialect !== 'rocksdb' || version?.lastSequence === undefined) return [];
  const obsolete = outcomes.flatMap(({ entry: { place }, facts }) =>
    facts?.kind === 'wal' && place !== 'lost' && facts.number < database.walCutoff
      ? [{ facts, archived: place === 'archive' }]
      : [],
  );
  const found = checkObsoleteWals(obsolete, wals, {
    lastSequence: version.lastSequence,
    cutoff: database.walCutoff,
  });
  // it names the one that is read instead
  return found.length > 0 ? found : checkOutdatedWals(wals, version);
}

function tablesOf(outcomes: readonly FileOutcome[]): TableFacts[] {
  return outcomes.flatMap(({ entry, facts }) =>
    entry.place === 'database' && facts?.kind === 'table' ? [facts] : [],
  );
}

/** What holds between the files of LevelDB alone. */
function ofLevelDb(database: Database, outcomes: readonly FileOutcome[]): Finding[] {
  if (database.dialect !== 'leveldb') return [];
  const facts = outcomes
    .filter(({ entry }) => entry.place === 'database')
    .flatMap(({ facts: of }) => (of === undefined ? [] : [of]));
  const wals = facts.filter((f): f is WalFacts => f.kind === 'wal');
  return checkLevelDb(database, {
    tables: facts.filter((f): f is TableFacts => f.kind === 'table'),
    wals: wals.sort(byLog),
  });
}

/** What holds between the files of Pebble alone. */
function ofPebble(database: Database, outcomes: readonly FileOutcome[]): Finding[] {
  if (database.dialect !== 'pebble') return [];
  const facts = outcomes
    .filter(({ entry }) => entry.place === 'database' || entry.place === 'wal-dir')
    .filter(({ entry }) => !isMisnamed(entry, database))
    .flatMap(({ facts: of }) => (of === undefined ? [] : [of]));
  return checkPebbleVersion(database, {
    tables: facts.filter((f): f is TableFacts => f.kind === 'table'),
    wals: facts.filter((f): f is WalFacts => f.kind === 'wal').sort(byLog),
    blobs: facts.filter((f): f is BlobFacts => f.kind === 'blob'),
  });
}

function betweenTables(database: Database, wals: WalFacts[], outcomes: readonly FileOutcome[]): Finding[] {
  const { version } = database;
  if (version === undefined) return [];
  const tables = liveTableFacts(database, outcomes);
  if (database.dialect !== 'rocksdb') return [];
  return [...checkBlobLinks(tables, version), ...checkLastSequence(tables, wals, version)];
}

function liveTableFacts(database: Database, outcomes: readonly FileOutcome[]): TableFacts[] {
  const live = liveTables(database);
  return outcomes
    .map((o) => o.facts)
    .filter((f): f is TableFacts => f?.kind === 'table' && f.number !== undefined && live.has(f.number));
}
