import type { Database } from '../../engine/database.js';
import type { LiveTable, Version } from '../../format/manifest/version.js';
import { comparatorNamed, compareUserKeys } from '../../format/sst/comparator.js';
import { MAX_SEQUENCE, userKeyOf, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { END, LOAD } from '../../lsm/cursor.js';
import { inventoryFiles } from '../../lsm/inventory-files.js';
import { sequenceOf } from '../../lsm/key-order.js';
import { View } from '../../lsm/view.js';

/** A range of user keys. */
export interface KeyRange {
  from: Uint8Array;
  to: Uint8Array;
  /** `to` itself belongs to it. */
  closed: boolean;
}

/** A key that a reader would see if what lies above were gone. */
export interface OlderKey {
  key: Uint8Array;
  sequence: bigint;
}

/** Tables whose versions of a key are older than this table's: deeper levels, and on level 0 what was flushed before it. */
export function isOlder(other: LiveTable, table: LiveTable): boolean {
  if (other.number === table.number) return false;
  if (other.level !== table.level) return other.level > table.level;
  if (table.level > 0) return false;
  if (other.epoch !== undefined && table.epoch !== undefined && other.epoch !== table.epoch) {
    return other.epoch < table.epoch;
  }
  if (other.largestSequence !== table.largestSequence) return other.largestSequence < table.largestSequence;
  return other.number < table.number;
}

/** The tables of a column family whose bounds reach into a range. */
export function overlapping(tables: Iterable<LiveTable>, comparator: string, range: KeyRange): LiveTable[] {
  const order = comparatorNamed(comparator === '' ? undefined : comparator);
  return [...tables].filter(({ smallest, largest }) => {
    const above = compareUserKeys(order, userKeyOf(smallest), range.to);
    const below = compareUserKeys(order, userKeyOf(largest), range.from);
    // in an order that only the application knows, every table may reach in
    return !((above !== undefined && above > 0) || (below !== undefined && below < 0));
  });
}

/** Walks the newest version of each key of a range, default all, that `tables` hold, deletions left out. */
export async function* keysIn(
  database: Database,
  version: Version,
  columnFamily: number,
  tables: readonly LiveTable[],
  range?: KeyRange,
): AsyncGenerator<OlderKey> {
  const family = version.columnFamilies.get(columnFamily);
  if (family === undefined || tables.length === 0) return;
  const only = { ...family, tables: new Map(tables.map((table) => [table.number, table])) };
  const view = await View.open({
    version: { ...version, columnFamilies: new Map([[columnFamily, only]]) },
    files: inventoryFiles(database.inventory),
    sequence: MAX_SEQUENCE,
  });
  const order = view.order(columnFamily);
  const { entries, tombstones } = view.versions(columnFamily, {
    ...(range && { from: range.from }),
    lenient: true,
  });
  let previous: Uint8Array | undefined;
  try {
    for (let step = entries.step(); step !== END; step = entries.step()) {
      if (step === LOAD) {
        await entries.load();
        continue;
      }
      const { keyBytes, keyFrom, keyTo, high, low } = entries.current;
      if (range !== undefined) {
        const past = order.compareUserKeys(keyBytes, keyFrom, keyTo, range.to, 0, range.to.length);
        if (past > 0 || (past === 0 && !range.closed)) return;
      }
      if (previous !== undefined) {
        const { length } = previous;
        if (order.compareUserKeys(keyBytes, keyFrom, keyTo, previous, 0, length) === 0) continue;
      }
      previous = keyBytes.slice(keyFrom, keyTo);
      if (order.known && tombstones.active && tombstones.covers(keyBytes, keyFrom, keyTo, high, low))
        continue;
      if (DELETIONS.has(low & 0xff)) continue;
      yield { key: previous, sequence: sequenceOf(high, low) };
    }
  } finally {
    await entries.close();
    view.close();
  }
}

const DELETIONS: ReadonlySet<number> = new Set([
  VALUE_TYPE.delete,
  VALUE_TYPE.singleDelete,
  VALUE_TYPE.deleteWithTimestamp,
]);
