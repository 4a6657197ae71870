import { append } from '../../bytes/append.js';
import type { Database } from '../../engine/database.js';
import type { Finding } from '../../finding/finding.js';
import { copyOfVersion, fileBehind, type LiveTable, type Version } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { addBlobs } from '../../states/blobs.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import { Pace } from '../pace.js';
import { type FilePlace, placeIn, tableName, tableRoot } from '../place.js';
import type { LossStatement, RepairPlan, RepairStep } from '../plan.js';
import { databaseAfter } from '../preview.js';
import { Refusal } from '../refusal.js';
import type { TombstonePolicy } from '../tombstone-policy.js';
import { correctedEntry, type DamagedTable, examine } from './damaged-tables.js';
import { planExchangedBlobs } from './exchanged-blobs.js';
import { joinPlans } from './join-plans.js';
import { FreeNumbers, versionSteps } from './metadata-write.js';
import { tableEditSteps } from './pebble-edits.js';
import { canBeIngested, fileWithId, hasOtherKeys, isAnotherTable, tablesIn } from './table-identity.js';
import { type BlobState, dropUnlinkedBlobs, putBlobsRight, refersTo } from './tables-blob-files.js';
import type { UsualForm } from './tables-blocks.js';
import { usualForm } from './tables-form.js';
import { salvageTable } from './tables-salvage.js';

export interface TableRepairRequest {
  /** Default: `keep-hidden`; with LevelDB, whose users rarely have another copy, `accept`. */
  onLostTombstones?: TombstonePolicy;
  /** Default: one that nothing interrupts. */
  pace?: Pace;
}

/** A repair of tables as it is being planned. */
interface Draft {
  database: Database;
  /** The version that the files on disk are of: tables that the plan writes cannot be read yet. */
  old: Version;
  policy: TombstonePolicy;
  pace: Pace;
  /** The version as the new MANIFEST will have it, and whether it is another one by now. */
  version: Version;
  changed: boolean;
  numbers: FreeNumbers;
  usualForm: UsualForm;
  blobs: BlobState;
  /** Blob files that damaged tables refer to: their new versions may not link them all. */
  referred: Set<bigint>;
  steps: RepairStep[];
  loss: LossStatement[];
  unproven: LossStatement[];
  remarks: string[];
  inputs: Map<string, FilePlace>;
  /** Numbers of files whose content lies elsewhere, with the file that it is taken from. */
  putBack: Map<bigint, InventoryEntry>;
}

/**
 * Plans the repair of tables and blob files that the MANIFEST names: damaged tables are written anew under numbers of their
 * own with all that they still hold, missing ones leave the version, swapped ones get their own content back, blob files get
 * header and footer. A fresh MANIFEST follows. Nothing that is there now is overwritten but blob files, swapped tables, and those of
 * LevelDB, whose numbers tell which is newer.
 */
export async function planTableRepair(
  database: Database,
  { onLostTombstones, pace = new Pace() }: TableRepairRequest,
): Promise<RepairPlan> {
  const { version } = database;
  const policy = onLostTombstones ?? (database.dialect === 'leveldb' ? 'accept' : 'keep-hidden');
  const tables = version === undefined ? [] : await examine(database, version, pace);
  const exchange = version && (await planExchangedBlobs(database, version, tables));
  if (exchange !== undefined)
    return joinPlans(
      exchange,
      await planTableRepair(await databaseAfter(database, exchange), { onLostTombstones: policy, pace }),
    );
  const draft = version && (await drafted(database, version, tables, policy, pace));
  const { steps, loss, unproven, remarks, inputs } = draft ?? {
    ...{ steps: [], loss: [], unproven: [], remarks: [] },
    inputs: new Map(),
  };
  return {
    ...emptyPlan(database, 'tables'),
    inputs: steps.length === 0 ? [] : await inputsOf(database, inputs),
    steps,
    loss,
    ...(unproven.length > 0 && { unproven }),
    remarks,
  };
}

