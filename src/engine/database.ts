import { BeyondLimit } from '../bytes/beyond-limit.js';
import type { ByteSource } from '../bytes/source.js';
import type { Range } from '../finding/finding.js';
import { CURRENT_LIMIT, type CurrentFile, decodeCurrent } from '../format/current.js';
import { type DatabaseOptions, databaseOptions } from '../format/database-options.js';
import type { DialectName } from '../format/dialect.js';
import { type ManifestReplay, replayManifest } from '../format/manifest/replay.js';
import { fileBehind, type Version } from '../format/manifest/version.js';
import { type OptionsFile, parseOptions } from '../format/options.js';
import { parsePebbleOptions } from '../format/pebble-options.js';
import { comparatorNamed } from '../format/sst/comparator.js';
import {
  type Inventory,
  type InventoryEntry,
  type Replacement,
  replace,
  takeInventory,
} from '../io/inventory.js';
import { databaseInventory, entryReader } from '../io/listing.js';
import { diskReader, type FileReader } from '../io/reader.js';
import { diskFiles, type Files, openSource } from '../io/source.js';
import { TargetError } from '../io/target-error.js';
import { type AbsentPlace, absentPlaces } from './absent-places.js';
import { listArchive } from './archive-root.js';
import { type AssumedVersion, assumeVersion } from './assumed-version.js';
import { type Detection, detectTarget } from './detect.js';
import { impliedComparator } from './implied-order.js';
import { type NamedPlaces, namedPlaces, newest, OPTIONS_LIMIT } from './named-places.js';
import { addIngested, addRemote, type PebbleState, pebbleState, releaseFor } from './pebble.js';
import { showOrder } from './shown-order.js';
import { atLeast, type EngineVersion, parseVersion } from './version.js';

export interface DatabaseRequest {
  /** Where WALs lie, over what OPTIONS says. */
  walDir?: string;
  /** db_paths in their order, over what LOG says. */
  dbPaths?: readonly string[];
  engineVersion?: string;
  /** Contents that replace files of the directory. */
  instead?: readonly Replacement[];
  /** How tables and WALs are opened. Default: anew each time. */
  files?: Files;
}

/** A metadata file that could not be read at all, and the system's reason. */
interface UnreadFile {
  entry: InventoryEntry;
  code: string;
  reason: string;
}

/** A metadata file of which the medium gave back all but these ranges. */
interface UnreadableRanges {
  entry: InventoryEntry;
  ranges: readonly Range[];
}

/** What reading metadata could not get at. */
interface Losses {
  unread: UnreadFile[];
  unreadable: UnreadableRanges[];
}

/**
 * What a database directory says about itself, before a single table or WAL is read: its files, which engine, which options,
 * and the version that its MANIFEST leads to. Damage in it is data here; checks turn it into findings.
 */
export interface Database {
  target: string;
  /** What it was asked with, to ask again. */
  request: DatabaseRequest;
  inventory: Inventory;
  /** Its files lie in an archive, where no repair can be planned for them. */
  archived?: true;
  detection: Detection;
  /** How its files are read. */
  dialect: DialectName;
  current?: { entry: InventoryEntry; decoded: CurrentFile };
  /** The MANIFEST that CURRENT names; without a usable CURRENT, the newest one (`named` is false then). */
  manifest?: { entry: InventoryEntry; replay: ManifestReplay; named: boolean };
  /** What names the parts of a Pebble directory. */
  pebble?: PebbleState;
  /** The newest OPTIONS file, which the engine's tools take. */
  optionsFile?: { entry: InventoryEntry; parsed: OptionsFile };
  /** Of the newest OPTIONS file, RocksDB's defaults where it is silent or absent. */
  options: DatabaseOptions;
  engineVersion: EngineVersion;
  /** The same, with what says so. */
  assumed: AssumedVersion;
  /** The MANIFEST passes a limit. */
  beyond?: BeyondLimit;
  /** Absent when there is no MANIFEST that can be read, or it passes a limit. */
  version?: Version;
  /** The comparator that the keys imply where no MANIFEST tells it: LevelDB's alone. */
  impliedComparator?: string;
  /** WALs below it are not read by recovery (see `walCutoff`); 0 without a MANIFEST. */
  walCutoff: bigint;
  /** Places that the database names, in which something of it must lie, and that are not here. */
  absent: AbsentPlace[];
  unread: UnreadFile[];
  unreadable: UnreadableRanges[];
}

