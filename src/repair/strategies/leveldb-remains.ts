import { type Database, filesOf } from '../../engine/database.js';
import { newColumnFamily } from '../../format/manifest/apply.js';
import { copyOfVersion, type LiveTable, type Version } from '../../format/manifest/version.js';
import { BlockReader } from '../../format/sst/block.js';
import { type Comparator, compareUserKeys } from '../../format/sst/comparator.js';
import { internalKey, MAX_SEQUENCE, sequenceOf, VALUE_TYPE } from '../../format/sst/internal-key.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { max, min } from '../../states/join.js';
import { comparing } from '../../states/tables.js';
import { fileState } from '../content.js';
import { emptyPlan } from '../empty-plan.js';
import type { Pace } from '../pace.js';
import { placeIn } from '../place.js';
import type { RepairPlan } from '../plan.js';
import type { TableRepairRequest } from './tables.js';
import { dataBlocksOf, type GoodBlock, openDamaged, type PartOfBlock } from './tables-blocks.js';
import { usualForm } from './tables-form.js';
import { salvageTable } from './tables-salvage.js';

/**
 * Plans to write what is left of LevelDB's tables that no MANIFEST names any more under their own numbers, so that they can be taken over.
 * `version`: the state that goes without them.
 */
export async function planRemains(
  database: Database,
  entries: readonly InventoryEntry[],
  version: Version,
  { onLostTombstones: policy = 'accept', pace }: TableRepairRequest & { pace: Pace },
): Promise<RepairPlan> {
  const plan: RepairPlan = emptyPlan(database, 'tables');
  const form = await usualForm(database);
  const comparator = comparing(database).comparator ?? 'leveldb.BytewiseComparator';
  for (const entry of entries) {
    const table = await described(database, entry, comparator);
    if (table === undefined) continue;
    const beside = copyOfVersion(version);
    const family = beside.columnFamilies.get(0) ?? newColumnFamily(0, 'default');
    beside.columnFamilies.set(0, family);
    family.tables.set(table.number, table);
    const { replacement, loss, unproven, remarks } = await salvageTable({
      ...{ database: { ...database, version: beside }, version: beside, policy, pace, usualForm: form },
      ...{ table, entry, comparator, columnFamilyName: family.name, number: table.number },
    });
    if (replacement === undefined) continue;
    plan.steps.push({
      action: 'write',
      ...placeIn(entry.root, entry.file),
      why: 'it is damaged, and no edit says what it held',
      changes: [{ kind: 'rewrite', offset: 0, length: entry.size, detail: 'what is left of it' }],
      content: replacement.content,
    });
    plan.loss.push(...loss);
    if (unproven.length > 0) plan.unproven = [...(plan.unproven ?? []), ...unproven];
    plan.remarks.push(...remarks);
    plan.inputs.push(await fileState(database.target, placeIn(entry.root, entry.file)));
  }
  return plan;
}

/**
 * A table as an edit would describe it, by what is left: bounds are those of its index, or open where its first or last block is
 * lost. `undefined`: nothing is left.
 */
async function described(
  database: Database,
  entry: InventoryEntry,
  comparator: string,
): Promise<LiveTable | undefined> {
  const source = await filesOf(database).open(entry.source);
  try {
    const opened = await openDamaged(source, comparator, 'leveldb');
    const [lowest, highest] = endsOf(opened.comparator);
    const any = { smallest: lowest, largestSequence: MAX_SEQUENCE };
    let smallest: Uint8Array | undefined;
    let largest: Uint8Array | undefined;
    let [smallestSequence, largestSequence] = [MAX_SEQUENCE, 0n];
    let isOpen = false;
    for await (const found of dataBlocksOf(opened, any)) {
      isOpen = found.kind !== 'block';
      if (found.kind === 'gap') {
        smallest ??= lowest;
        if (found.separator !== undefined) largest = internalKey(found.separator, 0n, VALUE_TYPE.delete);
        continue;
      }
      smallest ??= found.kind === 'block' ? found.first : lowest;
      largest = found.kind === 'block' ? found.last : found.entries.at(-1)!.key;
      for (const key of keysOf(found)) {
        smallestSequence = min(smallestSequence, sequenceOf(key));
        largestSequence = max(largestSequence, sequenceOf(key));
      }
    }
    if (smallest === undefined || largest === undefined || smallestSequence > largestSequence)
      return undefined;
    // what came after the last block that was found is lost as well
    if (isOpen && !opened.table.indexSound) largest = highest;
    return {
      ...{ columnFamily: 0, level: 0, number: entry.number!, pathId: 0, size: BigInt(entry.size) },
      ...{ smallest, largest, smallestSequence, largestSequence, addedAt: 0 },
      entry: { offset: 0, length: 0 },
    };
  } finally {
    await source.close();
  }
}

/** Keys before and after all others, but for some that begin with bytes of ones. */
function endsOf(comparator: Comparator): [Uint8Array, Uint8Array] {
  const [none, ones] = [new Uint8Array(0), new Uint8Array(8).fill(0xff)];
  const isReverse = (compareUserKeys(comparator, none, ones) ?? -1) > 0;
  const [first, last] = isReverse ? [ones, none] : [none, ones];
  return [internalKey(first, MAX_SEQUENCE, VALUE_TYPE.put), internalKey(last, 0n, VALUE_TYPE.delete)];
}

function* keysOf(found: GoodBlock | PartOfBlock): Generator<Uint8Array> {
  if (found.kind === 'part') {
    for (const { key } of found.entries) yield key;
    return;
  }
  const reader = new BlockReader(found.contents);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) yield entry.key;
}
