import { type Database, filesOf } from '../engine/database.js';
import { isBlobFileFooter } from '../format/blob/footer.js';
import { BLOB } from '../format/blob/layout.js';
import { walkBlobFile } from '../format/blob/walk.js';
import type { ColumnFamily, LiveBlobFile, Version } from '../format/manifest/version.js';
import type { Inventory, InventoryEntry } from '../io/inventory.js';
import type { OpenSource } from '../io/source.js';
import type { FoundTable } from './tables.js';

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

/**
 * Tables that no edit names and whose values lie in a blob file that is here and holds nothing. An engine writes a blob file after its table, and
 * names both when both are on disk (rocksdb db/builder.cc): a flush or a compaction did not end.
 */
export function unfinishedIn(
  { entries }: Inventory,
  found: readonly FoundTable[],
  isNamed: (table: FoundTable) => boolean,
): FoundTable[] {
  const empty = new Set(
    entries.flatMap(({ kind, number, size }) =>
      kind === 'blob' && number !== undefined && size < BLOB.headerLength ? [number] : [],
    ),
  );
  if (empty.size === 0) return [];
  return found.filter(
    (table) => !isNamed(table) && [...table.blobFiles.keys()].some((number) => empty.has(number)),
  );
}

/**
 * Blob files that tables refer to and that are nowhere, or end before a value that one refers to: named as far as that, so that what
 * follows tells what is lost with them. One that an edit counts as garbage, and that an older table refers to which is here again, is live.
 */
export function addMissingBlobs(
  { id, tables, blobFiles }: ColumnFamily,
  found: readonly Pick<FoundTable, 'live' | 'blobFiles'>[],
): void {
  for (const { live, blobFiles: referred } of found) {
    if (live.columnFamily !== id || !tables.has(live.number)) continue;
    for (const [number, end] of referred) {
      // one of which nothing is needed is none
      const known = blobFiles.get(number) ?? { ...NOTHING, columnFamily: id, number, totalCount: 1n };
      const isGarbage = known.garbageCount >= known.totalCount;
      const blob = isGarbage ? { ...known, garbageCount: 0n, garbageBytes: 0n } : known;
      const reach = end - BigInt(BLOB.headerLength);
      blobFiles.set(number, blob.totalBytes >= reach ? blob : { ...blob, totalBytes: reach });
    }
  }
}

const NOTHING: Omit<LiveBlobFile, 'columnFamily' | 'number'> = {
  totalCount: 0n,
  totalBytes: 0n,
  garbageCount: 0n,
  garbageBytes: 0n,
  checksumMethod: '',
  checksum: new Uint8Array(0),
  entry: { offset: 0, length: 0 },
};

async function describeBlob(entry: InventoryEntry, open: OpenSource): Promise<LiveBlobFile | undefined> {
  const source = await open(entry.source);
  try {
    const header = new Uint8Array(BLOB.headerLength);
    const footer = new Uint8Array(BLOB.footerLength);
    if (source.size < BLOB.headerLength) return undefined;
    await source.read(header, 0);
    const before = source.size - BLOB.footerLength;
    if (before >= BLOB.headerLength) await source.read(footer, before);
    // one that was cut has what it holds up to there
    const limit = isBlobFileFooter(footer) ? before : source.size;
    let count = 0n;
    let end: number = BLOB.headerLength;
    for await (const { kind, offset, length } of walkBlobFile(source, { end: limit, contents: false })) {
      if (kind !== 'record') continue;
      count++;
      end = offset + length;
    }
    if (limit === before) end = before;
    else if (count === 0n) return undefined;
    return {
      ...NOTHING,
      columnFamily: new DataView(header.buffer).getUint32(8, true),
      number: entry.number!,
      totalCount: count,
      totalBytes: BigInt(end - BLOB.headerLength),
    };
  } finally {
    await source.close();
  }
}