/** How the files of a database are opened. */
export function filesOf({ request }: Pick<Database, 'request'>): Files {
  return request.files ?? diskFiles;
}

/**
 * Reads the metadata of a directory, or of the database in an archive whose files can be read by themselves. Rejects with a `TargetError`
 * when the directory itself cannot be listed, and with a `BeyondLimit` where no such database is in it.
 */
export async function readDatabase(target: string, request: DatabaseRequest = {}): Promise<Database> {
  const archived = await listArchive(target);
  if (archived !== undefined) {
    const inventory = databaseInventory(archived);
    for (const replacement of request.instead ?? []) replace(inventory, replacement);
    const listed = { ...inventory, instead: request.instead ?? [] };
    return { ...(await readInventory(listed, entryReader, request)), archived: true };
  }
  const first = await takeInventory(target, {
    ...(request.walDir === undefined ? {} : { walDir: request.walDir }),
    ...(request.dbPaths === undefined ? {} : { dbPaths: request.dbPaths }),
    ...(request.instead === undefined ? {} : { instead: request.instead }),
  });
  return readInventory(first, diskReader(target), request, listAgain);
}

/** Lists the directory that an inventory was taken from once more. */
type Relisting = (inventory: Inventory) => Promise<Inventory>;

/** Reads the metadata of files that have been listed: those of a backup or an archive, which nothing else belongs to. */
export async function readInventory(
  first: Inventory,
  reader: FileReader,
  request: DatabaseRequest = {},
  relisting?: Relisting,
): Promise<Database> {
  const losses: Losses = { unread: [], unreadable: [] };
  const detection = await detectTarget(first, reader);
  const optionsFile = await readOptions(first, detection, losses);
  const options = databaseOptions(optionsFile?.parsed);
  const own = await readVersion(first, detection, losses, relisting);
  const cutoffOf = ({ manifest }: typeof own) =>
    manifest === undefined ? 0n : walCutoff(manifest.replay.version, options);
  const places = await namedPlaces(own.inventory, {
    options,
    optionsFile: optionsFile?.entry.file,
    walCutoff: cutoffOf(own),
    archived: relisting === undefined,
  });
  const listed = relisting && (await withFurtherPaths(own.inventory, places, request));
  const all = listed === undefined ? own : await readVersion(listed, detection, losses, relisting);
  const { current, manifest, inventory, pebble } = all;
  const beyond = manifest?.replay.beyond;
  const version = beyond === undefined ? manifest?.replay.version : undefined;
  const asked = {
    target: first.target,
    inventory,
    places: { ...places, ...(request.walDir !== undefined && { wal: undefined }) },
    manifest: manifest?.entry.file,
    version,
    walCutoff: cutoffOf(all),
    pathsKnown: request.dbPaths !== undefined,
    archived: relisting === undefined,
    copied: detection.kind === 'checkpoint',
  };
  if (pebble !== undefined) {
    await addIngested(pebble, walsFrom(inventory, asked.walCutoff));
    await addRemote(pebble, inventory);
  }
  const assumed =
    pebble !== undefined
      ? pebbleVersion(pebble, request)
      : await assumeVersion({
          ...(request.engineVersion !== undefined && { told: request.engineVersion }),
          ...(optionsFile && {
            options: {
              file: optionsFile.entry.file,
              ...(options.rocksdbVersion !== undefined && { version: options.rocksdbVersion }),
            },
          }),
          inventory,
          ...(version && { version }),
        });
  const named = version?.columnFamilies.get(0)?.comparator;
  const implied =
    dialectOf(detection) === 'leveldb' && !named
      ? await impliedComparator(inventory, request.files ?? diskFiles)
      : undefined;
  if (implied !== undefined && version?.columnFamilies.has(0))
    version.columnFamilies.get(0)!.comparator = implied;
  if (manifest?.replay.complete) {
    nameComparators(manifest.replay.version, options);
    if (dialectOf(detection) === 'leveldb')
      await showOrder(manifest.replay.version, inventory, request.files ?? diskFiles);
  }
  return {
    target: first.target,
    request,
    inventory,
    detection,
    dialect: dialectOf(detection),
    ...(current && { current }),
    ...(manifest && { manifest }),
    ...(pebble && { pebble }),
    ...(manifest && beyond !== undefined && { beyond: new BeyondLimit(manifest.entry.file, beyond) }),
    ...(optionsFile && { optionsFile }),
    options: withDefaultsOf(assumed.version, options),
    engineVersion: assumed.version,
    assumed,
    ...(version && { version }),
    ...(implied !== undefined && { impliedComparator: implied }),
    walCutoff: asked.walCutoff,
    absent: await absentPlaces(asked),
    ...losses,
  };
}

