import type { SourceDescriptor } from '../bytes/source.js';
import type { Database } from '../engine/database.js';
import { emptyVersion, newColumnFamily } from '../format/manifest/apply.js';
import type { LiveTable } from '../format/manifest/version.js';
import { decodeFooter, magicAt, SHORTEST_FOOTER } from '../format/sst/footer.js';
import { handleFits } from '../format/sst/handle.js';
import { MAX_SEQUENCE } from '../format/sst/internal-key.js';
import { readTail } from '../io/head.js';
import { databaseView } from '../recovery/database-view.js';
import { replayAsRepairDb } from '../recovery/leveldb-open.js';
import { inventoryFiles } from './inventory-files.js';
import { View } from './view.js';
import type { MemtableOptions } from './windows.js';

const NO_KEY = new Uint8Array(0);

/**
 * What iterates over a LevelDB directory after RepairDB (leveldb db/repair.cc, 1.23): every table and every WAL of the directory,
 * obsolete ones too, whatever the MANIFEST and the checksums say. Walk it leniently: of a damaged table RepairDB copies what
 * iterates. Gets may give less: it puts all tables into level 0 in an order that is not that of their writes.
 */
export async function repairDbView(
  database: Database,
  comparator: string,
  memtables?: MemtableOptions,
): Promise<View> {
  const { inventory } = database;
  const numbers = new Set<bigint>();
  for (const { kind, place, number, source, size } of inventory.entries)
    if (
      kind === 'table' &&
      place === 'database' &&
      number !== undefined &&
      (await endsInFooter(source, size))
    )
      numbers.add(number);
  const family = { ...newColumnFamily(0, 'default'), comparator };
  let level = 0;
  // nothing is known of their bounds: each table is a level of its own
  for (const number of numbers) family.tables.set(number, tableAt(level++, number));
  const { wals } = databaseView(database);
  return View.open({
    version: { ...emptyVersion(), columnFamilies: new Map([[0, family]]) },
    files: inventoryFiles(inventory),
    replay: (sink) => replayAsRepairDb(wals, sink),
    dialect: 'leveldb',
    unverified: true,
    sequence: MAX_SEQUENCE,
    ...(memtables && { memtables }),
  });
}

/** Whether RepairDB opens a table: it looks for the footer where the file ends, whatever the MANIFEST says of its size. */
async function endsInFooter(source: SourceDescriptor, size: number): Promise<boolean> {
  const tail = await readTail(source, SHORTEST_FOOTER);
  const magic = magicAt(tail, tail.length);
  if (magic === undefined) return false;
  const { footer } = decodeFooter(tail, tail.length, size - tail.length, magic);
  return footer?.index !== undefined && handleFits(footer.index, size);
}

function tableAt(level: number, number: bigint): LiveTable {
  return {
    columnFamily: 0,
    level,
    number,
    pathId: 0,
    size: 0n,
    smallest: NO_KEY,
    largest: NO_KEY,
    smallestSequence: 0n,
    largestSequence: MAX_SEQUENCE,
    addedAt: 0,
    entry: { offset: 0, length: 0 },
  };
}
