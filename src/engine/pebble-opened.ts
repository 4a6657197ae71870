/**
 * A Pebble directory as an open sees it: its MANIFEST ends at the first damage, WALs bring tables in, and where nothing names a
 * MANIFEST there is a new database (pebble open.go).
 */

import { type FileNameKind, isCanonical } from '../format/filename.js';
import { emptyVersion } from '../format/manifest/apply.js';
import { replayManifest } from '../format/manifest/replay.js';
import {
  copyOfVersion,
  fileBehind,
  type LiveTable,
  numbersOfValueFiles,
  type Version,
} from '../format/manifest/version.js';
import { comparatorNamed, compareUserKeys } from '../format/sst/comparator.js';
import { readDataBlocks } from '../format/sst/data-blocks.js';
import { internalKey, MAX_SEQUENCE, VALUE_TYPE } from '../format/sst/internal-key.js';
import { openTable } from '../format/sst/table.js';
import type { InventoryEntry } from '../io/inventory.js';
import { TargetError } from '../io/target-error.js';
import { type Database, filesOf } from './database.js';
import {
  addIngested,
  followsCurrent,
  manifestNumber,
  type PebbleState,
  refusedTableFormat,
} from './pebble.js';

/** The first sequence number that a new database gives out. */
export const FIRST_SEQUENCE = 10n;

export async function asPebbleOpens(given: Database): Promise<Database> {
  const database = given.pebble && !followsCurrent(given.engineVersion) ? byMarkersAlone(given) : given;
  const { pebble, manifest } = database;
  if (pebble === undefined) return database;
  if (pebble.isNew) return withIngested({ ...database, version: newVersion(), walCutoff: 0n }, pebble);
  if (manifest === undefined) return database;
  const source = await filesOf(database).open(manifest.entry.source);
  let replay: typeof manifest.replay;
  try {
    replay = await replayManifest(source, {
      dialect: 'pebble',
      toDamage: true,
      files: manifest.replay.files,
    });
  } finally {
    await source.close();
  }
  const version = copyOfVersion(replay.version);
  const walCutoff = version.columnFamilies.get(0)?.logNumber ?? 0n;
  return withIngested({ ...database, manifest: { ...manifest, replay }, version, walCutoff }, pebble);
}

/** With the tables that its WALs bring in. */
async function withIngested(database: Database, pebble: PebbleState): Promise<Database> {
  const ingested = { ...pebble, ingested: new Map(), refusedIngests: new Map() };
  const wals = database.inventory.entries.filter(
    ({ kind, place, number = 0n }) =>
      kind === 'wal' && place !== 'archive' && place !== 'lost' && number >= database.walCutoff,
  );
  await addIngested(ingested, wals);
  const opened = { ...database, pebble: ingested };
  for (const [number, { sequence, wal }] of ingested.ingested) {
    if (database.version?.columnFamilies.get(0)?.tables.get(number)?.level === 0)
      ingested.ingestedTwice ??= { number, wal };
    const table = await ingestedTable(opened, number, sequence);
    if (table !== undefined) database.version?.columnFamilies.get(0)?.tables.set(number, table);
  }
  return opened;
}

/**
 * A database as its readers see it after an open; one that is not Pebble's as it is. Rejects where an open of Pebble would leave out
 * tables in silence: that is not what is in it.
 */
export async function asRead(database: Database): Promise<Database> {
  const { pebble, manifest, target } = database;
  if (pebble === undefined) return database;
  if (pebble.isNew || manifest?.named !== true || !manifest.replay.complete)
    throw new TargetError(
      'unreadable',
      target,
      'Pebble would not find all of its tables: its MANIFEST, or what names it, is lost or damaged. A repair makes a copy that can be read (repair --strategy auto)',
    );
  return asPebbleOpens(database);
}

/** As releases see it that follow no CURRENT. */
function byMarkersAlone(database: Database): Database {
  const pebble = database.pebble!;
  if (pebble.formatMarker !== undefined) return database;
  const { manifestMarker } = pebble;
  const manifest = manifestNumber(manifestMarker?.marker?.value);
  const isSame = database.manifest !== undefined && database.manifest.entry.number === manifest;
  const { manifest: _, ...others } = database;
  return {
    ...(isSame ? database : others),
    pebble: { ...pebble, manifest, isNew: manifestMarker === undefined, mustBePristine: true },
  };
}

function newVersion(): Version {
  return { ...emptyVersion(), lastSequence: FIRST_SEQUENCE - 1n, nextFileNumber: 2n };
}

/** What Pebble says of a table that was not written to be ingested (pebble ingest.go `ingestValidateKey`). */
const OWN_SEQUENCES = 'pebble: external sstable has non-zero seqnum';