/** Nothing in a Pebble directory says which release wrote it, its format version which can open it. */
function pebbleVersion({ formatVersion }: PebbleState, { engineVersion }: DatabaseRequest): AssumedVersion {
  const told = engineVersion === undefined ? undefined : parseVersion(engineVersion);
  return told === undefined
    ? { version: releaseFor(formatVersion), by: 'default' }
    : { version: told, by: 'caller' };
}

/** Files that no engine can be told of are read as RocksDB's. */
function dialectOf({ engine }: Detection): DialectName {
  return engine ?? 'rocksdb';
}

/** Before 4.8 the default recovery mode is another (rocksdb include/rocksdb/options.h). */
function withDefaultsOf(version: EngineVersion, options: DatabaseOptions): DatabaseOptions {
  if (options.walRecoveryModeStated || atLeast(version, 4, 8)) return options;
  return { ...options, walRecoveryMode: 'tolerate-corrupted-tail' };
}

/**
 * The first MANIFEST of a new database names no comparator until the first open that finds it has written another: the engine then
 * takes the one that it is opened with.
 */
function nameComparators(version: Version, options: DatabaseOptions): void {
  for (const family of version.columnFamilies.values()) {
    family.comparator ||= options.columnFamilies.get(family.name)?.comparator ?? comparatorNamed().name;
  }
}

/**
 * The number below which recovery opens no WAL: what the MANIFEST says to keep, and, unless prepared transactions may wait
 * in older files, the oldest log that a live column family needs (rocksdb db/db_impl/db_impl_open.cc, since 6.29.5).
 */
function walCutoff(version: Version, options: DatabaseOptions): bigint {
  const keep = version.minLogNumberToKeep;
  if (options.allow2pc) return keep;
  let oldest: bigint | undefined;
  for (const { logNumber } of version.columnFamilies.values()) {
    if (oldest === undefined || logNumber < oldest) oldest = logNumber;
  }
  return oldest === undefined || oldest < keep ? keep : oldest;
}

/** WALs that recovery reads, in ascending order of number. Those in `archive/` never count. */
export function liveWals(database: Database): InventoryEntry[] {
  return walsFrom(database.inventory, database.walCutoff);
}

function walsFrom({ entries }: Inventory, cutoff: bigint): InventoryEntry[] {
  return entries
    .filter((e) => e.kind === 'wal' && e.place !== 'archive' && e.place !== 'lost')
    .filter((e) => e.number !== undefined && e.number >= cutoff)
    .sort((a, b) => (a.number! < b.number! ? -1 : 1));
}

/** Readings of a directory that a running engine keeps changing, before what is missing counts as missing. */
const ATTEMPTS = 5;

/**
 * Reads CURRENT and its MANIFEST. A running engine makes files between the listing and this reading, writes on in them, and
 * removes others, so when the version names a file that was not listed or was listed with another size, both are taken
 * again until they agree or nothing moves any more.
 */
async function readVersion(
  listed: Inventory,
  detection: Detection,
  losses: Losses,
  relisting: Relisting | undefined,
) {
  let inventory = listed;
  for (let attempt = 1; ; attempt++) {
    const current = await readCurrent(inventory, losses);
    const pebble = detection.engine === 'pebble' ? pebbleState(inventory, current?.decoded) : undefined;
    const named = pebble === undefined ? current?.decoded.number : pebble.manifest;
    const manifest = await readManifest(inventory, named, detection, losses);
    const complete = manifest === undefined || agrees(inventory, manifest.replay.version);
    const read = { inventory, current, manifest, pebble };
    if (complete || attempt === ATTEMPTS || relisting === undefined) return read;
    const again = await relisting(inventory);
    const moved = signature(again) !== signature(inventory);
    if (!moved) return read;
    inventory = again;
  }
}

