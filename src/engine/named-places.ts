import path from 'node:path';
import type { DatabaseOptions } from '../format/database-options.js';
import { INFO_LOG_HEAD, type InfoLogPaths, pathsInInfoLog } from '../format/info-log.js';
import { readHead } from '../io/head.js';
import { type Inventory, type InventoryEntry, takeInventory } from '../io/inventory.js';
import { TargetError } from '../io/target-error.js';

/** A directory besides its own in which a database says that files of its lie. */
export interface NamedPlace {
  option: 'wal_dir' | 'db_paths';
  /** What names it: the option, or Pebble's `secondary_dir`. */
  key: string;
  /** As it is named. */
  directory: string;
  /** The file that names it. */
  namedBy: string;
  /** Where it is here; absent where it is not, or could not be looked at. */
  here?: string;
  /** Why it could not be looked at. */
  reason?: string;
}

/** What a database says of where its files lie. */
export interface NamedPlaces {
  /** Absent where WALs lie in the database's own directory. */
  wal?: NamedPlace;
  /** Where logs of Pebble go on while the disk of their own directory stalls. */
  failover?: NamedPlace;
  /** db_paths in their order, without the database's own directory. */
  tables: { place: NamedPlace; pathId: number }[];
}

/** An OPTIONS file larger than this is no OPTIONS file. Bytes. */
export const OPTIONS_LIMIT = 16 << 20;

/** The file of a kind with the highest number, in the database's own directory. */
export function newest(inventory: Inventory, kind: InventoryEntry['kind']): InventoryEntry | undefined {
  return inventory.entries
    .filter((e) => e.kind === kind && e.place === 'database')
    .reduce<InventoryEntry | undefined>(
      (a, b) => (a && (a.number ?? 0n) >= (b.number ?? 0n) ? a : b),
      undefined,
    );
}

/** What names places: OPTIONS under its name, and the number below which no WAL is read. */
interface Naming {
  options: DatabaseOptions;
  optionsFile: string | undefined;
  walCutoff: bigint;
  /** The files are those of an archive, which has one directory only. */
  archived: boolean;
}

/**
 * The directories that OPTIONS and LOG name, each looked for here. A copied, moved or mounted database still names the place where
 * it used to be: its own old name is no other directory, nor is a database of its own, which is the one that this was copied from.
 */
export async function namedPlaces(inventory: Inventory, naming: Naming): Promise<NamedPlaces> {
  const { walCutoff, archived } = naming;
  const info = await infoLogPaths(inventory);
  const own = formerName(info);
  // an engine with a wal_dir leaves no live WAL in its own directory: one that has some is a copy that was put together
  const hasWals = inventory.entries.some(
    ({ kind, place, number = 0n }) => kind === 'wal' && place === 'database' && number >= walCutoff,
  );
  const wal = hasWals ? undefined : statedWalDir(naming, info);
  const visit = (option: NamedPlace['option'], directory: string, namedBy: string, key: string = option) => {
    const named = { option, key, directory: inStore(directory, inventory.target), namedBy };
    if (directory === own) return undefined;
    return archived
      ? { ...named, reason: 'an archive is looked at as one directory, unpack it' }
      : visited(inventory.target, named);
  };
  const found = wal && (await visit('wal_dir', wal.directory, wal.namedBy));
  const tables: NamedPlaces['tables'] = [];
  for (const [pathId, directory] of (info?.tables ?? []).entries()) {
    const place = await visit('db_paths', directory, 'LOG');
    if (place !== undefined) tables.push({ place, pathId });
  }
  const { options, optionsFile } = naming;
  const secondary = options.pebble?.secondaryDir;
  const failover =
    secondary === undefined || optionsFile === undefined
      ? undefined
      : await visit('wal_dir', secondary, optionsFile, 'secondary_dir');
  return { ...(found && { wal: found }), ...(failover && { failover }), tables };
}

/** Pebble's OPTIONS may name a place by that of the store. */
const inStore = (directory: string, target: string): string =>
  directory.startsWith(STORE_PATH) ? path.resolve(target) + directory.slice(STORE_PATH.length) : directory;

/** Stands in Pebble's OPTIONS for the directory of the store. */
export const STORE_PATH = '{store_path}';

/**
 * What OPTIONS says of wal_dir, otherwise LOG. Releases before 6.23 write the database's own directory into it, wherever that
 * was at the time; later ones leave it out then (rocksdb HISTORY.md, 6.23.0).
 */
function statedWalDir({ options, optionsFile }: Naming, info: InfoLogPaths | undefined) {
  if (options.walDir !== undefined && optionsFile !== undefined)
    return { directory: options.walDir, namedBy: optionsFile };
  return info?.wal === undefined ? undefined : { directory: info.wal, namedBy: 'LOG' };
}

/** Where the database lay when it wrote its LOG, if that tells. */
export function formerName(info: InfoLogPaths | undefined): string | undefined {
  if (info?.directory !== undefined) return info.directory;
  return info?.wal !== undefined && info.tables[0] === info.wal ? info.wal : undefined;
}

/** What the newest LOG says; none where it cannot be read. */
export async function infoLogPaths(inventory: Inventory): Promise<InfoLogPaths | undefined> {
  const log = inventory.entries.find((e) => e.name === 'LOG' && e.place === 'database');
  if (!log) return undefined;
  const head = await readHead(log.source, INFO_LOG_HEAD).catch(() => new Uint8Array(0));
  return pathsInInfoLog(Buffer.from(head).toString('utf8'));
}

/** Looks at a place. `undefined`: it is the target itself. */
async function visited(target: string, named: NamedPlace): Promise<NamedPlace | undefined> {
  const directory = path.resolve(target, named.directory);
  if (directory === path.resolve(target)) return undefined;
  try {
    const { entries } = await takeInventory(directory);
    if (entries.some((e) => e.kind === 'current' || e.kind === 'manifest')) return undefined;
    const bare = named.key === 'wal_dir' && !entries.some((e) => e.kind === 'wal');
    return bare ? { ...named, reason: 'it holds no WALs' } : { ...named, here: directory };
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    return { ...named, reason: error.kind === 'not-found' ? 'it is not there' : error.message };
  }
}
