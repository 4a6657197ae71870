import { checkTable } from '../../check/sst/table.js';
import type { TableContext, UnitResult } from '../../check/unit.js';
import type { Database } from '../../engine/database.js';
import { formatVersion } from '../../engine/version.js';
import { fileName } from '../../format/filename.js';
import type { ColumnFamily, LiveTable, Version } from '../../format/manifest/version.js';
import { openTable } from '../../format/sst/table.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { openSource } from '../../io/source.js';
import { fileState } from '../content.js';
import type { Place } from '../place.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { Refusal } from '../refusal.js';
import type { TombstonePolicy } from '../tombstone-policy.js';
import { type BlobRepair, repairBlob } from './blobs.js';
import { addBlobs } from './metadata.js';
import { copyOfVersion, FreeNumbers, versionSteps } from './metadata-write.js';
import { salvageTable } from './tables-salvage.js';

export interface TableRepairRequest {
  onLostTombstones: TombstonePolicy;
}

/** A live table, its file, and what is wrong with it. */
interface Patient {
  family: ColumnFamily;
  live: LiveTable;
  entry?: InventoryEntry;
  result?: UnitResult;
}

/**
 * Plans the repair of tables and blob files that the MANIFEST names: damaged tables are written anew under numbers of their
 * own with all that they still hold, missing ones leave the version, swapped ones get their own content back, blob files get
 * header and footer. A fresh MANIFEST follows. Nothing that is there now is overwritten but blob files and swapped tables.
 */
export async function planTableRepair(
  database: Database,
  { onLostTombstones }: TableRepairRequest,
): Promise<RepairPlan> {
  const steps: RepairStep[] = [];
  const loss: LossStatement[] = [];
  const remarks: string[] = [];
  const { version } = database;
  const inputs = new Map<string, Place>();
  if (version !== undefined && database.detection.engine === 'rocksdb') {
    const changed = copyOfVersion(version);
    const numbers = new FreeNumbers(database);
    let rewritten = await putBlobsRight(database, changed, steps, loss);
    const lostBlob = rewritten.lost;
    const usualFormatVersion = await usualFormat(database);
    const { files: lostFiles } = rewritten;
    const isHurt = lostFiles.size > 0;
    const referred = new Set<bigint>();
    for (const patient of await examine(database, version)) {
      const { family, live, entry, result } = patient;
      const wrong = result?.findings.some(({ rule }) => rule === 'sst/wrong-file');
      const missing = entry === undefined;
      if (missing || wrong) {
        const own = await fileWithId(database, live);
        if (own !== undefined) {
          steps.push(contentOf(own, live, entry));
          noteInput(inputs, own);
          continue;
        }
      }
      const errors = result?.findings.filter(({ severity }) => severity === 'error') ?? [];
      const letsGo = result?.facts.kind === 'table' && refersTo(result.facts.blobReferences, lostFiles);
      const sizeWrong = !missing && BigInt(entry.size) !== live.size;
      if (!missing && errors.length === 0 && !letsGo && !sizeWrong) continue;
      if (sizeWrong && (await onlySizeWrong(database, patient))) {
        changed.columnFamilies.get(family.id)!.tables.set(live.number, { ...live, size: BigInt(entry.size) });
        remarks.push(`${entry.file} is whole; the MANIFEST had its size wrong`);
        rewritten = { ...rewritten, version: true };
        continue;
      }
      if (result?.facts.kind === 'table' && !wrong) {
        for (const { number } of result.facts.blobReferences)
          if (!lostFiles.has(number)) referred.add(number);
      }
      const salvaged = await salvageTable({
        database,
        version: changed,
        table: live,
        comparator: family.comparator,
        columnFamilyName: family.name,
        number: numbers.next(),
        policy: onLostTombstones,
        usualFormatVersion,
        // another table's content under this one's name holds nothing of it
        ...(entry !== undefined && !wrong && { entry }),
        ...(isHurt && { lostBlob }),
      });
      const { tables } = changed.columnFamilies.get(family.id)!;
      tables.delete(live.number);
      rewritten = { ...rewritten, version: true };
      loss.push(...salvaged.loss);
      remarks.push(...salvaged.remarks);
      if (entry !== undefined) noteInput(inputs, entry);
      const { replacement } = salvaged;
      if (replacement === undefined) continue;
      tables.set(replacement.live.number, replacement.live);
      steps.push({
        action: 'write',
        path: fileName('table', replacement.live.number),
        ...(entry?.root !== undefined && { root: entry.root }),
        why: `it takes the place of table ${live.number}${errors.length > 0 ? `: ${errors[0].message}` : missing ? ', which is missing' : ''}`,
        changes: [
          {
            kind: 'create-file',
            offset: 0,
            length: Number(replacement.live.size),
            detail: 'what is left of it',
          },
        ],
        content: replacement.content,
      });
    }
    if (rewritten.version) {
      for (const family of changed.columnFamilies.values()) {
        await addBlobs(database, family.id, changed, referred);
        dropUnlinkedBlobs(family);
      }
      steps.push(...versionSteps(database, changed, numbers, 'tables or blob files are others now'));
    }
  }
  return {
    schemaVersion: 1,
    target: database.target,
    strategy: 'tables',
    engineVersion: formatVersion(database.engineVersion),
    inputs: steps.length === 0 ? [] : await inputsOf(database, inputs),
    steps,
    loss,
    remarks,
  };
}

