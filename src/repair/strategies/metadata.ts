import { type LeftBehind, manifestLeftBehind } from '../../check/directory/left-behind.js';
import type { Database } from '../../engine/database.js';
import { formatVersion } from '../../engine/version.js';
import { isBlobFileFooter } from '../../format/blob/footer.js';
import { BLOB } from '../../format/blob/layout.js';
import { walkBlobFile } from '../../format/blob/walk.js';
import { emptyVersion, newColumnFamily } from '../../format/manifest/apply.js';
import { type ManifestReplay, replayManifest } from '../../format/manifest/replay.js';
import type { LiveBlobFile, Version } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import { fileState } from '../content.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { Refusal } from '../refusal.js';
import { assignLevels, chooseTables } from './manifest-choice.js';
import { contentsOf, type FoundTable, findTables } from './manifest-tables.js';
import { logNumberFor, readWalContents, type WalContents } from './manifest-wals.js';
import { copyOfVersion, currentStep, FreeNumbers, versionSteps } from './metadata-write.js';

/**
 * Plans a CURRENT and a MANIFEST that lead to the state which the files are in. A whole MANIFEST that fits the tables only
 * needs CURRENT; else a fresh one is written from what still holds: edits before and behind the damage, the tables' own
 * properties and contents, WALs, OPTIONS.
 */
export async function planMetadataRepair(database: Database): Promise<RepairPlan> {
  const steps: RepairStep[] = [];
  const loss: LossStatement[] = [];
  const remarks: string[] = [];
  if (database.detection.engine === undefined || database.detection.engine === 'rocksdb') {
    const { current } = database;
    const usable = current !== undefined && current.decoded.anomalies.length === 0;
    const left = usable ? await manifestLeftBehind(database) : undefined;
    const chosen = left ?? (await chooseManifest(database, usable));
    const whole =
      chosen !== undefined && isWhole(chosen.replay) && (left === undefined || knowsTables(database, left));
    if (left !== undefined) remarks.push(...begunAnew(database, left));
    if (whole && !(usable && current.decoded.number === chosen.entry.number)) {
      const why =
        current === undefined
          ? 'CURRENT is missing'
          : left === undefined
            ? 'CURRENT does not name the MANIFEST to use'
            : `${current.decoded.manifest} was begun anew, beside the files of the database`;
      steps.push(
        currentStep(database, chosen.entry.name, `${why}; ${chosen.entry.name} is whole and fits the tables`),
      );
    } else if (!whole) {
      const numbers = new FreeNumbers(database);
      const version = await rebuild(database, chosen?.replay, remarks);
      const why =
        chosen === undefined
          ? 'there is no MANIFEST'
          : left === undefined
            ? `${chosen.entry.name} is damaged: ${complaint(chosen.replay)}`
            : `${chosen.entry.name} is whole, and there are tables that it does not know`;
      steps.push(...versionSteps({ ...database, version }, version, numbers, why));
    }
  }
  return {
    schemaVersion: 1,
    target: database.target,
    strategy: 'metadata',
    engineVersion: formatVersion(database.engineVersion),
    inputs: steps.length === 0 ? [] : await inputsOf(database),
    steps,
    loss,
    remarks,
  };
}

interface Candidate {
  entry: InventoryEntry;
  replay: ManifestReplay;
  /** All its tables are there with their sizes. */
  fits: boolean;
}

/** The MANIFEST that CURRENT names; without a usable CURRENT, the newest that is whole and fits the tables. */
async function chooseManifest(database: Database, usable: boolean): Promise<Candidate | undefined> {
  const sizes = new Map(
    database.inventory.entries.filter(({ kind }) => kind === 'table').map((e) => [e.number, BigInt(e.size)]),
  );
  const candidates: Candidate[] = [];
  for (const entry of database.inventory.entries) {
    if (entry.kind !== 'manifest' || entry.place !== 'database') continue;
    if (usable && database.manifest?.named && entry !== database.manifest.entry) continue;
    const source = await openSource(entry.source);
    try {
      const replay = await replayManifest(source);
      const tables = [...replay.version.columnFamilies.values()].flatMap((cf) => [...cf.tables.values()]);
      const fits = tables.every(({ number, size }) => sizes.get(number) === size);
      candidates.push({ entry, replay, fits });
    } finally {
      await source.close();
    }
  }
  const rank = ({ replay, fits }: Candidate) => (isWhole(replay) ? 2 : 0) + (fits ? 1 : 0);
  const newer = (a: Candidate, b: Candidate) => ((a.entry.number ?? 0n) > (b.entry.number ?? 0n) ? -1 : 1);
  return candidates.sort((a, b) => rank(b) - rank(a) || newer(a, b))[0];
}

