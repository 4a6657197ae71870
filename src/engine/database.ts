import { BeyondLimit } from '../bytes/beyond-limit.js';
import type { SourceDescriptor, StoreSettings } from '../bytes/source.js';
import { type DatabaseOptions, databaseOptions } from '../format/database-options.js';
import type { DialectName } from '../format/dialect.js';
import { byLog, segmentIn } from '../format/filename.js';
import type { Version } from '../format/manifest/version.js';
import type { OptionsFile } from '../format/options.js';
import { comparatorNamed } from '../format/sst/comparator.js';
import {
  type Inventory,
  type InventoryEntry,
  type Replacement,
  replace,
  takeInventory,
} from '../io/inventory.js';
import { databaseInventory, entryReader, type Listing } from '../io/listing.js';
import { isObjectAddress } from '../io/objects/address.js';
import { listObjects, type ObjectPlace } from '../io/objects/listing.js';
import { diskReader, type FileReader } from '../io/reader.js';
import { diskFiles, type Files } from '../io/source.js';
import { type AbsentPlace, absentPlaces } from './absent-places.js';
import { type ArchivePlace, listArchive } from './archive-root.js';
import { type AssumedVersion, assumeVersion } from './assumed-version.js';
import { type Detection, detectTarget } from './detect.js';
import { impliedComparator } from './implied-order.js';
import {
  dialectOf,
  type Losses,
  listAgain,
  type Relisting,
  readOptions,
  readVersion,
  type UnreadableRanges,
  type UnreadFile,
  type VersionReading,
} from './metadata-files.js';
import { type NamedPlaces, namedPlaces } from './named-places.js';
import { addIngested, addRemote, type PebbleState, releaseFor } from './pebble.js';
import { showOrder } from './shown-order.js';
import { atLeast, type EngineVersion, parseVersion } from './version.js';
import { walCutoff } from './wal-cutoff.js';

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
  /** How the object store of a target in a bucket is asked. */
  store?: StoreSettings;
}

/**
 * What a database directory says about itself, before a single table or WAL is read: its files, which engine, which options,
 * and the version that its MANIFEST leads to. Damage in it is data here; checks turn it into findings.
 */