async function drafted(
  database: Database,
  old: Version,
  tables: readonly DamagedTable[],
  policy: TombstonePolicy,
  pace: Pace,
): Promise<Draft> {
  const version = copyOfVersion(old);
  const numbers = new FreeNumbers(database);
  const steps: RepairStep[] = [];
  const loss: LossStatement[] = [];
  const blobs = await putBlobsRight(database, version, tables, steps, loss);
  const draft: Draft = {
    ...{ database, old, policy, pace, version, numbers, blobs, steps, loss },
    changed: blobs.version,
    usualForm: await usualForm(database),
    referred: new Set(),
    unproven: [],
    remarks: [],
    inputs: new Map(),
    putBack: new Map(),
  };
  for (const damagedTable of tables) {
    await pace.step();
    await repairTable(draft, damagedTable);
    pace.advance(damagedTable.entry?.size ?? 0);
  }
  await putIngestsBack(draft);
  if (!draft.changed) return draft;
  for (const family of version.columnFamilies.values()) {
    await addBlobs(database, family.id, version, draft.referred);
    dropUnlinkedBlobs(family);
  }
  append(
    steps,
    database.dialect === 'pebble'
      ? await tableEditSteps(database, old, version, numbers)
      : versionSteps(
          database,
          version,
          numbers,
          database.dialect === 'leveldb' ? 'the tables change' : 'the tables or blob files change',
        ),
  );
  return draft;
}

/** The least that puts one table right: its own content from elsewhere, its size in the MANIFEST, or a new table. */
async function repairTable(draft: Draft, damagedTable: DamagedTable): Promise<void> {
  const { database, steps, inputs, remarks, version } = draft;
  const { family, live, entry, result } = damagedTable;
  const { number } = fileBehind(draft.old, live);
  if (draft.putBack.has(number)) return;
  const wrong = await isAnotherTable(database, damagedTable);
  if (entry === undefined || wrong || hasOtherKeys(damagedTable)) {
    const own = await fileWithId(database, live);
    if (own !== undefined) {
      steps.push(contentOf(database, own, number, live.pathId, entry));
      noteInput(inputs, own);
      draft.putBack.set(number, own);
      return;
    }
  }
  const errors = result?.findings.filter(({ severity }) => severity === 'error') ?? [];
  refuseOtherOrder(errors);
  const references = result?.facts.kind === 'table' ? result.facts.blobReferences : [];
  const letsGo = refersTo(references, draft.blobs.files);
  const sizeWrong = entry !== undefined && BigInt(entry.size) !== fileBehind(draft.old, live).size;
  if (entry !== undefined && errors.length === 0 && !letsGo && !sizeWrong) return;
  // another table's content is not what the MANIFEST has wrong
  const corrected = letsGo || wrong ? undefined : await correctedEntry(database, damagedTable);
  if (corrected !== undefined) {
    const { tables } = version.columnFamilies.get(family.id)!;
    if (database.dialect === 'pebble') renumber(draft, corrected.live, entry!);
    else tables.set(live.number, corrected.live);
    for (const { number } of references) draft.referred.add(number);
    remarks.push(`${entry?.file} is whole; the MANIFEST had its ${corrected.wrong.join(', ')} wrong`);
    draft.changed = true;
    return;
  }
  if (!wrong) {
    for (const { number } of references) if (!draft.blobs.files.has(number)) draft.referred.add(number);
  }
  draft.changed = true;
  await replaceTable(draft, damagedTable, wrong, errors[0]?.message);
}

/**
 * Of a table that a WAL brings in nothing says which it is. Where the file of one holds what the MANIFEST means by another number, its
 * own content lies where that belongs, or is gone.
 */
async function putIngestsBack({ database, old, putBack, steps, loss }: Draft): Promise<void> {
  const used = new Set(putBack.values());
  for (const taken of used) {
    const ingest = database.pebble?.ingested.get(taken.number!);
    if (ingest === undefined || tablesIn(old, taken.number!).length > 0) continue;
    const overwritten: InventoryEntry[] = [];
    for (const entry of database.inventory.entries) {
      const isFree = entry.kind === 'table' && putBack.has(entry.number!) && !used.has(entry);
      if (isFree && (await canBeIngested(database, entry))) overwritten.push(entry);
    }
    if (overwritten.length === 1) {
      steps.push(contentOf(database, overwritten[0], taken.number!, 0, taken));
      continue;
    }
    const { file, size } = taken;
    steps.push({
      action: 'remove',
      ...placeIn(taken.root, file),
      why: `it holds another table, which the MANIFEST names`,
      changes: [{ kind: 'remove-file', offset: 0, length: size, detail: 'all of it' }],
    });
    loss.push({
      file,
      detail: `all that this table held: another one stands in its place`,
      facts: { wal: ingest.wal },
    });
  }
}