function listAgain({ target, asked }: Inventory): Promise<Inventory> {
  return takeInventory(target, asked);
}

function agrees(inventory: Inventory, version: Version): boolean {
  const listed = new Map(inventory.entries.filter((e) => e.kind === 'table').map((e) => [e.number, e.size]));
  return [...version.columnFamilies.values()].every((cf) =>
    [...cf.tables.values()].every((table) => {
      const { number, size } = fileBehind(version, table);
      return listed.get(number) === Number(size);
    }),
  );
}

function signature({ entries }: Inventory): string {
  const sized = (kind: InventoryEntry['kind']) => kind === 'manifest' || kind === 'table';
  return entries.map((e) => (sized(e.kind) ? `${e.file}:${e.size}` : e.file)).join('\n');
}

/** Reads a file around what its medium does not give back, and notes what that is. `undefined`: not at all. */
async function reading<T>(
  entry: InventoryEntry,
  losses: Losses,
  read: (source: ByteSource) => Promise<T>,
): Promise<T | undefined> {
  // a directory that changes is read several times: the last reading counts
  losses.unread = losses.unread.filter((loss) => loss.entry.file !== entry.file);
  losses.unreadable = losses.unreadable.filter((loss) => loss.entry.file !== entry.file);
  try {
    const source = await openSource(entry.source);
    try {
      return await read(source);
    } finally {
      await source.close();
      const { unreadable: ranges = [] } = source;
      if (ranges.length > 0) losses.unreadable.push({ entry, ranges });
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    losses.unread.push({ entry, code, reason: TargetError.from(error, entry.file).message });
    return undefined;
  }
}

async function head(source: ByteSource, limit: number): Promise<Uint8Array> {
  const into = new Uint8Array(Math.min(source.size, limit));
  return into.subarray(0, await source.read(into, 0));
}

async function readOptions(inventory: Inventory, { engine }: Detection, losses: Losses) {
  const entry = newest(inventory, 'options');
  if (!entry) return undefined;
  const bytes = await reading(entry, losses, (source) => head(source, OPTIONS_LIMIT));
  return bytes && { entry, parsed: engine === 'pebble' ? parsePebbleOptions(bytes) : parseOptions(bytes) };
}

async function readCurrent(inventory: Inventory, losses: Losses) {
  const entry = inventory.entries.find(
    (e) => e.kind === 'current' && e.place === 'database' && e.name === 'CURRENT',
  );
  if (!entry) return undefined;
  const bytes = await reading(entry, losses, (source) => head(source, CURRENT_LIMIT + 1));
  const lost = losses.unreadable.some((loss) => loss.entry === entry);
  return bytes && !lost ? { entry, decoded: decodeCurrent(bytes) } : undefined;
}

async function readManifest(
  inventory: Inventory,
  named: bigint | undefined,
  detection: Detection,
  losses: Losses,
) {
  const byName = inventory.entries.find(
    (e) => e.kind === 'manifest' && e.place === 'database' && named !== undefined && e.number === named,
  );
  const entry = byName ?? newest(inventory, 'manifest');
  if (!entry) return undefined;
  const dialect = dialectOf(detection);
  const files = inventory.entries.length;
  const replay = await reading(entry, losses, (source) => replayManifest(source, { dialect, files }));
  return replay && { entry, replay, named: byName !== undefined };
}

/** Lists again with the directories that OPTIONS and LOG name and that are here, where nothing was said on the command line. */
async function withFurtherPaths(
  first: Inventory,
  { wal, tables }: NamedPlaces,
  request: DatabaseRequest,
): Promise<Inventory | undefined> {
  const walDir = request.walDir ?? wal?.here;
  const paths: string[] = [];
  // a path that is not here keeps its number: the target stands in its place, and is listed already
  for (const { place, pathId } of tables) {
    while (paths.length < pathId) paths.push(first.target);
    paths.push(place.here ?? first.target);
  }
  const dbPaths = request.dbPaths ?? paths;
  const isNew =
    (request.walDir === undefined && walDir !== undefined) ||
    (request.dbPaths === undefined && dbPaths.length > 0);
  if (!isNew) return undefined;
  return takeInventory(first.target, { ...(walDir && { walDir }), dbPaths, instead: first.instead });
}
