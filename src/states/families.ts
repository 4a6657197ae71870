import { largest } from '../bytes/append.js';
import type { Database } from '../engine/database.js';
import { infoLogs } from '../engine/info-logs.js';
import { familiesInInfoLog, type LoggedFamilies } from '../format/info-log.js';
import { newColumnFamily } from '../format/manifest/apply.js';
import type { ManifestReplay } from '../format/manifest/replay.js';
import type { ColumnFamily, Version } from '../format/manifest/version.js';
import { readHead } from '../io/head.js';
import { isSound } from './manifests.js';
import type { FoundTable } from './tables.js';
import type { WalContents } from './wals.js';

/*
 * WALs name column families by their ids, OPTIONS by their names. RocksDB gives ids out in ascending order and no id twice, and lists the
 * families in OPTIONS in the order of their ids (db/column_family.cc `CreateColumnFamily`, db/db_impl/db_impl.cc
 * `WriteOptionsFile`). LOG has id and name of every family that an open finds, and of each that is made.
 */

/** A column family that WALs went to and whose name nothing proves. */
export interface GuessedFamily {
  id: number;
  name: string;
  operations: number;
  /** The order of OPTIONS tells the name; otherwise it is made up. */
  isInOrder: boolean;
}

/** Bytes of a LOG that are looked at: it begins with all options of every column family, some 10 KiB each. */
const LOG_LIMIT = 16 << 20;

/** Tables that are of no column family of the database, as far as can be told. */
export interface LeftTables {
  tables: readonly FoundTable[];
  /** What their entries are of, and why they are left out: the end of a sentence. */
  what: string;
}

/** What was taken for the likeliest. */
interface AddedFamilies {
  guessed: GuessedFamily[];
  left: LeftTables[];
}

interface FamilyEvidence {
  found: readonly FoundTable[];
  wals: readonly WalContents[];
  /** What the version begins with. */
  replay?: ManifestReplay | undefined;
  /** The version is to be an older one: what was dropped since was there. */
  isBefore?: boolean;
}

/**
 * Gives a version the column families that it does not have and that tables, LOG, OPTIONS or WALs know of. Returns those that WALs
 * went to and whose names nothing proves, and those whose tables are not taken.
 */
