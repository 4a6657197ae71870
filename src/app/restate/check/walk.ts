import { END, ENTRY } from '../../../lsm/cursor.js';
import type { View } from '../../../lsm/view.js';

/** Values of a key whose operands kvdoctor does not merge, oldest first. */
export type Operands = readonly Uint8Array[];

/**
 * Walks what readers see of a column family, over what cannot be read. The bytes are valid during the call. What
 * cannot be read the checks of files report: entries that lie there are missing here.
 */
export async function walkFamily(
  view: View,
  columnFamily: number,
  entry: (key: Uint8Array, value: Uint8Array, operands?: Operands) => void,
): Promise<void> {
  const visible = view.visible(columnFamily, { lenient: true });
  try {
    for (let step = visible.step(); step !== END; step = visible.step()) {
      if (step !== ENTRY) {
        await visible.load();
        continue;
      }
      const { keyBytes, keyTo, valueBytes, valueFrom, valueTo, unmerged } = visible;
      const operands = unmerged && [...(unmerged.base ? [unmerged.base] : []), ...unmerged.operands];
      entry(keyBytes.subarray(0, keyTo), valueBytes.subarray(valueFrom, valueTo), operands);
    }
  } finally {
    await visible.close();
  }
}
