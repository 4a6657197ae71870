import { filesOf } from '../../engine/database.js';
import { BATCH_HEADER } from '../../format/batch/tags.js';
import { BlockReader } from '../../format/sst/block.js';
import { compareInternalKeys, compareUserKeys } from '../../format/sst/comparator.js';
import { internalKey, LOWEST_KEY, MAX_SEQUENCE, userKeyOf } from '../../format/sst/internal-key.js';
import { loadBlock } from '../../format/sst/load.js';
import type { InventoryEntry } from '../../io/inventory.js';
import { BatchWalker } from '../../recovery/batch-walker.js';
import { LevelDbLogReader } from '../../recovery/leveldb-log.js';
import { dataBlocksOf, openDamaged } from './tables-blocks.js';
import { type MendedEntry, mendBlock } from './tables-mend.js';
import type { Reading } from './tables-reading.js';
import type { SalvageRequest } from './tables-salvage.js';

/** Bytes of the files that are searched for what a table lost. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Entries of a table that other files still hold. */
export interface FoundElsewhere {
  /** In order. */
  entries: MendedEntry[];
  files: string[];
  /** The files hold all that the table held: nothing is damaged in them. */
  complete: boolean;
}

/** What a file holds, by internal key. */
interface Holder {
  file: string;
  entries: Map<string, MendedEntry>;
  whole: boolean;
}

/**
 * What a damaged table of LevelDB lost, where the files that it was made from are still there: WALs that were flushed, tables that
 * were compacted and not deleted yet. They are its sources where every entry that is left of it stands in one of them. What they
 * hold of the lost ranges is what it held, at the same sequences, but for versions that newer ones beside them hide.
 */
export async function foundElsewhere(
  request: SalvageRequest,
  reading: Reading,
): Promise<FoundElsewhere | undefined> {
  const left = await keysLeft(reading);
  if (left.size === 0 || reading.gaps.length === 0) return undefined;
  const holders = (await holdersFor(request)).filter(({ entries }) =>
    [...left].some((key) => entries.has(key)),
  );
  for (const key of left) if (!holders.some(({ entries }) => entries.has(key))) return undefined;
  const { comparator } = reading.opened!;
  const order = (a: Uint8Array, b: Uint8Array) => compareUserKeys(comparator, a, b) ?? 1;
  const isLost = (key: Uint8Array) =>
    reading.gaps.some(({ range: { from, to, closed } }) => {
      const past = order(key, to);
      return order(from, key) <= 0 && (past < 0 || (past === 0 && closed));
    });
  const lost = new Map<string, MendedEntry>();
  for (const { entries } of holders) {
    for (const [name, entry] of entries)
      if (!left.has(name) && isLost(userKeyOf(entry.key))) lost.set(name, entry);
  }
  return {
    entries: [...lost.values()].sort((a, b) => compareInternalKeys(comparator, a.key, b.key) ?? 0),
    files: holders.map(({ file }) => file),
    complete: holders.every(({ whole }) => whole),
  };
}

const nameOf = (key: Uint8Array) => Buffer.from(key).toString('latin1');

/** Internal keys of what is left of a table. */
async function keysLeft({ opened, blocks }: Reading): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const block of blocks) {
    if (block.part !== undefined) {
      const mended = await mendBlock(opened!.space!, block, block.part.bounds, block.part.rules);
      for (const { key } of mended?.entries ?? []) keys.add(nameOf(key));
      continue;
    }
    const { contents } = await loadBlock(opened!.space!, block, 'data');
    const reader = new BlockReader(contents!);
    for (let entry = reader.next(); entry !== undefined; entry = reader.next()) keys.add(nameOf(entry.key));
  }
  return keys;
}

/** Files that LevelDB does not read any more, as far as they have been read. */
async function holdersFor(request: SalvageRequest): Promise<Holder[]> {
  const { database, version, pace } = request;
  const family = version.columnFamilies.get(request.table.columnFamily);
  const logNumber = family?.logNumber ?? 0n;
  const obsolete = database.inventory.entries.filter(({ kind, number, place, suffix }) => {
    if (number === undefined || suffix !== undefined || (place !== 'database' && place !== 'lost'))
      return false;
    if (kind === 'wal') return place === 'lost' || number < logNumber;
    return (
      kind === 'table' && (place === 'lost' || !database.version?.columnFamilies.get(0)?.tables.has(number))
    );
  });
  const holders: Holder[] = [];
  let bytes = 0;
  for (const entry of obsolete) {
    bytes += entry.size;
    if (bytes > MOST_BYTES) break;
    await pace.step();
    holders.push(await (entry.kind === 'wal' ? walHolder : tableHolder)(request, entry));
  }
  return holders;
}

async function walHolder({ database }: SalvageRequest, entry: InventoryEntry): Promise<Holder> {
  const holder: Holder = { file: entry.file, entries: new Map(), whole: true };
  const source = await filesOf(database).open(entry.source);
  try {
    const reader = new LevelDbLogReader(source, entry.file, () => {
      holder.whole = false;
    });
    for (let record = await reader.next(); record !== undefined; record = await reader.next()) {
      if (record.bytes.length < BATCH_HEADER) continue;
      const walker = new BatchWalker(record.bytes, 'leveldb');
      for (let sequence = walker.sequence; walker.next(); sequence++) {
        const key = internalKey(walker.key, sequence, walker.type);
        holder.entries.set(nameOf(key), { key, value: walker.value.slice() });
      }
    }
  } finally {
    await source.close();
  }
  return holder;
}

async function tableHolder({ database, comparator }: SalvageRequest, entry: InventoryEntry): Promise<Holder> {
  const holder: Holder = { file: entry.file, entries: new Map(), whole: true };
  const source = await filesOf(database).open(entry.source);
  try {
    const opened = await openDamaged(source, comparator, 'leveldb');
    holder.whole = opened.table.indexSound;
    const any = { smallest: LOWEST_KEY, largestSequence: MAX_SEQUENCE };
    for await (const found of dataBlocksOf(opened, any)) {
      if (found.kind !== 'block') {
        holder.whole = false;
        continue;
      }
      const reader = new BlockReader(found.contents);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        const { valueOffset, valueLength } = next;
        const key = next.key.slice();
        const value = found.contents.slice(valueOffset, valueOffset + valueLength);
        holder.entries.set(nameOf(key), { key, value });
      }
    }
  } finally {
    await source.close();
  }
  return holder;
}
