import { type Database, type DatabaseRequest, readDatabase } from '../engine/database.js';
import { openView } from '../lsm/recovered-view.js';
import type { View } from '../lsm/view.js';

/** One of two databases that are compared. */
interface Side {
  path: string;
  database: Database;
  /** What a reader sees after recovery in the database's own mode. Absent when it does not open, with the reason. */
  view?: View;
  reason?: string;
}

/** Reads a database's metadata and replays its WALs, without the engine. Rejects when there is no directory. */
export async function openSide(path: string, request?: DatabaseRequest): Promise<Side> {
  const database = await readDatabase(path, request);
  return { path, database, ...(await openView(database)) };
}
