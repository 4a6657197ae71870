import { type Database, readDatabase } from '../engine/database.js';
import { inventoryFiles } from '../lsm/inventory-files.js';
import { mergeOperators } from '../lsm/operator-names.js';
import { View } from '../lsm/view.js';
import { databaseView } from '../recovery/database-view.js';
import { prepareOpen, simulateOpen } from '../recovery/open.js';

/** One of two databases that are compared. */
export interface Side {
  path: string;
  database: Database;
  /** What a reader sees after recovery in the database's own mode. Absent when it does not open, with the reason. */
  view?: View;
  reason?: string;
}

/** Memory for the replayed operations of one side, in bytes: 64 MiB. */
const MEMTABLES = 64 * 1024 * 1024;

/** Reads a database's metadata and replays its WALs, without the engine. Rejects when there is no directory. */
export async function openSide(path: string): Promise<Side> {
  const database = await readDatabase(path);
  const { version } = database;
  if (database.detection.engine !== 'rocksdb' || version === undefined)
    return { path, database, reason: 'not a RocksDB database that can be read' };
  const prepared = await prepareOpen(databaseView(database), database.engineVersion);
  const mode = database.options.walRecoveryMode;
  const outcome = await simulateOpen(prepared, mode);
  if (!outcome.opens) return { path, database, reason: `does not open in its recovery mode, ${mode}` };
  const files = inventoryFiles(database.inventory);
  const operators = await mergeOperators(version, database.options, files);
  const view = await View.open({
    version,
    files,
    replay: (sink) => simulateOpen(prepared, mode, sink),
    sequence: outcome.lastSequence,
    uncommitted: outcome.hidden,
    mergeOperator: ({ id }) => operators.get(id),
    memtables: { budget: MEMTABLES },
  });
  return { path, database, view };
}
