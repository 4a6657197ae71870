/**
 * Reads OPTIONS, CURRENT and the MANIFEST of a directory around what its medium does not give back, again where a running engine has
 * moved on meanwhile.
 */
import type { ByteSource } from '../bytes/source.js';
import type { Range } from '../finding/finding.js';
import { CURRENT_LIMIT, type CurrentFile, decodeCurrent } from '../format/current.js';
import type { DatabaseOptions } from '../format/database-options.js';
import type { DialectName } from '../format/dialect.js';
import { type ManifestReplay, replayManifest } from '../format/manifest/replay.js';
import { parseOptions } from '../format/options.js';
import { parsePebbleOptions } from '../format/pebble-options.js';
import { type Inventory, type InventoryEntry, takeInventory } from '../io/inventory.js';
import { openSource } from '../io/source.js';
import { TargetError } from '../io/target-error.js';
import type { Detection } from './detect.js';
import { fileKey, namedFiles, withoutFiles } from './named-files.js';
import { newest, OPTIONS_LIMIT } from './named-places.js';
import { type PebbleState, pebbleState } from './pebble.js';
import { walCutoff } from './wal-cutoff.js';

/** A metadata file that could not be read at all, and the system's reason. */
export interface UnreadFile {
  entry: InventoryEntry;
  code: string;
  reason: string;
}

/** A metadata file of which the medium gave back all but these ranges. */
export interface UnreadableRanges {
  entry: InventoryEntry;
  ranges: readonly Range[];
}

/** What reading metadata could not get at. */
export interface Losses {
  unread: UnreadFile[];
  unreadable: UnreadableRanges[];
}

/** Files that no engine can be told of are read as RocksDB's. */
export function dialectOf({ engine }: Detection): DialectName {
  return engine ?? 'rocksdb';
}

/** Lists the directory that an inventory was taken from once more. */
export type Relisting = (inventory: Inventory) => Promise<Inventory>;

/** Readings of a directory that a running engine keeps changing, before it is taken as of two moments. */
const ATTEMPTS = 5;

/** What names the MANIFEST, and the version that it leads to. */
export interface VersionReading {
  inventory: Inventory;
  current?: { entry: InventoryEntry; decoded: CurrentFile };
  /** The MANIFEST that CURRENT names; without a usable CURRENT, the newest one (`named` is false then). */
  manifest?: { entry: InventoryEntry; replay: ManifestReplay; named: boolean };
  /** What names the parts of a Pebble directory. */
  pebble?: PebbleState;
}

/**
 * Reads CURRENT and its MANIFEST. A running engine makes files between the listing and this reading, writes on in them, and
 * removes others, so when the version names a file that was not listed or was listed with another size, both are taken
 * again until they agree or nothing moves any more. Where each listing is out of date when the MANIFEST has been read, as in
 * a large directory under load, the last two readings together tell what is missing: see `ofTwoMoments`.
 */
export async function readVersion(
  listed: Inventory,
  detection: Detection,
  losses: Losses,
  { relisting, options }: { relisting: Relisting | undefined; options: DatabaseOptions },
): Promise<VersionReading> {
  let read = await readOnce(listed, detection, losses);
  for (let attempt = 1; relisting !== undefined && differing(read).length > 0; attempt++) {
    const inventory = await relisting(read.inventory);
    if (signature(inventory) === signature(read.inventory)) return read;
    const next = await readOnce(inventory, detection, losses);
    if (attempt === ATTEMPTS && differing(next).length > 0) return ofTwoMoments(read, next, options);
    read = next;
  }
  return read;
}

async function readOnce(inventory: Inventory, detection: Detection, losses: Losses): Promise<VersionReading> {
  const current = await readCurrent(inventory, losses);
  const pebble = detection.engine === 'pebble' ? pebbleState(inventory, current?.decoded) : undefined;
  const named = pebble === undefined ? current?.decoded.number : pebble.manifest;
  const manifest = await readManifest(inventory, named, detection, losses);
  return { inventory, ...(current && { current }), ...(manifest && { manifest }), ...(pebble && { pebble }) };
}

/**
 * The earlier reading, with the files of its version that only the later listing has (they were written in between), and without
 * those that neither listing has and the later version no longer names (they came and went). What is then missing is missing: it
 * was not there between two moments at which it was named.
 */
function ofTwoMoments(
  earlier: VersionReading,
  later: VersionReading,
  options: DatabaseOptions,
): VersionReading {
  const { manifest } = earlier;
  if (manifest === undefined || later.manifest === undefined) return later;
  const wanted = new Set(differing(earlier));
  const absent = new Set(differing({ ...later, manifest }));
  const stillNamed = new Set(namedFiles(later.manifest.replay.version).map(({ key }) => key));
  // a log only grows
  const came = later.inventory.entries.filter((entry) => {
    const key = fileKey(entry);
    return entry.kind === 'wal' || (wanted.has(key) && !absent.has(key));
  });
  const newer = new Set(came.map(({ file }) => file));
  const entries = [...earlier.inventory.entries.filter(({ file }) => !newer.has(file)), ...came];
  const isGone = (key: string) => wanted.has(key) && absent.has(key) && !stillNamed.has(key);
  const { replay } = manifest;
  const cutoff = walCutoff(later.manifest.replay.version, options);
  const listed = new Set(entries.filter(({ kind }) => kind === 'wal').map(({ number }) => number));
  const { neededWal, ...rest } = replay;
  return {
    ...earlier,
    inventory: { ...earlier.inventory, entries },
    manifest: {
      ...manifest,
      replay: {
        ...rest,
        version: withoutFiles(replay.version, isGone),
        begunWals: replay.begunWals.filter((number) => number >= cutoff || listed.has(number)),
        ...(neededWal && neededWal.below > cutoff && { neededWal }),
      },
    },
  };
}

export function listAgain({ target, asked }: Inventory): Promise<Inventory> {
  return takeInventory(target, asked);
}

/** Files that the version of a reading names, and that its listing has not, or not as long. */
function differing({ inventory, manifest }: VersionReading): string[] {
  if (manifest === undefined) return [];
  const listed = new Map(inventory.entries.map((entry) => [fileKey(entry), entry.size]));
  return namedFiles(manifest.replay.version)
    .filter(({ key, size, least }) => {
      const actual = listed.get(key);
      if (actual === undefined) return true;
      return (
        (size !== undefined && actual !== Number(size)) || (least !== undefined && actual < Number(least))
      );
    })
    .map(({ key }) => key);
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

export async function readOptions(inventory: Inventory, { engine }: Detection, losses: Losses) {
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