export async function addFamilies(
  database: Database,
  version: Version,
  { found, wals, replay, isBefore = false }: FamilyEvidence,
  remarks: string[],
): Promise<AddedFamilies> {
  const { options } = database;
  const { columnFamilies: families } = version;
  const dropped = new Set(version.droppedColumnFamilies.keys());
  // ids go up: what a MANIFEST without a hole has given out and does not have was dropped
  const givenOut = replay !== undefined && isSound(replay) && !isBefore ? (version.maxColumnFamily ?? 0) : 0;
  const isOpen = (id: number) => !families.has(id) && !dropped.has(id) && id > givenOut;
  const written = new Map<number, number>();
  for (const [id, { operations }] of wals.flatMap((wal) => [...wal.families]))
    written.set(id, (written.get(id) ?? 0) + operations);
  const names = [...options.columnFamilies.keys()];
  const stated = new Set([...families.values()].map(({ name }) => name));
  const isMore = names.some((name) => !stated.has(name));
  const open = [...written.keys(), ...found.map(({ live }) => live.columnFamily)];
  const logged =
    !isBefore && (isMore || open.some(isOpen)) ? await loggedFamilies(database, version, found) : undefined;
  const left: LeftTables[] = [];
  // the last one of a name takes the place of those before
  const withTables = [...new Set(found.map(({ live }) => live.columnFamily))].sort((a, b) => a - b);
  for (const id of withTables) {
    const tables = found.filter(({ live }) => live.columnFamily === id);
    const { columnFamilyName: name, comparator } = tables[0];
    if (!isOpen(id) || name === undefined) continue;
    const isLogged = logged?.dropped.get(id) === name || (logged?.ids.get(name) ?? id) > id;
    const why = isLogged || isBefore ? undefined : droppedSince(database, { id, name, tables }, found);
    if (isLogged)
      remarks.push(`tables of column family ${name} (id ${id}) are left out: LOG says that it was dropped`);
    if (why !== undefined) left.push({ tables, what: droppedText(name, why) });
    if (isLogged || why !== undefined) {
      dropped.add(id);
      continue;
    }
    // a MANIFEST that ends before a family of this name was dropped and made again, or begins after it
    const same = [...families.values()].find((family) => family.name === name);
    const gone = same === undefined ? undefined : Math.min(id, same.id);
    if (gone !== undefined) {
      families.delete(gone);
      dropped.add(gone);
      const its = found.filter(({ live }) => live.columnFamily === gone);
      if (its.length > 0)
        left.push({ tables: its, what: droppedText(name, 'one of the same name was made later') });
    }
    if (gone !== id) families.set(id, { ...newColumnFamily(id, name), comparator });
  }
  const ids = new Map([...families.values()].map(({ id, name }) => [name, id]));
  for (const id of logged?.dropped.keys() ?? []) dropped.add(id);
  for (const [name, id] of logged?.ids ?? []) {
    if (ids.has(name) || !isOpen(id) || !(names.includes(name) || written.has(id))) continue;
    families.set(id, newColumnFamily(id, name));
    ids.set(name, id);
    remarks.push(`column family ${name} gets the id ${id}: LOG says so`);
  }
  const guessed: GuessedFamily[] = [];
  for (const { name, id, isExact } of placesInOptions(names, ids, isOpen, [...written.keys()])) {
    families.set(id, newColumnFamily(id, name));
    const why = isExact ? 'its place in OPTIONS leaves no other' : 'OPTIONS names it, no table does';
    remarks.push(`column family ${name} gets the id ${id}: ${why}`);
    const operations = written.get(id);
    if (operations !== undefined && !isExact) guessed.push({ id, name, operations, isInOrder: true });
  }
  for (const [id, operations] of [...written].filter(([id]) => isOpen(id)).sort(([a], [b]) => a - b)) {
    const name = `recovered-${id}`;
    families.set(id, newColumnFamily(id, name));
    guessed.push({ id, name, operations, isInOrder: false });
  }
  // what writes of dropped ones went to is no family that is missing, and no new one gets its id
  if (logged !== undefined && logged.dropped.size > 0)
    version.maxColumnFamily = largest(logged.dropped.keys(), version.maxColumnFamily ?? 0);
  for (const family of families.values()) {
    family.comparator ||= options.columnFamilies.get(family.name)?.comparator ?? '';
    family.comparator ||= logged?.comparators.get(family.name) ?? '';
    family.comparator ||=
      found.find(({ live }) => live.columnFamily === family.id)?.comparator || 'leveldb.BytewiseComparator';
  }
  return { guessed, left };
}

const droppedText = (name: string, why: string) =>
  `column family ${name}, which is taken for dropped: ${why}`;

/** What shows that a column family was dropped after its tables were written: RocksDB writes OPTIONS whenever it makes or drops one. */
function droppedSince(
  { optionsFile, options }: Database,
  { id, name, tables }: { id: number; name: string; tables: readonly FoundTable[] },
  found: readonly FoundTable[],
): string | undefined {
  const isLater = ({ live, columnFamilyName }: FoundTable) =>
    columnFamilyName === name && live.columnFamily > id;
  const later = found.find(isLater);
  if (later !== undefined)
    return `${later.entry.file} is of a column family of the same name that was made later`;
  if (optionsFile === undefined || options.columnFamilies.has(name) || options.columnFamilies.size === 0)
    return undefined;
  const { entry, parsed } = optionsFile;
  const isYounger = tables.every(({ live }) => live.number < (entry.number ?? 0n));
  return isYounger && parsed.anomalies.length === 0
    ? `${entry.file}, which was written after them, does not name it`
    : undefined;
}

/**
 * Tables that do not say of which column family they are: what an SstFileWriter makes says it only when it was told (rocksdb
 * table/sst_file_writer.cc). They get the one that a MANIFEST names them in, or the only one of their order. Returns the others, which are
 * taken for the default one's as in RocksDB's own repair (db/repair.cc).
 */
export function placeNameless({ columnFamilies }: Version, found: readonly FoundTable[]): FoundTable[] {
  const families = [...columnFamilies.values()];
  const stated = new Map(
    families.flatMap(({ id, tables }) => [...tables.keys()].map((number) => [number, id])),
  );
  return found.filter((table) => {
    const { live, columnFamilyName } = table;
    if (columnFamilyName !== undefined) return false;
    const fitting = inOrderOf(table, families);
    const family = stated.get(live.number) ?? (fitting.length === 1 ? fitting[0].id : undefined);
    if (family !== undefined) live.columnFamily = family;
    return family === undefined && families.length > 1;
  });
}

const inOrderOf = ({ comparator }: FoundTable, families: readonly ColumnFamily[]) =>
  families.filter((family) => family.comparator === comparator);

