import { append } from '../bytes/append.js';
import { type Database, filesOf } from '../engine/database.js';
import { fileName } from '../format/filename.js';
import { emptyVersion, newColumnFamily } from '../format/manifest/apply.js';
import type { ManifestReplay } from '../format/manifest/replay.js';
import {
  type ColumnFamily,
  copyOfVersion,
  type LiveTable,
  type Version,
} from '../format/manifest/version.js';
import { MAX_SEQUENCE, sequenceOf, userKeyOf } from '../format/sst/internal-key.js';
import { addBlobs, addMissingBlobs, unfinishedIn } from './blobs.js';
import { assignLevels, boundsOverlap, chooseTables, isNamedBy, needed } from './choice.js';
import { addFamilies, type LeftTables, movePlaceless, placeNameless } from './families.js';
import { isNumberTaken } from './files.js';
import { placeIngested } from './ingested.js';
import { max, min } from './join.js';
import { flushedByLog, supersededByLog } from './logged-choice.js';
import type { GoneTable, LoggedHistory } from './logged-history.js';
import { nothingUnproven, type Unproven } from './state.js';
import { mayHaveBeenFlushed, mayHaveGoneInto } from './succession.js';
import { type Contents, contentsOf, type FoundTable, INGESTED } from './tables.js';
import { logNumberFor, outside, type SequenceSpan, type WalContents } from './wals.js';

/** A version put together from tables. */
export interface RebuiltVersion {
  version: Version;
  /** Choices that were made, in words. */
  remarks: string[];
  /** Tables that the version takes over without an edit that names them. */
  taken: LiveTable[];
  /** Tables that the edits name, that are gone, and that a table which was taken over was made from. */
  replaced: LiveTable[];
  /** Those among `replaced` of which the tables taken over do not show that all of it went into them. */
  unaccounted: LiveTable[];
  /** Tables of no column family. */
  left: LeftTables[];
  /** What was taken for the likeliest. */
  unproven: Unproven;
  /** Tables that LOG tells of, that no MANIFEST knows, and that are gone. */
  goneByLog: GoneTable[];
  /** Sequences of flushes that LOG says are in tables of the version. */
  heldByLog: SequenceSpan[];
}

interface RebuildRequest {
  found: readonly FoundTable[];
  wals: readonly WalContents[];
  /** What still holds of a MANIFEST. */
  replay?: ManifestReplay;
  /** The version is to be one from before the first edit of the MANIFEST: column families that were dropped since were there. */
  isBefore?: boolean;
  /** Tables that edits named, of those that were deleted again, too. */
  known: ReadonlySet<bigint>;
  /** Tables of other histories, which must not be mixed in. */
  foreign: ReadonlySet<bigint>;
  /** Ids of databases whose tables belong here; empty: any. */
  databaseIds: ReadonlySet<string>;
  /** What LOG tells of tables. */
  history?: LoggedHistory | undefined;
  /** Tables of which it is known that no WAL holds all that they do. */
  beyondWals?: ReadonlySet<bigint>;
}

/**
 * The version that tables lead to: those of a MANIFEST, as far as there is one, and those that no edit of it names. Returns a
 * sentence where it cannot be told.
 */
