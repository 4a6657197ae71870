import type { LoggedTable } from '../format/info-log-events.js';
import type { ColumnFamily } from '../format/manifest/version.js';
import type { LoggedHistory } from './logged-history.js';
import { isAbove } from './succession.js';
import type { Contents, FoundTable } from './tables.js';
import type { WalContents } from './wals.js';

/** Tables of one column family that LOG says went into others of these; none where what they hold says otherwise of any. */
export function supersededByLog(
  tables: readonly FoundTable[],
  contents: ReadonlyMap<bigint, Contents>,
  history: LoggedHistory,
): { table: FoundTable; into: FoundTable[] }[] {
  const byNumber = new Map(tables.map((table) => [table.live.number, table]));
  const isTaken = (number: bigint) => byNumber.has(number);
  const superseded = [...history.supersededBy(isTaken)].flatMap((number) => {
    const table = byNumber.get(number);
    if (table === undefined) return [];
    return { table, into: history.successorsOf(number, isTaken).map((each) => byNumber.get(each)!) };
  });
  const isContradicted = superseded.some(({ table, into }) =>
    into.some((other) => isAbove(table, other, contents)),
  );
  return isContradicted ? [] : superseded;
}

/** A log that is not applied to a column family, as LOG says that a flush of it is in tables that were chosen. */
interface FlushedLog {
  wal: WalContents;
  flush: LoggedTable;
}

/** Logs of a column family that were flushed, from the first on that it replays: all of their writes are in tables that hold. */
export function flushedByLog(
  { id, name, logNumber }: ColumnFamily,
  holds: (number: bigint) => boolean,
  wals: readonly WalContents[],
  history: LoggedHistory,
): FlushedLog[] {
  const flushed: FlushedLog[] = [];
  for (const wal of wals) {
    const writes = wal.families.get(id);
    if (wal.number < logNumber || writes === undefined) continue;
    const flush = history.flushOf(name, wal.number, writes.last);
    if (flush === undefined || !holds(flush.number)) break;
    flushed.push({ wal, flush });
  }
  return flushed;
}
