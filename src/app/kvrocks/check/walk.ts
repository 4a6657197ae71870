import { END, ENTRY } from '../../../lsm/cursor.js';
import type { View } from '../../../lsm/view.js';

/**
 * Walks what readers see of a column family, from `from` on. The bytes are valid during the call; `false` ends the walk.
 * Resolves with what kept it from the end of the column family, where something did.
 */
export async function walkEntries(
  view: View,
  columnFamily: number,
  entry: (key: Uint8Array, value: Uint8Array) => unknown,
  from?: Uint8Array,
): Promise<string | undefined> {
  const visible = view.visible(columnFamily, from === undefined ? {} : { from });
  try {
    for (let step = visible.step(); step !== END; step = visible.step()) {
      if (step !== ENTRY) {
        await visible.load();
        continue;
      }
      const key = visible.keyBytes.subarray(0, visible.keyTo);
      const value = visible.valueBytes.subarray(visible.valueFrom, visible.valueTo);
      if (entry(key, value) === false) return undefined;
    }
    const { stopped, kept } = visible.problems;
    return stopped ? (kept.at(-1)?.message ?? 'it cannot be read') : undefined;
  } finally {
    await visible.close();
  }
}

/** Walks the entries whose keys begin with `prefix`; the rest of their keys is handed over. */
export function walkPrefix(
  view: View,
  columnFamily: number,
  prefix: Uint8Array,
  entry: (rest: Uint8Array, value: Uint8Array) => unknown,
): Promise<string | undefined> {
  const begins = (key: Uint8Array) =>
    key.length >= prefix.length && Buffer.compare(key.subarray(0, prefix.length), prefix) === 0;
  return walkEntries(
    view,
    columnFamily,
    (key, value) => begins(key) && entry(key.subarray(prefix.length), value),
    prefix,
  );
}