export async function rebuildVersion(
  database: Database,
  request: RebuildRequest,
): Promise<RebuiltVersion | string> {
  const { replay, wals, history, found: all } = request;
  const version = replay === undefined ? emptyVersion() : copyOfVersion(replay.version);
  const unproven = nothingUnproven();
  const result: RebuiltVersion = {
    version,
    remarks: [],
    taken: [],
    replaced: [],
    unaccounted: [],
    left: [],
    unproven,
    goneByLog: [],
    heldByLog: [],
  };
  // levels are given to copies: another version may give others
  const own = all.filter((table) => belongs(table, request));
  const isNamed = (table: FoundTable) => request.known.has(table.live.number) || isNamedBy(version, table);
  const unfinished = unfinishedIn(database.inventory, own, isNamed);
  for (const table of unfinished) result.left.push({ tables: [table], what: UNFINISHED });
  const found = own
    .filter((table) => !unfinished.includes(table))
    .map((table) => ({ ...table, live: { ...table.live } }));
  learnSequences(version, found);
  version.databaseId ??= found.find(
    ({ databaseId }) => databaseId !== undefined && databaseId !== INGESTED,
  )?.databaseId;
  if (database.dialect === 'leveldb') {
    const only = version.columnFamilies.get(0) ?? newColumnFamily(0, 'default');
    only.comparator ||= database.impliedComparator ?? 'leveldb.BytewiseComparator';
    version.columnFamilies.set(0, only);
  } else {
    const { guessed, left } = await addFamilies(
      database,
      version,
      { found, wals, replay, isBefore: request.isBefore ?? false },
      result.remarks,
    );
    unproven.families = guessed;
    append(result.left, left);
  }
  unproven.misnamed = found.filter(
    ({ live, writtenAs = 0n, ingested }) =>
      writtenAs > 0n && writtenAs !== live.number && !ingested && !isNamedBy(version, { live }),
  );
  const nameless = database.dialect === 'rocksdb' ? placeNameless(version, found) : [];
  const contents = await contentsOf(needed(version, found, request.known), filesOf(database).open);
  if (contents === undefined)
    return 'the tables hold more than can be compared in memory to tell which of them are live';
  const isInOrder = (id: number, more: readonly FoundTable[]) => {
    const named = found.filter((table) => table.live.columnFamily === id && !nameless.includes(table));
    const levels = levelsOf(database, version.columnFamilies.get(id));
    const { live } = chooseTables([...named, ...more].sort(byNumber), contents, new Set(), undefined);
    return assignLevels(live, contents, new Map(), { levels, dialect: database.dialect });
  };
  if (nameless.length > 0 && !isInOrder(0, nameless)) {
    const placeless = movePlaceless(version, nameless, (id, table) => isInOrder(id, [table]));
    for (const table of placeless) result.left.push({ tables: [table], what: NOWHERE });
  }
  const unplaced =
    database.dialect === 'rocksdb' ? placeIngested(version, found, contents, wals, history) : [];
  for (const family of version.columnFamilies.values()) {
    const problem = rebuildFamily(database, family, { ...request, found }, contents, result);
    if (problem !== undefined) return problem;
    await addBlobs(database, family.id, version);
    addMissingBlobs(family, found);
    if (database.dialect === 'rocksdb')
      append(
        unproven.over,
        await mayHaveBeenFlushed(database, family, { taken: result.taken, contents, wals, history }),
      );
  }
  unproven.nameless = nameless.filter(({ live }) => result.taken.includes(live));
  unproven.tables = unplaced.filter(({ table }) => result.taken.includes(table));
  const flushed = [...version.columnFamilies.values()].map(({ tables }) =>
    largestSequence([...tables.values()]),
  );
  version.lastSequence = [version.lastSequence ?? 0n, ...flushed].reduce((a, b) => (a > b ? a : b));
  version.trackedWals = new Map();
  if (history !== undefined && !request.isBefore) result.goneByLog = goneByLog(database, version, request);
  if (replay === undefined || replay.records === 0) {
    result.remarks.push(
      database.dialect === 'leveldb'
        ? 'levels, the log number and the last sequence are inferred from tables and WALs'
        : 'levels, log numbers and sequences are inferred from tables and WALs; file checksums and temperatures of the old MANIFEST are lost',
    );
  }
  return result;
}

/** Tables that LOG has, that no edit names, and whose name no file has. */
function goneByLog(database: Database, { columnFamilies }: Version, { history, known }: RebuildRequest) {
  const names = new Set([...columnFamilies.values()].map(({ name }) => name));
  const isTold = (number: bigint) => known.has(number) || isNumberTaken(database, number);
  return history!.gone(isTold).filter(({ family }) => family === undefined || names.has(family));
}

const UNFINISHED =
  'a table of a flush or compaction that did not end: the blob file that it refers to holds nothing; what it was made of is kept as far as it is here';

const NOWHERE =
  'a table that does not say of which column family it is: with the tables of each that is here there are no levels in which newer versions lie above older ones';

const byNumber = ({ live: a }: FoundTable, { live: b }: FoundTable) => (a.number < b.number ? -1 : 1);

const levelsOf = ({ options }: Database, family?: ColumnFamily) =>
  options.columnFamilies.get(family?.name ?? '')?.numLevels ?? 7;

/** Edits of LevelDB, and of the oldest RocksDB, do not say which sequences a table holds; the table does. */
function learnSequences({ columnFamilies }: Version, found: readonly FoundTable[]): void {
  for (const { live } of found) {
    const stated = columnFamilies.get(live.columnFamily)?.tables.get(live.number);
    if (stated?.largestSequence !== MAX_SEQUENCE) continue;
    const { smallestSequence, largestSequence } = live;
    Object.assign(stated, { smallestSequence, largestSequence });
  }
}