/** A table that a WAL brings in, with the bounds that it has. */
async function ingestedTable(
  database: Database,
  number: bigint,
  sequence: bigint,
): Promise<LiveTable | undefined> {
  const entry = database.inventory.entries.find(
    (e) => e.kind === 'table' && e.number === number && e.place === 'database' && isCanonical(e),
  );
  if (entry === undefined) return undefined;
  const comparator = comparatorNamed(database.version?.columnFamilies.get(0)?.comparator);
  let smallest: Uint8Array | undefined;
  let largest: Uint8Array | undefined;
  const take = (key: Uint8Array) => {
    if (smallest === undefined || (compareUserKeys(comparator, key, smallest) ?? 0) < 0) smallest = key;
    if (largest === undefined || (compareUserKeys(comparator, key, largest) ?? 1) > 0) largest = key;
  };
  const source = await filesOf(database).open(entry.source);
  try {
    const table = await openTable(source, { dialect: 'pebble' });
    const { anomalies, unsupported, index } = table;
    const refused = database.pebble?.refusedIngests;
    const note = (reason: string | undefined, isUnread = false) => {
      if (reason !== undefined && refused?.has(number) === false)
        refused.set(number, { file: entry.file, reason, isUnread });
    };
    note(anomalies[0]?.message);
    const { format, formatVersion = 0 } = table.footer ?? {};
    // the marker may be what is wrong: of the table nothing is known to be
    if (format !== undefined)
      note(refusedTableFormat(format === 'pebble' ? formatVersion : 0, database.pebble?.formatVersion), true);
    note(unsupported[0]?.reason, true);
    let last = 0n;
    for await (const block of readDataBlocks(table)) {
      const isFirst = block.ordinal === 0;
      const isLast = block.ordinal + 1 === index?.count;
      // an open reads the first and the last key
      if (isFirst || isLast) note(block.anomalies[0]?.message);
      let count = 0;
      for (const { key, sequence } of block.entries()) {
        if (isFirst && count++ === 0 && sequence > 0n) note(OWN_SEQUENCES);
        last = sequence;
        take(key);
      }
    }
    if (last > 0n) note(OWN_SEQUENCES);
    for (const { start, end } of table.rangeTombstones) {
      take(start);
      take(end);
    }
  } finally {
    await source.close();
  }
  const none = new Uint8Array(0);
  return {
    columnFamily: 0,
    level: 0,
    number,
    pathId: 0,
    size: BigInt(entry.size),
    smallest: internalKey(smallest ?? none, MAX_SEQUENCE, VALUE_TYPE.rangeDelete),
    largest: internalKey(largest ?? none, 0n, VALUE_TYPE.delete),
    smallestSequence: sequence,
    largestSequence: sequence,
    addedAt: 0,
    entry: { offset: 0, length: 0 },
  };
}

/** Tables that an open for writing deletes. */
export function tablesDeleted(database: Database): string[] {
  return filesDeleted(database, ['table']);
}

/** What an open may delete. */
const DELETABLE = ['table', 'blob', 'wal', 'manifest', 'options', 'pebble-marker', 'temporary'] as const;

/**
 * Files that an open for writing deletes, where it opens (pebble open.go `scanObsoleteFiles`): what the version does not name, WALs,
 * which have been flushed, OPTIONS, which are written anew, MANIFESTs but the one that was the newest, and markers that no longer count.
 */
export function filesDeleted(
  { version, inventory, pebble, engineVersion, walCutoff, manifest }: Database,
  kinds: readonly FileNameKind[] = DELETABLE,
): string[] {
  if (version === undefined || pebble === undefined) return [];
  const used = new Set<bigint>([...version.backings.keys(), ...pebble.ingested.keys()]);
  for (const { tables } of version.columnFamilies.values())
    for (const table of tables.values()) used.add(fileBehind(version, table).number);
  const values = numbersOfValueFiles(version);
  const own = inventory.entries.filter(({ place, kind }) => place === 'database' && kinds.includes(kind));
  const numbered = (kind: FileNameKind) =>
    inventory.entries
      .filter((entry) => entry.kind === kind && entry.place === 'database' && entry.number !== undefined)
      .sort((a, b) => (a.number! < b.number! ? -1 : 1));
  // a new database begins with MANIFEST-000001; from 2.0 on one that has nothing to flush keeps its MANIFEST
  const isLive = ({ kind, place, number = 0n }: InventoryEntry) =>
    kind === 'wal' && (place === 'database' || place === 'wal-dir') && number >= walCutoff;
  const flushes = followsCurrent(engineVersion) || inventory.entries.some(isLive);
  const writesManifest = !pebble.isNew && flushes;
  const manifests = numbered('manifest').filter(
    ({ number }) => !pebble.isNew && (writesManifest || number! < (manifest?.entry.number ?? 0n)),
  );
  const old = new Set(manifests.slice(0, -1));
  return own
    .filter((entry) => {
      const { kind, number = -1n } = entry;
      if (kind === 'table') return !used.has(number);
      if (kind === 'blob') return !followsCurrent(engineVersion) && !values.has(number);
      if (kind === 'manifest') return old.has(entry);
      if (kind !== 'pebble-marker') return true;
      return pebble.obsolete.includes(entry) || (entry === pebble.manifestMarker && writesManifest);
    })
    .map(({ file }) => file);
}
