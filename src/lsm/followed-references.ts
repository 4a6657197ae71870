import { decodeBlobIndex } from '../format/blob/blob-index.js';
import { VALUE_TYPE } from '../format/sst/internal-key.js';
import { END, LOAD } from './cursor.js';
import type { View } from './view.js';

/** How many keys have, as the newest version of any, a value in one of these files of Titan's, and the first of them. */
export async function followedReferences(
  view: View,
  files: ReadonlySet<number>,
): Promise<{ count: number; first?: { file: number; key: Uint8Array } }> {
  const found: { count: number; first?: { file: number; key: Uint8Array } } = { count: 0 };
  for (const { id } of view.columnFamilies) {
    const { entries, tombstones } = view.versions(id, { lenient: true });
    let last: Buffer = Buffer.alloc(0);
    let any = false;
    try {
      for (;;) {
        const step = entries.step();
        if (step === LOAD) await entries.load();
        else if (step === END) break;
        else {
          const { keyBytes, keyFrom, keyTo, high, low, valueBytes, valueFrom, valueTo } = entries.current;
          const key = Buffer.from(keyBytes.buffer, keyBytes.byteOffset + keyFrom, keyTo - keyFrom);
          const isNewest = !any || !last.equals(key);
          const covered = tombstones.active && tombstones.covers(keyBytes, keyFrom, keyTo, high, low);
          if (!isNewest) continue;
          any = true;
          last = Buffer.from(key);
          if (covered || (low & 0xff) !== VALUE_TYPE.blobIndex) continue;
          const index = decodeBlobIndex(valueBytes, valueFrom, valueTo);
          if (index.kind !== 'titan' || !files.has(Number(index.fileNumber))) continue;
          found.count++;
          found.first ??= { file: Number(index.fileNumber), key: Uint8Array.from(key) };
        }
      }
    } finally {
      await entries.close();
    }
  }
  return found;
}
