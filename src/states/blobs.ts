import { type Database, filesOf } from '../engine/database.js';
import { isBlobFileFooter } from '../format/blob/footer.js';
import { BLOB } from '../format/blob/layout.js';
import { walkBlobFile } from '../format/blob/walk.js';
import type { LiveBlobFile, Version } from '../format/manifest/version.js';
import type { InventoryEntry } from '../io/inventory.js';
import type { OpenSource } from '../io/source.js';

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
    const blob = await describeBlob(entry, filesOf(database).open);
    if (blob?.columnFamily === columnFamily) family.blobFiles.set(number, blob);
  }
}

async function describeBlob(entry: InventoryEntry, open: OpenSource): Promise<LiveBlobFile | undefined> {
  const source = await open(entry.source);
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