/** Every table that is there is one that the MANIFEST has, or had. */
function knowsTables({ inventory }: Database, { replay }: LeftBehind): boolean {
  const known = new Set(replay.lastTables);
  return inventory.entries.every(
    ({ kind, number, place }) =>
      kind !== 'table' || place === 'lost' || number === undefined || known.has(number),
  );
}

/** What it costs to go back to the MANIFEST that was left behind. */
function begunAnew({ current, version }: Database, { entry }: LeftBehind): string[] {
  const sequence = version?.lastSequence ?? 0n;
  const cost =
    sequence === 0n
      ? 'the new one knows of nothing that was written to it'
      : `what was written to the new one, up to its sequence ${sequence}, is not part of the old one: kvdoctor export shows it`;
  return [
    `${current?.decoded.manifest} began a new database beside the old one; ${entry.name} is the old one, and ${cost}`,
  ];
}

function isWhole({ complete, tail, openGroup }: ManifestReplay): boolean {
  return complete && (tail.state === 'clean' || tail.state === 'zero-fill') && openGroup === undefined;
}

function complaint({ anomalies, tail }: ManifestReplay): string {
  return anomalies[0]?.message ?? `it ends ${tail.state}`;
}

async function rebuild(
  database: Database,
  replay: ManifestReplay | undefined,
  remarks: string[],
): Promise<Version> {
  const version = replay === undefined ? emptyVersion() : copyOfVersion(replay.version);
  const found = await findTables(database);
  const contents = await contentsOf(found);
  if (contents === undefined) {
    throw new Refusal(
      'refused',
      'the tables hold more than can be compared in memory to tell which of them are live',
    );
  }
  const wals = await readWalContents(database);
  version.databaseId ??= found.find(({ databaseId }) => databaseId !== undefined)?.databaseId;
  addFamilies(database, version, found, wals, remarks);
  const seen = new Set(replay?.lastTables ?? []);
  for (const family of version.columnFamilies.values()) {
    const stated = family.tables;
    const there = found.filter(({ live, databaseId }) => {
      if (live.columnFamily !== family.id) return false;
      if (databaseId !== undefined && version.databaseId !== undefined && databaseId !== version.databaseId)
        return false;
      // an edit that is whole added it, and another one took it away again
      return stated.has(live.number) || !seen.has(live.number);
    });
    const certain = new Set(
      there.filter(({ live }) => stated.has(live.number)).map(({ live }) => live.number),
    );
    const onDisk = new Set(
      database.inventory.entries.filter(({ kind }) => kind === 'table').map(({ number }) => number),
    );
    const unflushed = there.filter(
      (table) => certain.has(table.live.number) || !isInWals(table, family.logNumber, replay, wals),
    );
    const choice = chooseTables(unflushed, contents, certain);
    const levels = new Map([...stated.values()].map(({ number, level }) => [number, level]));
    const most = database.options.columnFamilies.get(family.name)?.numLevels ?? 7;
    if (!assignLevels(choice.live, contents, levels, most)) {
      throw new Refusal(
        'refused',
        `the tables of column family ${family.name} do not fit into ${most} levels`,
      );
    }
    for (const { table, why } of choice.left) remarks.push(`${table.entry.file} is left out: ${why}`);
    const tables: typeof stated = new Map();
    for (const table of stated.values()) {
      // damaged tables stay: they are another repair's
      const damaged = onDisk.has(table.number) && !found.some(({ live }) => live.number === table.number);
      if (
        damaged ||
        (!onDisk.has(table.number) && choice.live.every(({ live }) => certain.has(live.number)))
      ) {
        tables.set(table.number, table);
      }
    }
    for (const { live } of choice.live) {
      const known = stated.get(live.number);
      if (known === undefined) {
        remarks.push(
          `${family.name}: table ${live.number} is taken over at level ${live.level}, by its properties and contents`,
        );
      }
      tables.set(live.number, known ?? live);
    }
    family.tables = tables;
    const flushed = [...tables.values()].reduce((a, { largestSequence: b }) => (a > b ? a : b), 0n);
    const needed = logNumberFor(wals, family.id, flushed);
    if (needed > family.logNumber) family.logNumber = needed;
    if (flushed > (version.lastSequence ?? 0n)) version.lastSequence = flushed;
    await addBlobs(database, family.id, version);
  }
  version.lastSequence ??= 0n;
  version.trackedWals = new Map();
  if (replay === undefined) {
    remarks.push(
      'levels, log numbers and sequences are inferred from tables and WALs; file checksums and temperatures of the old MANIFEST are lost',
    );
  }
  return version;
}

