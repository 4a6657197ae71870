import type { SourceDescriptor } from '../../../bytes/source.js';
import type { Database } from '../../../engine/database.js';
import { BLOB } from '../../../format/blob/layout.js';
import type { LiveBlobFile } from '../../../format/manifest/version.js';
import type { InventoryEntry } from '../../../io/inventory.js';
import { liveBlobs, liveTables } from '../../../scan/plan.js';
import type { Part, TwinCheck } from './mend.js';
import { absentEntry, checkedOf, checker, filePlace, ownEntry, type Sought } from './part.js';
import type { TwinFile } from './sources.js';
import { blobUnits } from './units.js';

/** Live blob files of which a scan found something, or that are not there. */
export async function soughtBlobs(
  database: Database,
  isFaulty: (entry: InventoryEntry) => boolean,
): Promise<Sought[]> {
  const sought: Sought[] = [];
  for (const live of liveBlobs(database).values()) {
    const own = ownEntry(database, 'blob', live.number);
    if (own === undefined || own.size !== blobSize(live) || isFaulty(own))
      sought.push(await blobPart(database, live, own));
  }
  return sought;
}

function blobSize({ totalBytes }: LiveBlobFile): number {
  return Number(totalBytes) + BLOB.headerLength + BLOB.footerLength;
}

async function blobPart(
  database: Database,
  live: LiveBlobFile,
  own: InventoryEntry | undefined,
): Promise<Sought> {
  const entry = own ?? absentEntry(database, 'blob', live);
  const run = checker(database, entry);
  const check = async (descriptor: SourceDescriptor, size: number): Promise<TwinCheck> => {
    const checked = checkedOf(await run(descriptor, size));
    const proven = checked.clean && live.checksumMethod === 'FileChecksumCrc32c';
    return proven ? { ...checked, identity: 'proven' } : checked;
  };
  const part: Part = {
    ...filePlace(entry),
    ...(own && own.size > 0 && { own: { size: own.size, checked: await check(own.source, own.size) } }),
    size: blobSize(live),
    check,
    units: blobUnits,
    // a clone of this database may have begun the file with the same values
    neighboursProve: async (twins) => {
      for (const twin of twins) if (!(await namesSameBlob(database, twin, live))) return undefined;
      return 'alone';
    },
    whole: async (twin, checked) => {
      if (checked.identity === 'proven') return 'its checksum is the one that the MANIFEST has of it';
      return (await namesSameBlob(database, twin, live))
        ? 'a table that is in both, by its unique id, names it'
        : undefined;
    },
  };
  const isTwin = (each: InventoryEntry) => each.kind === 'blob' && each.number === live.number;
  return { part, ...(own && { own }), isTwin };
}

/** Blob files have no ids. A table has one, is never changed, and names the blob files of the life that it is of. */
async function namesSameBlob(database: Database, { source }: TwinFile, live: LiveBlobFile): Promise<boolean> {
  const its = liveBlobs(source.database).get(live.number);
  if (its?.totalBytes !== live.totalBytes || its.totalCount !== live.totalCount) return false;
  const theirs = liveTables(source.database);
  for (const { table } of liveTables(database).values()) {
    const other = theirs.get(table.number)?.table;
    if (table.uniqueId === undefined || other?.uniqueId === undefined) continue;
    if (Buffer.compare(table.uniqueId, other.uniqueId) !== 0) continue;
    if (table.oldestBlobFile === undefined || table.oldestBlobFile > live.number) continue;
    for (const from of [database, source.database]) {
      const entry = ownEntry(from, 'table', table.number);
      if (entry === undefined) continue;
      const { facts } = await checker(from, entry)(entry.source, entry.size);
      if (facts.kind === 'table' && facts.blobReferences.some(({ number }) => number === live.number))
        return true;
    }
  }
  return false;
}
