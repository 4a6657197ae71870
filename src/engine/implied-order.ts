/**
 * Where no MANIFEST tells the comparator of a LevelDB directory, its keys may: those of Chromium's IndexedDB all begin with three
 * numbers, and each of its databases has the key of its schema version.
 */
import { decodeBatch } from '../format/batch/decode.js';
import { LogParser } from '../format/log/parser.js';
import { readLog } from '../format/log/read.js';
import { IDB_COMPARATOR } from '../format/sst/comparator.js';
import { readDataBlocks } from '../format/sst/data-blocks.js';
import { idbPrefixOf } from '../format/sst/idb-order.js';
import { openTable } from '../format/sst/table.js';
import type { Inventory, InventoryEntry } from '../io/inventory.js';
import type { Files } from '../io/source.js';

/** Keys of each file, and files, that are looked at. */
const KEYS = 512;
const FILES = 16;

/** The comparator that the keys of tables and WALs imply; undefined where they imply none. */
export async function impliedComparator({ entries }: Inventory, files: Files): Promise<string | undefined> {
  const own = entries.filter(
    ({ kind, place }) => (kind === 'wal' || kind === 'table') && place === 'database',
  );
  let schema = false;
  for (const entry of own.slice(0, FILES)) {
    try {
      for (const key of await firstKeys(entry, files)) {
        const prefix = idbPrefixOf(key);
        if (prefix === undefined) return undefined;
        schema ||= prefix === 'schema';
      }
    } catch (error) {
      // the scan says what cannot be read
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
  return schema ? IDB_COMPARATOR : undefined;
}

async function firstKeys({ kind, number, source: at }: InventoryEntry, files: Files): Promise<Uint8Array[]> {
  const keys: Uint8Array[] = [];
  const source = await files.open(at);
  try {
    if (kind === 'table') {
      const table = await openTable(source, { dialect: 'leveldb' });
      for await (const block of readDataBlocks(table)) {
        for (const { key } of block.entries()) keys.push(key.slice());
        if (keys.length >= KEYS) break;
      }
      return keys;
    }
    const parser = new LogParser(source, { number: number ?? 0n, dialect: 'leveldb' });
    await readLog(parser, {
      record: () => {
        const { bytes, start, end, oversized } = parser.record;
        if (oversized) return undefined;
        const { ops } = decodeBatch(bytes.subarray(start, end), { dialect: 'leveldb' });
        for (const { key } of ops) keys.push(key.slice());
        return keys.length >= KEYS ? 'stop' : undefined;
      },
    });
    return keys;
  } finally {
    await source.close();
  }
}
