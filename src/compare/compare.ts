import type { ApplicationCompare, ObjectDifference } from '../app/compare.js';
import { profileOfView } from '../app/profile-of.js';
import { type Database, type DatabaseRequest, readDatabase } from '../engine/database.js';
import { asRead } from '../engine/pebble-opened.js';
import { unseenParts } from '../engine/unseen.js';
import { openView } from '../lsm/recovered-view.js';
import type { View } from '../lsm/view.js';
import { type ContentComparison, compareContents } from './contents.js';
import { compareHistories, type HistoryComparison } from './history.js';

/** What two databases have and have not in common. */
export interface Comparison {
  a: string;
  b: string;
  history: HistoryComparison;
  /** Absent when one of them cannot be read: see `unread`. */
  contents?: ContentComparison;
  /** Set where the application of A tells differences as its own keys. */
  application?: { name: string; compare: ApplicationCompare; differences: ObjectDifference[] };
  /** Why contents were not compared, or not to their end. */
  unread: string[];
}

/**
 * Compares two RocksDB directories, read only: their WALs by sequence and what readers see. Memory is bounded: an entry of
 * each side, 64 MiB for the replayed operations of each, and at most a thousand differences.
 */
export async function compareDatabases(
  a: string,
  b: string,
  places: { a?: DatabaseRequest; b?: DatabaseRequest } = {},
): Promise<Comparison> {
  const left = await openSide(a, places.a);
  const right = await openSide(b, places.b).catch((error: unknown) => {
    left.view?.close();
    throw error;
  });
  try {
    const history = await compareHistories(left.database, right.database);
    const unread = [left, right].flatMap(({ path, reason, database }) => [
      ...(reason === undefined ? [] : [`${path}: ${reason}`]),
      ...unseenParts(database).map(({ file, reason }) => `${path}: ${file}: ${reason}`),
    ]);
    const result: Comparison = { a, b, history, unread };
    if (left.view === undefined || right.view === undefined) return result;
    result.contents = await compareContents(left.view, right.view);
    for (const { name, problem } of result.contents.families)
      if (problem !== undefined) unread.push(`column family ${name}, ${problem}`);
    const { name, compare } = (await profileOfView(left.view, left.database)) ?? {};
    if (name === undefined || compare === undefined) return result;
    const { first, differences: all } = result.contents;
    const differences = await compare.differences(first, left.view, right.view, first.length === all);
    return { ...result, application: { name, compare, differences } };
  } finally {
    left.view?.close();
    right.view?.close();
  }
}

/** Whether they differ in what both have: contents, or batches of the part of history that both logs span. */
export function areDifferent({ contents, history }: Comparison): boolean {
  return (contents?.differences ?? 0) > 0 || history.divergences > 0;
}

/** One of two databases that are compared. */
interface Side {
  path: string;
  database: Database;
  /** What a reader sees after recovery in the database's own mode. Absent when it does not open, with the reason. */
  view?: View;
  reason?: string;
}

/** Reads a database's metadata and replays its WALs, without the engine. Rejects when there is no directory. */
async function openSide(path: string, request?: DatabaseRequest): Promise<Side> {
  const database = await asRead(await readDatabase(path, request));
  return { path, database, ...(await openView(database)) };
}
