/**
 * What names the parts of a Pebble directory (pebble open.go, vfs/atomicfs/marker.go): empty files whose names are their values,
 * `marker.format-version.000015.016` and `marker.manifest.000001.MANIFEST-000001`. Of several of one name the one with the
 * highest iteration counts. Without a format version it is 1, and CURRENT names the MANIFEST; from 3 on CURRENT names
 * MANIFEST-000000, which does not exist, so that older releases refuse.
 */

import { Cursor } from '../bytes/cursor.js';
import { decodeBatch } from '../format/batch/decode.js';
import { isFlushable } from '../format/batch/tags.js';
import type { CurrentFile } from '../format/current.js';
import { parseFileName } from '../format/filename.js';
import { LogEvent, LogParser } from '../format/log/parser.js';
import { readManifestLog } from '../format/manifest/log.js';
import { readHead } from '../io/head.js';
import type { Inventory, InventoryEntry } from '../io/inventory.js';
import { memorySource } from '../io/source.js';
import { atLeast, type EngineVersion } from './version.js';

export interface PebbleState {
  /** 1 without a marker that says so; absent where the marker cannot be read. */
  formatVersion?: number;
  formatMarker?: InventoryEntry;
  manifestMarker?: InventoryEntry;
  /** Number of the MANIFEST that is named; absent where nothing usable names one. */
  manifest?: bigint;
  /** Markers of which another of the same name has a higher iteration. */
  obsolete: InventoryEntry[];
  /** Files whose names begin like a marker's and go on otherwise: Pebble refuses to open. */
  malformed: InventoryEntry[];
  /** Pebble finds nothing that names a MANIFEST: it takes the directory for a new one. */
  isNew: boolean;
  /** Nothing says the format version to a release that follows no CURRENT: it refuses where there is anything to read. */
  mustBePristine?: true;
  /** Numbers of objects that lie in remote storage: no file here bears them. */
  remote: Set<bigint>;
  /** Tables that live WALs bring in, by number. */
  ingested: Map<bigint, Ingested>;
  /** Of them, those that an open refuses, by number. */
  refusedIngests: Map<bigint, RefusedIngest>;
  /** One of them that the MANIFEST names on level 0 already. */
  ingestedTwice?: { number: bigint; wal: string };
}

/** A table that was ingested into the memtables' queue: no edit names it yet. */
interface Ingested {
  wal: string;
  /** Of all its entries. */
  sequence: bigint;
}

/** Why an open refuses a table that a WAL brings in. */
interface RefusedIngest {
  file: string;
  reason: string;
  /** It is of a kind that kvdoctor, or the engine at this format version, does not read: nothing is known to be wrong with it. */
  isUnread: boolean;
}

/** Format versions that are known: those of the newest release that there is. */
export const NEWEST_FORMAT_VERSION = 30;

/** What the names in a directory say, and CURRENT where it counts. */
export function pebbleState({ entries }: Inventory, current: CurrentFile | undefined): PebbleState {
  const own = entries.filter(({ place }) => place === 'database');
  const state: PebbleState = {
    obsolete: [],
    malformed: own.filter(({ name, kind }) => name.startsWith('marker.') && kind !== 'pebble-marker'),
    isNew: false,
    ingested: new Map(),
    refusedIngests: new Map(),
    remote: new Set(),
  };
  const byName = new Map<string, InventoryEntry>();
  for (const entry of own) {
    const { marker } = entry;
    if (marker === undefined) continue;
    const other = byName.get(marker.name);
    const isNewer = other === undefined || marker.iteration > other.marker!.iteration;
    if (other !== undefined) state.obsolete.push(isNewer ? other : entry);
    if (isNewer) byName.set(marker.name, entry);
  }
  state.formatMarker = byName.get('format-version');
  state.manifestMarker = byName.get('manifest');
  const stated = state.formatMarker?.marker?.value;
  if (stated === undefined) state.formatVersion = 1;
  else if (/^\d{1,9}$/.test(stated)) state.formatVersion = Number(stated);
  if (state.formatMarker !== undefined) {
    state.isNew = state.manifestMarker === undefined;
    state.manifest = manifestNumber(state.manifestMarker?.marker?.value);
  } else {
    state.isNew = !own.some(({ kind, name }) => kind === 'current' && name === 'CURRENT');
    state.manifest = current?.anomalies.length === 0 ? current.number : current?.spacedNumber;
  }
  return state;
}

export function manifestNumber(value: string | undefined): bigint | undefined {
  const { kind, number } = parseFileName(value ?? '');
  return kind === 'manifest' ? number : undefined;
}

/** A catalog larger than this is none. Bytes. */
const CATALOG_LIMIT = 16 << 20;

/** Reads which objects lie in remote storage (pebble objstorage/objstorageprovider/remoteobjcat), as far as the catalog can be read. */
export async function addRemote(state: PebbleState, { entries }: Inventory): Promise<void> {
  const named = entries
    .filter(({ marker }) => marker?.name === 'remote-obj-catalog')
    .sort((a, b) => (a.marker!.iteration < b.marker!.iteration ? 1 : -1))[0]?.marker?.value;
  const catalog = entries.find(({ name, kind }) => kind === 'pebble-remote-catalog' && name === named);
  if (catalog === undefined) return;
  const bytes = await readHead(catalog.source, CATALOG_LIMIT).catch(() => new Uint8Array(0));
  await readManifestLog(memorySource(bytes), {
    record: ({ payload }) => readCatalog(state.remote, new Cursor(payload)),
    damage: () => {},
    oversized: () => {},
  });
}

const CatalogTag = { added: 1, removed: 2, creator: 3, locator: 4, customName: 5 };

