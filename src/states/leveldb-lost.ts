/**
 * What a RepairDB of LevelDB has set aside in lost/ (leveldb db/repair.cc): every WAL, which it made a table of, and tables that it
 * could not read to their end. What of them no live file has, in that version or a newer one, is what the repair has lost.
 */
import { type Database, filesOf, liveWals } from '../engine/database.js';
import type { Finding } from '../finding/finding.js';
import { findingAt } from '../finding/finding-at.js';
import { BATCH_HEADER } from '../format/batch/tags.js';
import { LogParser } from '../format/log/parser.js';
import { readLog } from '../format/log/read.js';
import { BlockReader } from '../format/sst/block.js';
import { parseInternalKey, VALUE_TYPE } from '../format/sst/internal-key.js';
import { loadBlock } from '../format/sst/load.js';
import { openTable, type Table } from '../format/sst/table.js';
import { tableBlocks } from '../format/sst/table-blocks.js';
import type { InventoryEntry } from '../io/inventory.js';
import { BatchWalker } from '../recovery/batch-walker.js';

/** Keys that are compared; what more there is in lost/ is not looked at. */
const MOST_KEYS = 500_000;

/** The newest version of a key in lost/, and the file that has it. */
interface Kept {
  sequence: bigint;
  deleted: boolean;
  file: string;
}

type Visit = (key: string, sequence: bigint, deleted: boolean) => void;

/** An error where lost/ holds what no live file does; nothing where all of it is here. */
export async function repairLosses(database: Database): Promise<Finding[]> {
  const { inventory, version } = database;
  const lost = inventory.entries.filter(({ place }) => place === 'lost');
  const family = version?.columnFamilies.get(0);
  if (family === undefined || lost.every(({ kind }) => kind !== 'table' && kind !== 'wal')) return [];
  const kept = new Map<string, Kept>();
  for (const entry of lost) {
    await visit(database, entry, (key, sequence, deleted) => {
      const before = kept.get(key);
      if (before === undefined ? kept.size >= MOST_KEYS : before.sequence >= sequence) return;
      kept.set(key, { sequence, deleted, file: entry.file });
    });
  }
  const live = inventory.entries.filter(
    ({ kind, place, number }) => kind === 'table' && place === 'database' && family.tables.has(number ?? -1n),
  );
  for (const entry of [...live, ...liveWals(database)]) {
    if (kept.size === 0) return [];
    await visit(database, entry, (key, sequence) => {
      const other = kept.get(key);
      if (other !== undefined && sequence >= other.sequence) kept.delete(key);
    });
  }
  if (kept.size === 0) return [];
  const values = [...kept.values()];
  const files = [...new Set(values.map(({ file }) => file))].sort();
  const deletions = values.filter(({ deleted }) => deleted).length;
  const said = [
    ...(values.length > deletions ? [`${values.length - deletions} keys`] : []),
    ...(deletions > 0 ? [`${deletions} deletions`] : []),
  ].join(' and ');
  return [
    findingAt({ file: 'lost' }, 'directory/repairdb-losses', {
      message: `a RepairDB left this; lost/ holds ${said} that no live file has, in ${files.slice(0, 5).join(', ')}${files.length > 5 ? ' and others' : ''}`,
      evidence: { entries: values.length - deletions, deletions, files: files.slice(0, 20) },
    }),
  ];
}

/** Every version in a table's whole blocks, or in a WAL's whole batches. */
async function visit(database: Database, entry: InventoryEntry, take: Visit): Promise<void> {
  if (entry.kind !== 'table' && entry.kind !== 'wal') return;
  try {
    const source = await filesOf(database).open(entry.source);
    try {
      if (entry.kind === 'table') {
        await visitTable(await openTable(source, { dialect: 'leveldb' }), take);
        return;
      }
      const parser = new LogParser(source, { dialect: 'leveldb', number: entry.number ?? 0n });
      await readLog(parser, {
        record: ({ bytes, start, end, oversized }) => {
          if (!oversized && end - start >= BATCH_HEADER) visitBatch(bytes.subarray(start, end), take);
          return undefined;
        },
      });
    } finally {
      await source.close();
    }
  } catch (error) {
    // the scan says what cannot be read
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

async function visitTable(table: Table, take: Visit): Promise<void> {
  const blocks = await tableBlocks(table);
  for await (const handle of blocks?.handles ?? []) {
    const { contents, sound } = await loadBlock(blocks!.space, handle, 'data');
    if (contents === undefined || !sound) continue;
    const reader = new BlockReader(contents);
    for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
      const parsed = parseInternalKey(entry.key);
      if (parsed !== undefined)
        take(textOf(parsed.userKey), parsed.sequence, parsed.type === VALUE_TYPE.delete);
    }
  }
}

function visitBatch(bytes: Uint8Array, take: Visit): void {
  const walker = new BatchWalker(bytes, 'leveldb');
  let at = walker.sequence;
  while (walker.next()) take(textOf(walker.key), at++, walker.type === VALUE_TYPE.delete);
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}
