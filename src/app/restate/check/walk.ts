import { END, ENTRY } from '../../../lsm/cursor.js';
import type { View } from '../../../lsm/view.js';
import type { Unmerged } from '../../../lsm/visible.js';

/** What a walk tells of an entry beside its bytes; valid during the call. */
export interface WalkedEntry {
  /** Of the newest version; 0 where compaction has taken it away. */
  readonly sequence: bigint;
  /** Set instead of a value where operands wait that kvdoctor does not merge. */
  readonly unmerged?: Unmerged;
}

/**
 * Walks what readers see of a column family, over what cannot be read. The bytes are valid during the call. What
 * cannot be read the checks of files report: entries that lie there are missing here.
 */
export async function walkFamily(
  view: View,
  columnFamily: number,
  entry: (key: Uint8Array, value: Uint8Array, seen: WalkedEntry) => void,
): Promise<void> {
  const visible = view.visible(columnFamily, { lenient: true });
  try {
    for (let step = visible.step(); step !== END; step = visible.step()) {
      if (step !== ENTRY) {
        await visible.load();
        continue;
      }
      const { keyBytes, keyTo, valueBytes, valueFrom, valueTo } = visible;
      entry(keyBytes.subarray(0, keyTo), valueBytes.subarray(valueFrom, valueTo), visible);
    }
  } finally {
    await visible.close();
  }
}

/** What was written to a key, oldest first: its value, or what its operands wait on and these. */
export function valuesOf(value: Uint8Array, { unmerged }: WalkedEntry): Uint8Array[] {
  if (unmerged === undefined) return [value];
  return [...(unmerged.base ? [unmerged.base] : []), ...unmerged.operands];
}
