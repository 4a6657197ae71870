import type { Database } from '../../engine/database.js';
import type { LiveTable, Version } from '../../format/manifest/version.js';
import { MAX_SEQUENCE, VALUE_TYPE } from '../../format/sst/internal-key.js';
import { END, LOAD } from '../../lsm/cursor.js';
import { inventoryFiles } from '../../lsm/inventory-files.js';
import { sequenceOfTrailer } from '../../lsm/key-order.js';
import type { KeyRange } from '../../lsm/older-tables.js';
import { View } from '../../lsm/view.js';

/** A key that a reader would see if the newer entries were gone. */
export interface OlderKey {
  key: Uint8Array;
  sequence: bigint;
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
      yield { key: previous, sequence: sequenceOfTrailer(high, low) };
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
