import type { SourceDescriptor } from '../../bytes/source.js';
import type { Database } from '../../engine/database.js';
import { counted } from '../../finding/quantity.js';
import { fileName } from '../../format/filename.js';
import type { ColumnFamily, LiveBlobFile, Version } from '../../format/manifest/version.js';
import type { InventoryEntry } from '../../io/inventory.js';
import type { LossStatement, RepairStep } from '../plan.js';
import { sourceOf } from '../preview.js';
import { type BlobRepair, repairBlob } from './blobs.js';
import type { DamagedTable } from './damaged-tables.js';
import { areHeld, blobEntry, missedValues, readableSamples } from './exchanged-blobs.js';

/** What repairing blob files came to. */
export interface BlobState {
  /** The version had to change. */
  version: boolean;
  /** Numbers of blob files that lost values. */
  files: ReadonlySet<bigint>;
  lost(file: bigint, offset: bigint): boolean;
}

/** Repairs blob files; what they lost, or what another one in their place has not, the tables have to let go of. */
export async function putBlobsRight(
  database: Database,
  version: Version,
  tables: readonly DamagedTable[],
  steps: RepairStep[],
  loss: LossStatement[],
): Promise<BlobState> {
  const repairs = new Map<bigint, BlobRepair>();
  const samples = readableSamples(tables);
  for (const family of version.columnFamilies.values()) {
    for (const live of family.blobFiles.values()) {
      const entry = blobEntry(database, live.number);
      const file = fileName('blob', live.number);
      const gone = {
        lost: () => true,
        loss: { file, detail: 'all of its values: it is missing', facts: {} },
      };
      const own: BlobRepair | undefined = entry === undefined ? gone : await repairBlob(entry, live);
      const content =
        own?.step?.action === 'write' ? sourceOf(database.target, own.step.content) : entry?.source;
      const isAnother =
        content !== undefined && !(await areHeld(database, content, samples.get(live.number) ?? []));
      const repair = isAnother
        ? await withoutMissed(database, { live, entry: entry!, content, own }, tables)
        : own;
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

/** The same where values that tables refer to are not where they look for them: of another file nothing is kept. */
async function withoutMissed(
  database: Database,
  {
    live,
    entry,
    content,
    own,
  }: { live: LiveBlobFile; entry: InventoryEntry; content: SourceDescriptor; own: BlobRepair | undefined },
  tables: readonly DamagedTable[],
): Promise<BlobRepair | undefined> {
  const { held, missed } = await missedValues(database, live.number, content, tables);
  const further = [...missed].filter((offset) => own?.lost(offset) !== true);
  if (further.length === 0) return own;
  const place = { file: entry.file, ...(entry.root !== undefined && { root: entry.root }) };
  const facts = { values: missed.size, ...(held > 0 && { kept: held }) };
  if (held === 0) {
    const detail = 'all of its values: another blob file stands in its place';
    return { lost: () => true, loss: { ...place, detail, facts } };
  }
  const detail = `${missed.size} values that tables refer to and that are not in it; what is left of it, ${counted(held, 'value')}, may be of another moment`;
  return {
    ...{ live, ...own },
    lost: (offset) => missed.has(offset) || own?.lost(offset) === true,
    loss: {
      ...place,
      detail: [...(own?.loss ? [own.loss.detail] : []), detail].join('; '),
      facts: { ...own?.loss?.facts, ...facts },
    },
  };
}

/** Whether a table has values in one of the files. */
export function refersTo(references: readonly { number: bigint }[], files: ReadonlySet<bigint>): boolean {
  return references.some(({ number }) => files.has(number));
}

/** The engine refuses a blob file that no table has as its oldest, unless all of it is in use. */
export function dropUnlinkedBlobs(family: ColumnFamily): void {
  const oldest = [...family.tables.values()].flatMap(({ oldestBlobFile }) =>
    oldestBlobFile === undefined || oldestBlobFile === 0n ? [] : [oldestBlobFile],
  );
  const first = oldest.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
  for (const { number, garbageCount, totalCount } of family.blobFiles.values()) {
    if (garbageCount >= totalCount || first === undefined || number < first) family.blobFiles.delete(number);
  }
}