function noteInput(inputs: Map<string, Place>, { file, root }: InventoryEntry): void {
  inputs.set(`${root ?? ''}/${file}`, { path: file, ...(root !== undefined && { root }) });
}

async function inputsOf(database: Database, places: Map<string, Place>): Promise<RepairPlan['inputs']> {
  for (const entry of [database.current?.entry, database.manifest?.entry]) {
    if (entry !== undefined) noteInput(places, entry);
  }
  return Promise.all([...places.values()].map((place) => fileState(database.target, place)));
}

/** The file of a live table: `.sst` before `.ldb`, in its own path where several have the number. */
function fileOf({ inventory }: Database, { number, pathId }: LiveTable): InventoryEntry | undefined {
  const named = inventory.entries.filter(
    (e) => e.kind === 'table' && e.number === number && (e.place === 'database' || e.place === 'db-path'),
  );
  const inPath = named.filter((e) => (e.pathId ?? 0) === pathId);
  const candidates = inPath.length > 0 ? inPath : named;
  return candidates.find(({ name }) => name.endsWith('.sst')) ?? candidates[0];
}

async function examine(database: Database, version: Version): Promise<Patient[]> {
  const patients: Patient[] = [];
  for (const family of version.columnFamilies.values()) {
    for (const live of family.tables.values()) {
      const entry = fileOf(database, live);
      const result = entry && (await check(entry, contextOf(database, family, live, entry)));
      patients.push({ family, live, ...(entry && { entry }), ...(result && { result }) });
    }
  }
  // deeper tables first: what hides older versions looks into them as they are then
  return patients.sort((a, b) => b.live.level - a.live.level);
}

function contextOf(
  { version }: Database,
  family: ColumnFamily,
  live: LiveTable,
  { file, number }: InventoryEntry,
): TableContext {
  return {
    file,
    depth: 'full',
    live,
    columnFamilyName: family.name,
    ...(number !== undefined && { number }),
    ...(family.comparator !== '' && { comparator: family.comparator }),
    ...(version?.databaseId !== undefined && { databaseId: version.databaseId }),
  };
}

async function check(entry: InventoryEntry, context: TableContext): Promise<UnitResult> {
  const source = await openSource(entry.source);
  try {
    return await checkTable(source, context);
  } finally {
    await source.close();
  }
}

/** The table is as it should be, but for the size that the MANIFEST gives it. */
async function onlySizeWrong(database: Database, { family, live, entry }: Patient): Promise<boolean> {
  if (entry === undefined || BigInt(entry.size) === live.size) return false;
  const context = contextOf(database, family, { ...live, size: BigInt(entry.size) }, entry);
  const { findings } = await check(entry, context);
  return !findings.some(({ severity, rule }) => severity === 'error' || rule === 'sst/wrong-file');
}

/** A file under another name that holds the table which the MANIFEST means. */
async function fileWithId(database: Database, live: LiveTable): Promise<InventoryEntry | undefined> {
  for (const entry of database.inventory.entries) {
    if (entry.kind !== 'table' || entry.number === live.number || BigInt(entry.size) !== live.size) continue;
    const { findings, facts } = await check(entry, { file: entry.file, depth: 'full', live });
    if (findings.some(({ severity, rule }) => severity === 'error' || rule === 'sst/wrong-file')) continue;
    const same = facts.kind === 'table' && facts.uniqueId;
    if (live.uniqueId !== undefined && (!same || Buffer.compare(same, live.uniqueId) !== 0)) continue;
    // without ids the number that the table was written under has to do
    if (live.uniqueId === undefined && facts.kind === 'table' && facts.originalFileNumber !== live.number)
      continue;
    return entry;
  }
  return undefined;
}