/** A table in another order than the MANIFEST says is not put right by writing it anew: one of the two is not what it was. */
function refuseOtherOrder(errors: readonly Finding[]): void {
  const other = errors.find(({ rule }) => rule === 'sst/wrong-comparator');
  if (other !== undefined)
    throw new Refusal(
      'refused',
      `${other.file} cannot be written anew: ${other.message}`,
      'which of them is wrong the files do not tell: restore the MANIFEST, or the directory, from a backup',
    );
}

/** In a MANIFEST of Pebble that goes on, a number that was let go of cannot come back: the table gets another one. */
function renumber(
  { database, version, numbers, steps }: Draft,
  live: LiveTable,
  entry: InventoryEntry,
): void {
  const { tables } = version.columnFamilies.get(0)!;
  const number = numbers.next();
  tables.delete(live.number);
  tables.set(number, { ...live, number });
  const detail = `the content of ${entry.file}`;
  steps.push({
    action: 'write',
    ...placeIn(entry.root, tableName(database.inventory, number)),
    why: `the MANIFEST has table ${live.number} wrong, and cannot name it again`,
    changes: [{ kind: 'create-file', offset: 0, length: entry.size, detail }],
    content: [{ from: 'file', ...placeIn(entry.root, entry.file), offset: 0, length: entry.size }],
  });
}

/** Writes what a damaged table still holds into a new one; what is missing leaves the version. */
async function replaceTable(
  { database, old, version, numbers, policy, pace, usualForm, blobs, ...draft }: Draft,
  { family, live, entry }: DamagedTable,
  wrong: boolean,
  complaint: string | undefined,
): Promise<void> {
  const isLevelDb = database.dialect === 'leveldb';
  const salvaged = await salvageTable({
    ...{ database, version: old, policy, pace, usualForm },
    table: live,
    comparator: family.comparator,
    columnFamilyName: family.name,
    // LevelDB orders level 0 by number
    number: isLevelDb ? live.number : numbers.next(),
    // another table's content under this one's name holds nothing of it
    ...(entry !== undefined && !wrong && { entry }),
    ...(blobs.files.size > 0 && { lostBlob: blobs.lost }),
  });
  const { tables } = version.columnFamilies.get(family.id)!;
  tables.delete(live.number);
  append(draft.loss, salvaged.loss);
  append(draft.unproven, salvaged.unproven);
  append(draft.remarks, salvaged.remarks);
  if (entry !== undefined) noteInput(draft.inputs, entry);
  const { replacement } = salvaged;
  if (replacement === undefined) return;
  tables.set(replacement.live.number, replacement.live);
  const why = complaint === undefined ? (entry === undefined ? ', which is missing' : '') : `: ${complaint}`;
  draft.steps.push({
    action: 'write',
    ...(isLevelDb && entry !== undefined
      ? placeIn(entry.root, entry.file)
      : placeIn(
          tableRoot(database.inventory, replacement.live.pathId),
          tableName(database.inventory, replacement.live.number),
        )),
    why: `it takes the place of table ${live.number}${why}`,
    changes: [
      isLevelDb && entry !== undefined
        ? { kind: 'rewrite', offset: 0, length: entry.size, detail: 'what is left of it' }
        : {
            kind: 'create-file',
            offset: 0,
            length: Number(replacement.live.size),
            detail: 'what is left of it',
          },
    ],
    content: replacement.content,
  });
}

function noteInput(inputs: Map<string, FilePlace>, { file, root }: InventoryEntry): void {
  inputs.set(`${root ?? ''}/${file}`, placeIn(root, file));
}

async function inputsOf(database: Database, places: Map<string, FilePlace>): Promise<RepairPlan['inputs']> {
  for (const entry of [database.current?.entry, database.manifest?.entry]) {
    if (entry !== undefined) noteInput(places, entry);
  }
  return Promise.all([...places.values()].map((place) => fileState(database.target, place)));
}

function contentOf(
  { inventory }: Database,
  own: InventoryEntry,
  number: bigint,
  pathId: number,
  entry: InventoryEntry | undefined,
): RepairStep {
  const home = placeIn(tableRoot(inventory, pathId), tableName(inventory, number));
  return {
    action: 'write',
    ...(entry === undefined ? home : placeIn(entry.root, entry.file)),
    why: `the table that the MANIFEST means by ${number} lies in ${own.file}`,
    changes: [
      { kind: 'rewrite', offset: 0, length: entry?.size ?? own.size, detail: `the content of ${own.file}` },
    ],
    content: [{ from: 'file', ...placeIn(own.root, own.file), offset: 0, length: own.size }],
  };
}
