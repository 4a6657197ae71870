/**
 * The raft log in raft-engine, shown as the raft database would (keys.ts), so that the same checks go over both. TiKV keeps the raft
 * state of a region under the key "R"; other keys are of the store and of partitioned raft-kv (tikv components/raft_log_engine/src/engine.rs).
 */
import { takeInventory } from '../../io/inventory.js';
import { TargetError } from '../../io/target-error.js';
import { DEFAULT_RAFT_MODE } from '../../recovery/mode.js';
import { EntryReader } from '../../recovery/raft-engine/contents.js';
import { queuesOf } from '../../recovery/raft-engine/files.js';
import type { RegionTable } from '../../recovery/raft-engine/memtable.js';
import { replayRaftEngine } from '../../recovery/raft-engine/open.js';
import type { ProfileFacts } from '../profile.js';

const RAFT_STATE = 'R';

type RaftEngineLog =
  | Pick<ProfileFacts, 'entries'>
  /** Why it does not open. */
  | { refused: 'refused' | 'hole' | 'unreadable' };

/** Replays the raft log in a directory as an open would. `undefined` where none is there. */
export async function openRaftEngine(directory: string): Promise<RaftEngineLog | undefined> {
  try {
    const { entries } = await takeInventory(directory);
    const queues = queuesOf(entries.filter(({ place }) => place === 'database'));
    const files = [...queues.append.files, ...queues.rewrite.files];
    if (files.length === 0) return undefined;
    const { machine, refusals } = await replayRaftEngine(queues);
    const refused = refusals[DEFAULT_RAFT_MODE];
    if (refused !== undefined) return { refused: 'panic' in refused ? 'hole' : 'refused' };
    const byName = new Map(files.map((file) => [file.file, file]));
    return { entries: (_name, entry) => walk([...machine.regions.values()], new EntryReader(byName), entry) };
  } catch (error) {
    if (error instanceof TargetError) return undefined;
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return { refused: 'unreadable' };
  }
}

type Entry = Parameters<ProfileFacts['entries']>[1];

/** Region by region in the order of their ids: entries that can be read, then the raft state. */
async function walk(regions: RegionTable[], reader: EntryReader, entry: Entry): Promise<void> {
  regions.sort((a, b) => (a.region < b.region ? -1 : 1));
  try {
    for (const table of regions) {
      const key = keyOf(table.region, 0x01, 19);
      for await (const { index, bytes } of reader.entries(table)) {
        if (bytes === undefined) continue;
        key.writeBigUInt64BE(index, 11);
        if (!entry(key, bytes)) return;
      }
      const state = table.values.get(RAFT_STATE);
      if (state !== undefined && !entry(keyOf(table.region, 0x02, 11), state.value)) return;
    }
  } finally {
    await reader.close();
  }
}

function keyOf(region: bigint, suffix: number, length: number): Buffer {
  const key = Buffer.alloc(length);
  key[0] = 0x01;
  key[1] = 0x02;
  key.writeBigUInt64BE(BigInt.asUintN(64, region), 2);
  key[10] = suffix;
  return key;
}