function readCatalog(remote: Set<bigint>, cursor: Cursor): void {
  for (let tag = cursor.varint32(); tag !== undefined; tag = cursor.varint32()) {
    const number = cursor.varint64();
    if (number === undefined) return;
    if (tag === CatalogTag.removed) remote.delete(number);
    else if (tag === CatalogTag.added) {
      // type, creator, its number, who removes it; then fields after their lengths, until 0
      for (let i = 0; i < 4; i++) if (cursor.varint64() === undefined) return;
      for (let field = cursor.varint32(); field !== 0; field = cursor.varint32())
        if (field === undefined || cursor.lengthPrefixed() === undefined) return;
      remote.add(number);
    } else if (tag !== CatalogTag.creator) return;
  }
}

/** More of a WAL is not looked at: an ingest stands at its start. */
const HEAD = 64 * 1024;
/** Tables that one batch may bring in. */
const MOST = 100_000;

/** Adds the tables that WALs bring in. Files that cannot be read bring in none. */
export async function addIngested(state: PebbleState, wals: readonly InventoryEntry[]): Promise<void> {
  for (const { source, number, file } of wals) {
    const head = await readHead(source, HEAD).catch(() => new Uint8Array(0));
    const parser = new LogParser(memorySource(head), { dialect: 'pebble', number });
    if ((await parser.next()) !== LogEvent.record) continue;
    const { bytes, start, end } = parser.record;
    for (const { table, sequence } of ingestedBy(bytes.subarray(start, end)))
      state.ingested.set(table, { wal: file, sequence });
  }
}

/** The tables that a batch brings in: each has a sequence number of its own, after that of an excise. */
export function ingestedBy(batch: Uint8Array): { table: bigint; sequence: bigint }[] {
  const first = batch[12];
  if (first === undefined || !isFlushable(first)) return [];
  const { ops, sequence } = decodeBatch(batch, { dialect: 'pebble', maxOps: MOST });
  return ops.flatMap(({ kind, key }, i) => {
    const table = kind === 'ingest' ? new Cursor(key).varint64() : undefined;
    return table === undefined ? [] : [{ table, sequence: sequence + BigInt(i) }];
  });
}

/** Releases whose behaviour is known, by the newest format version that each opens. */
const RELEASES: readonly { version: EngineVersion; newest: number }[] = [
  { version: { major: 1, minor: 1, patch: 5 }, newest: 16 },
  { version: { major: 2, minor: 0, patch: 7 }, newest: 19 },
  { version: { major: 2, minor: 1, patch: 4 }, newest: 24 },
  { version: { major: 2, minor: 2, patch: 0 }, newest: NEWEST_FORMAT_VERSION },
];

/**
 * The oldest release that opens a directory of that format version: nothing on the disk says which one wrote it. `failsOver`: its logs go
 * on in other files and another directory, which 1.x does not read.
 */
export function releaseFor(formatVersion = 1, failsOver = false): EngineVersion {
  const able = failsOver ? RELEASES.filter(({ version }) => atLeast(version, 2)) : RELEASES;
  return (able.find(({ newest }) => formatVersion <= newest) ?? RELEASES[RELEASES.length - 1]).version;
}

/** Format versions that a release opens. */
export function formatVersionsOf(version: EngineVersion): { oldest: number; newest: number } {
  const known = RELEASES.findLast((release) =>
    atLeast(version, release.version.major, release.version.minor),
  );
  return { oldest: atLeast(version, 2) ? 13 : 1, newest: (known ?? RELEASES[0]).newest };
}

/** From 2.0 on no CURRENT is followed: without a marker of the format version a release sees no database at format version 1. */
export function followsCurrent(version: EngineVersion): boolean {
  return !atLeast(version, 2);
}

/** From 2.0.8 and 2.1.5 on a CURRENT without markers refuses; releases before them take such a directory for a new one. */
export function refusesFirstFormat(version: EngineVersion): boolean {
  return atLeast(version, 2, 1) ? atLeast(version, 2, 1, 5) : atLeast(version, 2, 0, 8);
}

/** Formats of tables that Pebble writes, by the first format version that allows them (pebble format_major_version.go). */
const NEWEST_TABLES: readonly { from: number; format: number }[] = [
  { from: 5, format: 1 },
  { from: 8, format: 2 },
  { from: 12, format: 3 },
  { from: 15, format: 4 },
  { from: 19, format: 5 },
  { from: 21, format: 6 },
  { from: 23, format: 7 },
];
/** Of later format versions it is not known which formats they allow. */
const NEWEST_WITH_KNOWN_TABLES = 24;
/** From this format version on tables of RocksDB's formats are not taken in any more. */
const FIRST_WITHOUT_ROCKSDB = 9;

/**
 * What Pebble says of a table that a log brings in and that has a format which the format version does not allow. `format`: of Pebble's
 * own, from 1 on; 0 for RocksDB's.
 */
export function refusedTableFormat(format: number, formatVersion: number | undefined): string | undefined {
  if (formatVersion === undefined || formatVersion > NEWEST_WITH_KNOWN_TABLES) return undefined;
  const newest = NEWEST_TABLES.findLast(({ from }) => from <= formatVersion)?.format ?? 0;
  const isOlder = format === 0 && formatVersion >= FIRST_WITHOUT_ROCKSDB;
  if (format <= newest && !isOlder) return undefined;
  const name = (each: number) => (each === 0 ? '(RocksDB,v2)' : `(Pebble,v${each})`);
  const oldest = formatVersion < FIRST_WITHOUT_ROCKSDB ? '(LevelDB)' : name(1);
  return `pebble: table format ${name(format)} is not within range supported at DB format major version ${formatVersion}, (${oldest},${name(newest)})`;
}