function belongs({ live, databaseId }: FoundTable, { foreign, databaseIds }: RebuildRequest): boolean {
  if (foreign.has(live.number)) return false;
  return databaseId === undefined || databaseIds.size === 0 || databaseIds.has(databaseId);
}

function largestSequence(tables: readonly LiveTable[]): bigint {
  let largest = 0n;
  // the highest there is stands for one that is not known
  for (const { largestSequence: last } of tables) if (last > largest && last < MAX_SEQUENCE) largest = last;
  return largest;
}

/**
 * The log number that a column family has with these tables: never below its own. `ingested` ones hold nothing that was in a log, and what
 * was written before them may not have been flushed.
 */
function logNumberOf(
  { id, logNumber }: ColumnFamily,
  tables: readonly LiveTable[],
  ingested: ReadonlySet<bigint>,
  wals: readonly WalContents[],
): bigint {
  const flushed = largestSequence(tables.filter(({ number }) => !ingested.has(number)));
  const needed = logNumberFor(wals, id, flushed);
  return needed > logNumber ? needed : logNumber;
}

function rebuildFamily(
  database: Database,
  family: ColumnFamily,
  { found, replay, known, wals, beyondWals, history }: RebuildRequest,
  contents: ReadonlyMap<bigint, Contents>,
  { remarks, taken, replaced, unaccounted, unproven, heldByLog }: RebuiltVersion,
): string | undefined {
  const stated = family.tables;
  const there = found.filter(({ live }) => {
    if (live.columnFamily !== family.id) return false;
    // an edit that is whole added it, and another one took it away again
    return stated.has(live.number) || !known.has(live.number);
  });
  const certain = new Set(there.filter(({ live }) => stated.has(live.number)).map(({ live }) => live.number));
  const unnamed = there.filter(({ live }) => !certain.has(live.number));
  // what recovery replays anyway needs no table, unless tables of later writes end the log before
  const named = there.filter(({ live }) => certain.has(live.number)).map(({ live }) => live);
  const ingested = new Set(found.filter((table) => table.ingested).map(({ live }) => live.number));
  const replayedFrom = logNumberOf(family, named, ingested, wals);
  const replayed = unnamed.every(
    (table) => !beyondWals?.has(table.live.number) && isInWals(table, replayedFrom, replay, wals),
  );
  const open = replayed ? there.filter((table) => !unnamed.includes(table)) : there;
  const superseded = history === undefined ? [] : supersededByLog(open, contents, history);
  for (const { table, into } of superseded)
    remarks.push(`${table.entry.file} is left out: LOG says that it went into ${filesText(into)}`);
  const choosable = open.filter((table) => !superseded.some((each) => each.table === table));
  const levels = new Map([...stated.values()].map(({ number, level }) => [number, level]));
  const most = levelsOf(database, family);
  const deepest = new Set([...levels].flatMap(([number, level]) => (level === most - 1 ? [number] : [])));
  const choice = chooseTables(
    choosable,
    contents,
    certain,
    database.dialect === 'rocksdb' ? deepest : undefined,
  );
  if (!assignLevels(choice.live, contents, levels, { levels: most, dialect: database.dialect }))
    return `the tables${database.dialect === 'leveldb' ? '' : ` of column family ${family.name}`} do not fit into ${most} levels`;
  for (const { table, why } of choice.left) remarks.push(`${table.entry.file} is left out: ${why}`);
  append(unproven.copies, choice.copies);
  const added = choice.live.filter(({ live }) => !stated.has(live.number));
  const chosen = new Set(choice.live.map(({ live: { number } }) => number));
  const merged = history?.supersededBy((number) => chosen.has(number));
  const isHeld = (number: bigint) => chosen.has(number) || merged?.has(number) === true;
  const tables: typeof stated = new Map();
  const toLog: LiveTable[] = [];
  for (const table of stated.values()) {
    // another table under its name is none of it
    if (there.some(({ live }) => live.number === table.number)) continue;
    if (merged?.has(table.number)) {
      replaced.push(table);
      toLog.push(table);
    } else if (!isReplaced(table, added, database, replay)) tables.set(table.number, table);
    else {
      replaced.push(table);
      if (!isAccountedFor(table, added, contents)) unaccounted.push(table);
    }
  }
  if (toLog.length > 0)
    remarks.push(
      `${family.name}: what ${toLog.map(({ number }) => fileName('table', number)).join(', ')} held, which ${toLog.length === 1 ? 'is' : 'are'} gone, is in tables that are here: LOG says so`,
    );
  for (const { live } of choice.live) {
    const own = stated.get(live.number);
    if (own === undefined) {
      taken.push(live);
      remarks.push(
        database.dialect === 'leveldb'
          ? `table ${live.number} is taken over at level ${live.level}, by its contents`
          : `${family.name}: table ${live.number} is taken over at level ${live.level}, by its properties and contents`,
      );
    }
    tables.set(live.number, own ?? live);
  }
  const placed = [...tables.values()].map((live) => ({ live, comparator: family.comparator }));
  append(unproven.beside, mayHaveGoneInto(placed, { contents, named: new Set(stated.keys()), history }));
  family.tables = tables;
  family.logNumber = logNumberOf(family, [...tables.values()], ingested, wals);
  for (const { wal, flush } of history ? flushedByLog(family, isHeld, wals, history) : []) {
    family.logNumber = wals[wals.indexOf(wal) + 1]?.number ?? wal.number + 1n;
    remarks.push(
      `${family.name}: ${wal.entry.file} is not applied: LOG says that table ${flush.number}, which went into tables that are here, was written from it`,
    );
  }
  if (history !== undefined) append(heldByLog, history.sequencesIn(family.name, isHeld));
  const merges = wals.some(
    ({ number, families }) => number >= family.logNumber && families.get(family.id)?.onceOnly,
  );
  if (merges && added.some(({ live }) => live.largestSequence === 0n)) {
    remarks.push(
      `${family.name}: a table without sequence numbers may hold merges that the logs hold, too; these are then applied twice`,
    );
  }
  return undefined;
}

