import type { Database } from '../../engine/database.js';
import { decodeBatch } from '../../format/batch/decode.js';
import { openSource } from '../../io/source.js';
import { rebuildWal } from './rebuild-wal.js';

/** A WAL and the first and last sequence that it holds for each column family. */
export interface WalContents {
  number: bigint;
  first: Map<number, bigint>;
  last: Map<number, bigint>;
}

/** Reads every WAL of the directory as far as it decodes, in ascending order. */
export async function readWalContents({ inventory }: Database): Promise<WalContents[]> {
  const wals: WalContents[] = [];
  for (const entry of inventory.entries) {
    if (entry.kind !== 'wal' || entry.place === 'archive' || entry.place === 'lost') continue;
    const { number, file: path } = entry;
    if (number === undefined) continue;
    const first = new Map<number, bigint>();
    const last = new Map<number, bigint>();
    const source = await openSource(entry.source);
    try {
      await rebuildWal(source, { path }, number, {
        record: ({ batch }) => {
          const { ops, sequence } = decodeBatch(batch);
          let at = sequence;
          for (const { counted, columnFamily } of ops) {
            if (!counted) continue;
            if (!first.has(columnFamily)) first.set(columnFamily, at);
            if (at > (last.get(columnFamily) ?? -1n)) last.set(columnFamily, at);
            at++;
          }
          return batch;
        },
      });
    } finally {
      await source.close();
    }
    wals.push({ number, first, last });
  }
  return wals.sort((a, b) => (a.number < b.number ? -1 : 1));
}

/**
 * The first WAL that a column family needs: the first with a write that its tables do not hold. Log and memtable change
 * together, so a WAL is flushed whole or not at all.
 */
export function logNumberFor(wals: readonly WalContents[], columnFamily: number, flushed: bigint): bigint {
  const needed = wals.find(({ last }) => (last.get(columnFamily) ?? -1n) > flushed);
  if (needed !== undefined) return needed.number;
  const newest = wals.at(-1);
  if (newest === undefined) return 0n;
  return newest.last.has(columnFamily) ? newest.number + 1n : newest.number;
}
