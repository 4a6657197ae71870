import type { Database } from '../../engine/database.js';
import { fileName } from '../../format/filename.js';
import type { ColumnFamily, Version } from '../../format/manifest/version.js';
import type { LossStatement, RepairStep } from '../plan.js';
import { type BlobRepair, repairBlob } from './blobs.js';

/** What repairing blob files came to. */
export interface BlobState {
  /** The version had to change. */
  version: boolean;
  /** Numbers of blob files that lost values. */
  files: ReadonlySet<bigint>;
  lost(file: bigint, offset: bigint): boolean;
}

/** Repairs blob files; what they lost, the tables have to let go of. */
export async function putBlobsRight(
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
