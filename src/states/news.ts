import { type Database, filesOf } from '../engine/database.js';
import type { LiveTable } from '../format/manifest/version.js';
import { boundsOverlap } from './choice.js';
import { fillGaps } from './ingested.js';
import type { LoggedHistory } from './logged-history.js';
import type { News, State } from './state.js';
import { mayHaveGoneInto } from './succession.js';
import { contentsOf, type FoundTable } from './tables.js';
import { eachKey } from './wals.js';

interface NewsRequest {
  /** Tables that no edit names. */
  taken: readonly LiveTable[];
  /** All that are here. */
  found: readonly FoundTable[];
  /** WALs write to column families that no edit has added. */
  added: boolean;
  /** The number of the MANIFEST. */
  manifest: bigint;
  history?: LoggedHistory | undefined;
}

/** What shows that the edit of tables which a MANIFEST does not name was lost, and not only never written. */
export async function newsOf(
  database: Database,
  own: State,
  { taken, found, added, manifest, history }: NewsRequest,
): Promise<News | undefined> {
  const numbers = new Set(taken.map(({ number }) => number));
  const ingested: FoundTable[] = [];
  for (const table of found)
    if (
      table.ingested &&
      numbers.has(table.live.number) &&
      !(await mayBeObsolete(database, own, { table, found, history }))
    )
      ingested.push(table);
  if (fillGaps(ingested, own)) return 'sequences';
  // a MANIFEST without any edit of a running database leads to no state
  if (own.version.nextFileNumber === undefined && !isUnbroken(own)) return undefined;
  // one that an older MANIFEST named may have been deleted since
  if (taken.some(({ number }) => number > manifest && history?.isGiven(number))) return 'log';
  if (await holdSequences(database, own, { taken, found })) return 'sequences';
  if (!own.complete) return undefined;
  return added || (await holdNews(database, own, { taken, found })) ? 'keys' : undefined;
}

/**
 * Whether an ingested table that a state does not have may have been live before: it names no column family, as that of a plain
 * SstFileWriter, and one was dropped, or a compaction may have taken it.
 */
async function mayBeObsolete(
  database: Database,
  { version }: State,
  { table, found, history }: Pick<NewsRequest, 'found' | 'history'> & { table: FoundTable },
): Promise<boolean> {
  const { columnFamilies, droppedColumnFamilies, maxColumnFamily = 0 } = version;
  const isDropped = droppedColumnFamilies.size > 0 || columnFamilies.size <= maxColumnFamily;
  if (table.columnFamilyName === undefined && isDropped) return true;
  const named = columnFamilies.get(table.live.columnFamily)?.tables;
  const beside = found.filter(({ live: { number } }) => number > table.live.number && named?.has(number));
  const over = beside.filter((other) => boundsOverlap(other, table));
  if (over.length === 0) return false;
  const contents = (await contentsOf([table, ...over], filesOf(database).open)) ?? new Map();
  const others = new Set(over.map(({ live: { number } }) => number));
  return mayHaveGoneInto([table, ...over], { contents, named: others, history }).length > 0;
}

/** Whether tables hold writes that a state should have and has nowhere: an unfinished flush is in logs, too. */
async function holdSequences(
  database: Database,
  { gaps, unheld }: State,
  { taken, found }: Pick<NewsRequest, 'taken' | 'found'>,
): Promise<boolean> {
  for (const { number, columnFamily, smallestSequence, largestSequence } of taken) {
    const near = [...gaps, ...unheld.filter((span) => span.columnFamily === columnFamily)].filter(
      ({ from, to }) => smallestSequence <= to && largestSequence >= from,
    );
    const read =
      near.length === 0 ? [] : found.filter(({ live, ingested }) => live.number === number && !ingested);
    const contents = await contentsOf(read, filesOf(database).open);
    for (const versions of contents?.get(number)?.values() ?? [])
      for (const { sequence } of versions)
        if (near.some(({ from, to }) => sequence >= from && sequence <= to)) return true;
  }
  return false;
}

/** Nothing that a state names is missing, and no sequence below its last. */
export function isUnbroken({ complete, gaps, unheld }: State): boolean {
  return complete && gaps.length + unheld.length === 0;
}

/**
 * Whether compactions wrote tables with keys that a state has nowhere: one that was not finished only holds keys of its inputs, which
 * are live until it is. Sequences do not tell, as a compaction zeroes them.
 */
async function holdNews(
  database: Database,
  own: State,
  { taken, found }: Pick<NewsRequest, 'taken' | 'found'>,
): Promise<boolean> {
  for (const table of taken.filter(({ smallestSequence }) => smallestSequence === 0n)) {
    const inputs = [...(own.version.columnFamilies.get(table.columnFamily)?.tables.keys() ?? [])];
    const read = found.filter(({ live: { number } }) => number === table.number || inputs.includes(number));
    const replayed = own.wals.map(({ wal }) => wal);
    // a damaged one may hold them
    if (read.length <= inputs.length || !replayed.every(({ whole }) => whole)) continue;
    const contents = await contentsOf(read, filesOf(database).open);
    const keys = new Set(contents?.get(table.number)?.keys());
    for (const input of inputs) for (const key of contents?.get(input)?.keys() ?? []) keys.delete(key);
    for (const wal of replayed)
      if (keys.size > 0) await eachKey(database, wal, table.columnFamily, (key) => keys.delete(key));
    if (keys.size > 0) return true;
  }
  return false;
}