function contentOf(own: InventoryEntry, live: LiveTable, entry: InventoryEntry | undefined): RepairStep {
  return {
    action: 'write',
    path: entry?.file ?? fileName('table', live.number),
    ...(own.root !== undefined && { root: own.root }),
    why: `the table that the MANIFEST means by ${live.number} lies in ${own.file}`,
    changes: [
      { kind: 'rewrite', offset: 0, length: entry?.size ?? own.size, detail: `the content of ${own.file}` },
    ],
    content: [
      {
        from: 'file',
        path: own.file,
        ...(own.root !== undefined && { root: own.root }),
        offset: 0,
        length: own.size,
      },
    ],
  };
}

/** The format version that most tables have. */
async function usualFormat(database: Database): Promise<number> {
  const counts = new Map<number, number>();
  for (const entry of database.inventory.entries.filter(({ kind }) => kind === 'table').slice(0, 16)) {
    const source = await openSource(entry.source);
    try {
      const { footer } = await openTable(source);
      if (footer?.format !== 'block-based') continue;
      counts.set(footer.formatVersion, (counts.get(footer.formatVersion) ?? 0) + 1);
    } finally {
      await source.close();
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? DEFAULT_FORMAT;
}

/** What every version since 6.6 reads. */
const DEFAULT_FORMAT = 5;

interface BlobState {
  /** The version had to change. */
  version: boolean;
  /** Numbers of blob files that lost values. */
  files: ReadonlySet<bigint>;
  lost(file: bigint, offset: bigint): boolean;
}

/** Repairs blob files; what they lost, the tables have to let go of. */
async function putBlobsRight(
  database: Database,
  version: Version,
  steps: RepairStep[],
  loss: LossStatement[],
): Promise<BlobState> {
  const repairs = new Map<bigint, BlobRepair>();
  for (const family of version.columnFamilies.values()) {
    for (const live of family.blobFiles.values()) {
      const entry = database.inventory.entries.find(
        (e) => e.kind === 'blob' && e.number === live.number && e.place !== 'archive' && e.place !== 'lost',
      );
      const file = fileName('blob', live.number);
      const gone = {
        lost: () => true,
        loss: { file, detail: 'all of its values: it is missing', facts: {} },
      };
      const repair: BlobRepair | undefined = entry === undefined ? gone : await repairBlob(entry, live);
      if (repair === undefined) continue;
      repairs.set(live.number, repair);
      if (repair.step !== undefined) steps.push(repair.step);
      if (repair.loss !== undefined) loss.push(repair.loss);
      if (repair.live === undefined) family.blobFiles.delete(live.number);
      else family.blobFiles.set(live.number, repair.live);
    }
  }
  const files = new Set(
    [...repairs].filter(([, { loss: lost }]) => lost !== undefined).map(([number]) => number),
  );
  return {
    version: repairs.size > 0,
    files,
    lost: (file, offset) => repairs.get(file)?.lost(offset) ?? false,
  };
}

function refersTo(references: readonly { number: bigint }[], files: ReadonlySet<bigint>): boolean {
  return references.some(({ number }) => files.has(number));
}

/** The engine refuses a blob file that no table has as its oldest, unless all of it is in use. */
function dropUnlinkedBlobs(family: ColumnFamily): void {
  const oldest = [...family.tables.values()].flatMap(({ oldestBlobFile }) =>
    oldestBlobFile === undefined || oldestBlobFile === 0n ? [] : [oldestBlobFile],
  );
  const first = oldest.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
  for (const { number, garbageCount, totalCount } of family.blobFiles.values()) {
    if (garbageCount >= totalCount || first === undefined || number < first) family.blobFiles.delete(number);
  }
}

/** Nothing of this strategy is about a target that is not RocksDB's. */
export function refuseOtherEngines({ detection }: Database): void {
  if (detection.engine === 'rocksdb' || detection.engine === undefined) return;
  throw new Refusal('refused', `tables and metadata of ${detection.engine} are not repaired`);
}
