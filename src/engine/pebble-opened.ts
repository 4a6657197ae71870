/**
 * A Pebble directory as an open sees it: its MANIFEST ends at the first damage, WALs bring tables in, and where nothing names a
 * MANIFEST there is a new database (pebble open.go).
 */
import { emptyVersion } from '../format/manifest/apply.js';
import { replayManifest } from '../format/manifest/replay.js';
import { copyOfVersion, fileBehind, type LiveTable, type Version } from '../format/manifest/version.js';
import { comparatorNamed, compareUserKeys } from '../format/sst/comparator.js';
import { readDataBlocks } from '../format/sst/data-blocks.js';
import { internalKey, MAX_SEQUENCE, VALUE_TYPE } from '../format/sst/internal-key.js';
import { openTable } from '../format/sst/table.js';
import { type Database, filesOf } from './database.js';
import { addIngested } from './pebble.js';

/** The first sequence number that a new database gives out. */
const FIRST_SEQUENCE = 10n;

export async function asPebbleOpens(database: Database): Promise<Database> {
  const { pebble, manifest } = database;
  if (pebble === undefined) return database;
  if (pebble.isNew) return { ...database, version: newVersion(), walCutoff: 0n };
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
  const family = version.columnFamilies.get(0);
  const walCutoff = family?.logNumber ?? 0n;
  const ingested = { ...pebble, ingested: new Map() };
  const wals = database.inventory.entries.filter(
    ({ kind, place, number = 0n }) =>
      kind === 'wal' && place !== 'archive' && place !== 'lost' && number >= walCutoff,
  );
  await addIngested(ingested, wals);
  const opened = { ...database, manifest: { ...manifest, replay }, pebble: ingested, version, walCutoff };
  for (const [number, { sequence }] of ingested.ingested) {
    const table = await ingestedTable(opened, number, sequence);
    if (table !== undefined) family?.tables.set(number, table);
  }
  return opened;
}

function newVersion(): Version {
  return { ...emptyVersion(), lastSequence: FIRST_SEQUENCE - 1n, nextFileNumber: 2n };
}

/** A table that a WAL brings in, with the bounds that it has. */
async function ingestedTable(
  database: Database,
  number: bigint,
  sequence: bigint,
): Promise<LiveTable | undefined> {
  const entry = database.inventory.entries.find((e) => e.kind === 'table' && e.number === number);
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
    const { anomalies, unsupported } = table;
    const note = (reason: string | undefined) => {
      if (reason !== undefined && database.pebble)
        database.pebble.unreadIngest ??= { file: entry.file, reason };
    };
    note(anomalies[0]?.message ?? unsupported[0]?.reason);
    for await (const block of readDataBlocks(table)) {
      note(block.anomalies[0]?.message);
      for (const { key } of block.entries()) take(key);
    }
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

/** Files that an open for writing deletes, besides those that a WAL or an older state leaves behind in every open. */
export function tablesDeleted({ version, inventory, pebble }: Database): string[] {
  if (version === undefined) return [];
  const used = new Set<bigint>([...version.backings.keys(), ...(pebble?.ingested.keys() ?? [])]);
  for (const { tables } of version.columnFamilies.values())
    for (const table of tables.values()) used.add(fileBehind(version, table).number);
  return inventory.entries
    .filter(({ kind, place, number }) => kind === 'table' && place === 'database' && !used.has(number ?? -1n))
    .map(({ file }) => file);
}
