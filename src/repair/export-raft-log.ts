import { entryWords } from '../app/raft-entries.js';
import { type Database, readDatabase } from '../engine/database.js';
import { isRaftEngine } from '../engine/foreign-files.js';
import { keyBytes } from '../finding/evidence.js';
import { takeInventory } from '../io/inventory.js';
import { DEFAULT_RAFT_MODE } from '../recovery/mode.js';
import { EntryReader } from '../recovery/raft-engine/contents.js';
import { queuesOf } from '../recovery/raft-engine/files.js';
import { heldRaftLog } from '../recovery/raft-engine/held.js';
import type { RegionTable } from '../recovery/raft-engine/memtable.js';
import { replayRaftEngine } from '../recovery/raft-engine/open.js';

interface RaftLogExported {
  regions: number;
  entries: number;
  values: number;
  /** Entries that are there and cannot be read. */
  unreadable: number;
  /** Why the engine would not open it: then nothing is exported, or with `lenient` all that whole batches hold. */
  refused?: 'damage' | 'hole';
}

/** The raft log of raft-engine in a directory; `undefined` where there is none. */
export async function raftLogIn(target: string): Promise<Database | undefined> {
  const inventory = await takeInventory(target).catch(() => undefined);
  if (inventory === undefined || !isRaftEngine(inventory)) return undefined;
  const database = await readDatabase(target);
  return database.detection.kind === 'raft-engine' ? database : undefined;
}

/**
 * Entries and key values of all regions as lines of JSON, region by region: `{region, index, term, command, text, size, entry}` and
 * `{region, key, value}`. Of entries that cannot be read the line has `fault`.
 */
export async function exportRaftLog(
  { inventory }: Database,
  write: (text: string) => Promise<void>,
  { lenient = false, onProgress }: { lenient?: boolean; onProgress?(share: number): void } = {},
): Promise<RaftLogExported> {
  const queues = queuesOf(inventory.entries.filter(({ place }) => place === 'database'));
  const { machine: opened, refusals } = await replayRaftEngine(queues);
  const refusal = refusals[DEFAULT_RAFT_MODE];
  const refused = refusal && ('panic' in refusal ? ('hole' as const) : ('damage' as const));
  const exported: RaftLogExported = {
    regions: 0,
    entries: 0,
    values: 0,
    unreadable: 0,
    ...(refused && { refused }),
  };
  if (refused !== undefined && !lenient) return exported;
  const machine = refused === undefined ? opened : (await heldRaftLog(queues)).machine;
  const files = [...queues.append.files, ...queues.rewrite.files];
  const reader = new EntryReader(new Map(files.map((file) => [file.file, file])));
  const tables = [...machine.regions.values()].sort((a, b) => (a.region < b.region ? -1 : 1));
  try {
    for (const table of tables) {
      await exportRegion(table, reader, exported, write);
      exported.regions++;
      onProgress?.(exported.regions / tables.length);
    }
  } finally {
    await reader.close();
  }
  return exported;
}

async function exportRegion(
  table: RegionTable,
  reader: EntryReader,
  exported: RaftLogExported,
  write: (text: string) => Promise<void>,
): Promise<void> {
  const region = String(table.region);
  const line = (fields: object) => write(`${JSON.stringify({ region, ...fields })}\n`);
  for await (const { index, bytes, fault } of reader.entries(table)) {
    if (bytes === undefined) {
      exported.unreadable++;
      await line({ index: String(index), fault });
      continue;
    }
    exported.entries++;
    const words = entryWords(bytes);
    const entry = { base64: Buffer.from(bytes).toString('base64') };
    await line({
      index: String(index),
      ...(words && { term: String(words.term), command: words.command, text: words.text }),
      size: bytes.length,
      entry,
    });
  }
  for (const { key, value } of table.values.values()) {
    exported.values++;
    await line({ key: keyBytes(key), value: keyBytes(value) });
  }
}
