import { END, LOAD, type Problem } from './cursor.js';
import { Fnv1a64 } from './fnv1a64.js';
import type { View } from './view.js';

/** What a column family holds, in two numbers that two copies can be compared by. */
export interface Digest {
  columnFamily: number;
  name: string;
  /** Visible entries. */
  entries: number;
  /** FNV-1a 64 over, for each entry in order: key, 0x00, value, 0x01; 16 hexadecimal digits. */
  fnv1a64: string;
  /**
   * Entries whose operands could not be merged for want of their operator; they count with their base value, if any, and each
   * operand after a 0x02.
   */
  unmerged: number;
  /** Older versions among the entries that the engine's iterator shows as keys of their own. */
  shownAgain: number;
  /** False when the walk ended at damage, as an iterator of the engine would: the last of `problems`. */
  complete: boolean;
  problems: readonly Problem[];
}

const CONTRADICTED =
  'a deletion of a range stands above an entry that is newer than it, or below an older one: what Pebble shows of such keys is not known';

/** Entries between two calls of `onProgress`. */
const PROGRESS = 65536;

/** Digests what a reader sees of a column family, up to the first damage. Keys count without their timestamps. */
export async function digestFamily(
  view: View,
  columnFamily: number,
  onProgress?: (entries: number) => void,
): Promise<Digest> {
  const name = view.columnFamilies.find(({ id }) => id === columnFamily)?.name ?? '';
  const visible = view.visible(columnFamily);
  const hash = new Fnv1a64();
  let entries = 0;
  let unmerged = 0;
  try {
    for (let step = visible.step(); step !== END; step = visible.step()) {
      if (step === LOAD) {
        await visible.load();
        continue;
      }
      entries++;
      hash.update(visible.keyBytes, 0, visible.keyTo);
      hash.updateByte(0);
      hash.update(visible.valueBytes, visible.valueFrom, visible.valueTo);
      if (visible.unmerged !== undefined) {
        unmerged++;
        if (visible.unmerged.base !== undefined) hash.update(visible.unmerged.base);
        for (const operand of visible.unmerged.operands) {
          hash.updateByte(2);
          hash.update(operand);
        }
      }
      hash.updateByte(1);
      if (entries % PROGRESS === 0) onProgress?.(entries);
    }
  } finally {
    await visible.close();
  }
  const { stopped, kept } = visible.problems;
  const { shownAgain, contradicted } = visible;
  return {
    ...{ columnFamily, name, entries, fnv1a64: hash.hex(), unmerged, shownAgain },
    complete: !stopped && contradicted === undefined,
    problems: contradicted === undefined ? kept : [...kept, { file: contradicted, message: CONTRADICTED }],
  };
}
