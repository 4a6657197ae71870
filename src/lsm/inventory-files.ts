import path from 'node:path';
import { TITAN_DIRECTORY } from '../engine/foreign-files.js';
import { fileName } from '../format/filename.js';
import type { Inventory, InventoryEntry } from '../io/inventory.js';
import { openSource } from '../io/source.js';
import type { StoreFile, StoreFiles } from './store-files.js';

/** The files of a database as its inventory lists them: in its own directory, in the db_paths that are known. */
export function inventoryFiles({ entries, target }: Inventory): StoreFiles {
  const tables = byNumber(entries, 'table');
  const blobs = byNumber(entries, 'blob');
  return {
    table({ number: own, pathId, backing }) {
      const number = backing ?? own;
      const named = tables.get(number) ?? [];
      const inPath = named.filter((entry) => (entry.pathId ?? 0) === pathId);
      const candidates = inPath.length > 0 ? inPath : named;
      // `.sst` is tried first, `.ldb` where there is none, as the engine looks
      const entry = candidates.find(({ name }) => name.endsWith('.sst')) ?? candidates[0];
      return storeFile(entry, fileName('table', number));
    },
    blob: (number) => storeFile(blobs.get(number)?.[0], fileName('blob', number)),
    // in an archive or a bucket nobody lists them
    ...(entries.some(({ source }) => source.kind === 'file') && {
      titan(number: bigint) {
        const name = `${TITAN_DIRECTORY}/${fileName('blob', number)}`;
        return { name, open: () => openSource({ kind: 'file', path: path.join(target, name) }) };
      },
    }),
  };
}

function byNumber(
  entries: readonly InventoryEntry[],
  kind: InventoryEntry['kind'],
): Map<bigint, InventoryEntry[]> {
  const found = new Map<bigint, InventoryEntry[]>();
  for (const entry of entries) {
    if (entry.kind !== kind || entry.number === undefined) continue;
    if (entry.place !== 'database' && entry.place !== 'db-path') continue;
    found.set(entry.number, [...(found.get(entry.number) ?? []), entry]);
  }
  return found;
}

function storeFile(entry: InventoryEntry | undefined, name: string): StoreFile {
  if (entry !== undefined) return { name: entry.file, open: () => openSource(entry.source) };
  const absent = Object.assign(new Error(`ENOENT: no such file or directory, open '${name}'`), {
    code: 'ENOENT',
  });
  return { name, open: () => Promise.reject(absent) };
}