/** Whether recovery would replay what a flushed table holds: then the table is not needed, and its edit was never written. */
function isInWals(
  { live }: FoundTable,
  logNumber: bigint,
  replay: ManifestReplay | undefined,
  wals: readonly WalContents[],
): boolean {
  if (replay === undefined || live.smallestSequence === 0n) return false;
  const id = live.columnFamily;
  const replayed = wals.filter(({ number }) => number >= logNumber);
  return (
    replayed.some(({ first }) => (first.get(id) ?? live.largestSequence) <= live.smallestSequence) &&
    replayed.some(({ last }) => (last.get(id) ?? -1n) >= live.largestSequence)
  );
}

/** Column families by what tables, WALs and OPTIONS say of them. */
function addFamilies(
  { options }: Database,
  version: Version,
  found: readonly FoundTable[],
  wals: readonly WalContents[],
  remarks: string[],
): void {
  const { columnFamilies: known, droppedColumnFamilies: dropped } = version;
  for (const { live, columnFamilyName, comparator } of found) {
    const id = live.columnFamily;
    if (known.has(id) || dropped.has(id) || columnFamilyName === undefined) continue;
    known.set(id, { ...newColumnFamily(id, columnFamilyName), comparator });
  }
  const names = new Set([...known.values()].map(({ name }) => name));
  const unnamed = [...options.columnFamilies.keys()].filter((name) => !names.has(name));
  const written = [...new Set(wals.flatMap(({ last }) => [...last.keys()]))].sort((a, b) => a - b);
  const unknown = written.filter((id) => !known.has(id) && !dropped.has(id));
  for (const name of unnamed) {
    const id = unknown.shift() ?? Math.max(version.maxColumnFamily ?? 0, ...known.keys(), ...written) + 1;
    known.set(id, newColumnFamily(id, name));
    remarks.push(`column family ${name} gets the id ${id}: OPTIONS names it, no table does`);
  }
  for (const id of unknown) {
    known.set(id, newColumnFamily(id, `recovered-${id}`));
    remarks.push(`column family ${id} is in WALs only; its name is lost, it is called recovered-${id}`);
  }
  for (const family of known.values()) {
    family.comparator ||= options.columnFamilies.get(family.name)?.comparator ?? '';
    family.comparator ||=
      found.find(({ live }) => live.columnFamily === family.id)?.comparator || 'leveldb.BytewiseComparator';
  }
}

/**
 * Blob files that tables refer to and the MANIFEST does not name any more; where `wanted` is given, of those. Files that no table
 * needs leave.
 */
export async function addBlobs(
  database: Database,
  columnFamily: number,
  version: Version,
  wanted?: ReadonlySet<bigint>,
): Promise<void> {
  const family = version.columnFamilies.get(columnFamily)!;
  const oldest = [...family.tables.values()].flatMap(({ oldestBlobFile: n }) => (n ? [n] : []));
  const first = oldest.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
  for (const number of family.blobFiles.keys()) {
    if (first === undefined || number < first) family.blobFiles.delete(number);
  }
  if (first === undefined) return;
  for (const entry of database.inventory.entries) {
    const { kind, number, place } = entry;
    if (kind !== 'blob' || number === undefined || number < first || place === 'lost') continue;
    if (family.blobFiles.has(number) || wanted?.has(number) === false) continue;
    const blob = await describeBlob(entry);
    if (blob?.columnFamily === columnFamily) family.blobFiles.set(number, blob);
  }
}

async function describeBlob(entry: InventoryEntry): Promise<LiveBlobFile | undefined> {
  const source = await openSource(entry.source);
  try {
    const header = new Uint8Array(BLOB.headerLength);
    const footer = new Uint8Array(BLOB.footerLength);
    const end = source.size - BLOB.footerLength;
    if (end < BLOB.headerLength) return undefined;
    await source.read(header, 0);
    await source.read(footer, end);
    if (!isBlobFileFooter(footer)) return undefined;
    let count = 0n;
    for await (const { kind } of walkBlobFile(source, { end, contents: false }))
      if (kind === 'record') count++;
    return {
      columnFamily: new DataView(header.buffer).getUint32(8, true),
      number: entry.number!,
      totalCount: count,
      totalBytes: BigInt(end - BLOB.headerLength),
      garbageCount: 0n,
      garbageBytes: 0n,
      checksumMethod: '',
      checksum: new Uint8Array(0),
      entry: { offset: 0, length: 0 },
    };
  } finally {
    await source.close();
  }
}

function inputsOf({ inventory, target }: Database): Promise<RepairPlan['inputs']> {
  const kinds = new Set(['current', 'manifest', 'options', 'wal', 'table', 'blob']);
  const entries = inventory.entries.filter(
    ({ kind, place }) => kinds.has(kind) && place !== 'lost' && place !== 'archive',
  );
  return Promise.all(
    entries.map(({ file, root }) => fileState(target, { path: file, ...(root !== undefined && { root }) })),
  );
}