/**
 * Moves such tables to a column family that they can be of, the default one first. Returns those that are of none. `fits`: whether its tables
 * still have levels in which newer versions lie above older ones.
 */
export function movePlaceless(
  { columnFamilies }: Version,
  nameless: readonly FoundTable[],
  fits: (family: number, table: FoundTable) => boolean,
): FoundTable[] {
  return nameless.filter((table) => {
    const families = inOrderOf(table, [...columnFamilies.values()]);
    const fitting = families.find(({ id }) => fits(id, table));
    table.live.columnFamily = fitting?.id ?? NOWHERE;
    return fitting === undefined;
  });
}

/** No column family has this id. */
const NOWHERE = -1;

/**
 * What the newest LOG says that names column families; nothing where an id has another name there than in the MANIFEST or in a table, as in one
 * of another database.
 */
async function loggedFamilies(
  { inventory }: Database,
  { columnFamilies }: Version,
  found: readonly FoundTable[],
): Promise<LoggedFamilies | undefined> {
  const known = new Map<number, string>([...columnFamilies.values()].map(({ id, name }) => [id, name]));
  for (const { live, columnFamilyName: name } of found)
    if (name !== undefined && !known.has(live.columnFamily)) known.set(live.columnFamily, name);
  for (const { source } of infoLogs(inventory)) {
    const head = await readHead(source, LOG_LIMIT).catch(() => new Uint8Array(0));
    const logged = familiesInInfoLog(Buffer.from(head).toString('utf8'));
    if (logged === undefined) continue;
    const pairs = [...[...logged.ids].map(([name, id]): [number, string] => [id, name]), ...logged.dropped];
    return pairs.every(([id, name]) => (known.get(id) ?? name) === name) ? logged : undefined;
  }
  return undefined;
}

interface Placed {
  name: string;
  id: number;
  /** No other id is free between its neighbours in OPTIONS. */
  isExact: boolean;
}

/** Ids of the column families that nothing but OPTIONS names. */
function placesInOptions(
  names: readonly string[],
  known: ReadonlyMap<string, number>,
  isOpen: (id: number) => boolean,
  written: readonly number[],
): Placed[] {
  const ids = names.flatMap((name) => known.get(name) ?? []);
  const isInOrder = ids.every((id, i) => i === 0 || id > ids[i - 1]);
  const placed: Placed[] = [];
  const left: string[] = [];
  for (let first = 0, end = 0; first < names.length; first = end + 1) {
    for (end = first; end < names.length && !known.has(names[end]); ) end++;
    const between = { from: (known.get(names[first - 1]) ?? -1) + 1, to: known.get(names[end]) };
    const here = isInOrder ? idsBetween(between, end - first, isOpen, written) : undefined;
    for (const [i, name] of names.slice(first, end).entries()) {
      const id = here?.ids[i];
      if (id === undefined) left.push(name);
      else placed.push({ name, id, isExact: here!.isExact });
    }
  }
  let highest = largest([...known.values(), ...written, ...placed.map(({ id }) => id)], 0);
  for (const name of left) placed.push({ name, id: ++highest, isExact: false });
  return placed;
}

/**
 * Ids for so many column families that stand together in OPTIONS, from one id on and below another. As many as are free are exactly theirs.
 * Otherwise they are the lowest, as where no family was dropped, if nothing was written to others; or those that were written to, if
 * they are as many; or ones that nothing was written to. None: too few are free.
 */
function idsBetween(
  { from, to = Number.POSITIVE_INFINITY }: { from: number; to: number | undefined },
  count: number,
  isOpen: (id: number) => boolean,
  written: readonly number[],
): { ids: number[]; isExact: boolean } | undefined {
  const here = written.filter((id) => id >= from && id < to && isOpen(id)).sort((a, b) => a - b);
  const lowest: number[] = [];
  const quiet: number[] = [];
  let free = 0;
  for (let id = from; id < to && quiet.length <= count; id++) {
    if (!isOpen(id)) continue;
    free++;
    if (lowest.length < count) lowest.push(id);
    if (!here.includes(id)) quiet.push(id);
  }
  if (free < count) return undefined;
  if (free === count) return { ids: lowest, isExact: true };
  const isDense = to === Number.POSITIVE_INFINITY && here.every((id) => lowest.includes(id));
  const ids = isDense ? lowest : here.length === count ? here : quiet;
  return { ids, isExact: false };
}