function filesText(tables: readonly FoundTable[]): string {
  const names = tables.map(({ entry }) => entry.file);
  return names.length === 0 ? 'a compaction that left nothing' : names.join(', ');
}

/** Whether a table that is gone went into one that no edit names. */
function isReplaced(
  table: LiveTable,
  added: readonly FoundTable[],
  database: Database,
  replay: ManifestReplay | undefined,
): boolean {
  // damaged ones stay: they are another repair's
  if (isNumberTaken(database, table.number)) return false;
  if (replay?.complete === false) return added.length > 0;
  return added.some(
    (other) =>
      other.live.number > table.number &&
      other.live.smallestSequence <= table.largestSequence &&
      boundsOverlap(other, { ...other, live: table }),
  );
}

/**
 * Whether the keys of both bounds of a table that is gone are in tables made from it, as they were or newer: a compaction takes a
 * table whole.
 */
function isAccountedFor(
  { smallest, largest }: LiveTable,
  added: readonly FoundTable[],
  contents: ReadonlyMap<bigint, Contents>,
): boolean {
  return [smallest, largest].every((bound) => {
    const key = Buffer.from(userKeyOf(bound)).toString('latin1');
    const sequence = sequenceOf(bound);
    return added.some(({ live }) =>
      contents
        .get(live.number)
        ?.get(key)
        ?.some((version) => version.sequence === 0n || version.sequence >= sequence),
    );
  });
}

/** Whether recovery would replay what a flushed table holds: then the table is not needed, and its edit was never written. */
function isInWals(
  { live }: FoundTable,
  logNumber: bigint,
  replay: ManifestReplay | undefined,
  wals: readonly WalContents[],
): boolean {
  if (replay === undefined || live.smallestSequence === 0n) return false;
  const replayed = wals.filter(({ number }) => number >= logNumber);
  const writes = replayed.flatMap(({ families }) => families.get(live.columnFamily) ?? []);
  const { smallestSequence: from, largestSequence: to } = live;
  return (
    writes.some(({ first }) => first <= from) &&
    writes.some(({ last }) => last >= to) &&
    !holesBetween(replayed).some((hole) => hole.from <= to && hole.to >= from)
  );
}

/** Sequences inside WALs and between them that they do not have. */
function holesBetween(wals: readonly WalContents[]): SequenceSpan[] {
  if (wals.some(({ counting }) => counting !== 'operations')) return [];
  const filled = wals.filter(({ first }) => first !== undefined);
  const spans = filled.flatMap(({ first, last, holes }) => outside(holes, { from: first!, to: last! }));
  return outside(spans, {
    from: spans.reduce((a, { from }) => min(a, from), spans[0]?.from ?? 1n),
    to: spans.reduce((a, { to }) => max(a, to), 0n),
  });
}