export interface Database extends VersionReading {
  target: string;
  /** What it was asked with, to ask again. */
  request: DatabaseRequest;
  /** Its files lie in an archive, where no repair can be planned for them. */
  archived?: ArchivePlace;
  /** Its files lie in a bucket, where no repair can be planned for them either. */
  stored?: true;
  detection: Detection;
  /** How its files are read. */
  dialect: DialectName;
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

/** Whether it can only be read where it is: nothing is written into an archive or a bucket. */
export function liesElsewhere({ archived, stored }: Pick<Database, 'archived' | 'stored'>): boolean {
  return archived !== undefined || stored === true;
}

/**
 * Reads the metadata of a directory, of what lies below a prefix of a bucket, or of the database in an archive whose files can be read by
 * themselves. Rejects with a `TargetError` when the directory itself cannot be listed, and with a `BeyondLimit` where no such database is
 * in it.
 */
export async function readDatabase(target: string, request: DatabaseRequest = {}): Promise<Database> {
  if (isObjectAddress(target)) {
    const place = await listObjects(target, request.store);
    if (place.kind === 'directory') return readStored(place, request);
    const database = await readArchived(target, request, place.file.source);
    if (database === undefined)
      throw new BeyondLimit(place.file.path, 'it is one object, neither a directory nor an archive');
    return { ...database, stored: true };
  }
  const archived = await readArchived(target, request);
  if (archived !== undefined) return archived;
  const first = await takeInventory(target, {
    ...(request.walDir === undefined ? {} : { walDirs: [request.walDir] }),
    ...(request.dbPaths === undefined ? {} : { dbPaths: request.dbPaths }),
    ...(request.instead === undefined ? {} : { instead: request.instead }),
  });
  return readInventory(first, diskReader(target), request, listAgain);
}

async function readArchived(
  target: string,
  request: DatabaseRequest,
  object?: SourceDescriptor,
): Promise<Database | undefined> {
  const archived = await listArchive(target, object);
  if (archived === undefined) return undefined;
  return { ...(await readListing(archived.listing, entryReader, request)), archived: archived.place };
}

/** Reads the metadata of what was listed in a bucket. */
export async function readStored(
  place: Extract<ObjectPlace, { kind: 'directory' }>,
  request: DatabaseRequest,
): Promise<Database> {
  const reader = { ...entryReader, databasesBelow: place.databasesBelow };
  return { ...(await readListing(place.listing, reader, request)), stored: true };
}

async function readListing(
  listing: Listing,
  reader: FileReader,
  request: DatabaseRequest,
): Promise<Database> {
  const { instead = [] } = request;
  const inventory = databaseInventory(listing);
  for (const replacement of instead) replace(inventory, replacement);
  return readInventory({ ...inventory, instead }, reader, request);
}

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
  const own = await readVersion(first, detection, losses, { relisting, options });
  const cutoffOf = ({ manifest }: typeof own) =>
    manifest === undefined ? 0n : walCutoff(manifest.replay.version, options);
  const places = await namedPlaces(own.inventory, {
    options,
    optionsFile: optionsFile?.entry.file,
    walCutoff: cutoffOf(own),
    archived: relisting === undefined,
  });
  const listed = relisting && (await withFurtherPaths(own.inventory, places, request));
  const all =
    listed === undefined ? own : await readVersion(listed, detection, losses, { relisting, options });
  const { current, manifest, inventory, pebble } = all;
  const beyond = manifest?.replay.beyond;
  const version = beyond === undefined ? manifest?.replay.version : undefined;
  const asked = {
    target: first.target,
    inventory,
    places: request.walDir === undefined ? places : withWalDir(places),
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
      ? pebbleVersion(pebble, inventory, options, request)
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

/** Nothing in a Pebble directory says which release wrote it, its format version which can open it, and logs which can read them. */
function pebbleVersion(
  { formatVersion }: PebbleState,
  { entries }: Inventory,
  { pebble }: DatabaseOptions,
  { engineVersion }: DatabaseRequest,
): AssumedVersion {
  const told = engineVersion === undefined ? undefined : parseVersion(engineVersion);
  if (told !== undefined) return { version: told, by: 'caller' };
  const failsOver =
    pebble?.secondaryDir !== undefined ||
    entries.some(({ kind, name }) => kind === 'wal' && segmentIn(name) > 0);
  return { version: releaseFor(formatVersion, failsOver), by: 'default' };
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

/** WALs that recovery reads, in ascending order of number. Those in `archive/` never count. */
export function liveWals(database: Database): InventoryEntry[] {
  return walsFrom(database.inventory, database.walCutoff);
}

function walsFrom({ entries }: Inventory, cutoff: bigint): InventoryEntry[] {
  return entries
    .filter((e) => e.kind === 'wal' && e.place !== 'archive' && e.place !== 'lost')
    .filter((e) => e.number !== undefined && e.number >= cutoff)
    .sort(byLog);
}

/** What was said of where WALs lie answers for what is not here. */
function withWalDir({ failover, ...places }: NamedPlaces): NamedPlaces {
  return { ...places, wal: undefined, ...(failover?.here !== undefined && { failover }) };
}

/** Lists again with the directories that OPTIONS and LOG name and that are here, where nothing was said on the command line. */
async function withFurtherPaths(
  first: Inventory,
  { wal, failover, tables }: NamedPlaces,
  request: DatabaseRequest,
): Promise<Inventory | undefined> {
  const walDirs = [request.walDir ?? wal?.here, failover?.here].filter((each) => each !== undefined);
  const paths: string[] = [];
  // a path that is not here keeps its number: the target stands in its place, and is listed already
  for (const { place, pathId } of tables) {
    while (paths.length < pathId) paths.push(first.target);
    paths.push(place.here ?? first.target);
  }
  const dbPaths = request.dbPaths ?? paths;
  const isNew =
    walDirs.length > (request.walDir === undefined ? 0 : 1) ||
    (request.dbPaths === undefined && dbPaths.length > 0);
  if (!isNew) return undefined;
  return takeInventory(first.target, { walDirs, dbPaths, instead: first.instead });
}
