import { type EntryWords, entryWords } from '../app/raft-entries.js';
import { readDatabase } from '../engine/database.js';
import type { EntriesFault } from '../format/raft-engine/batch.js';
import type { BatchPlace } from '../format/raft-engine/place.js';
import { stopIfInterrupted } from '../io/interruption.js';
import { queuesOf } from '../recovery/raft-engine/files.js';
import { heldRaftLog } from '../recovery/raft-engine/held.js';
import type { ReplayMachine } from '../recovery/raft-engine/replay.js';

interface RaftLogWanted {
  region: bigint;
  /** Indexes; default: all. */
  from?: bigint;
  to?: bigint;
  /** At most so many entries. */
  limit: number;
}

/** An entry wherever it stands: each time that it was written is one. */
export interface FoundEntry {
  index: bigint;
  file: string;
  /** Of the batch in the file. */
  offset: number;
  queue: BatchPlace['queue'];
  /** `kept`: what the log holds at its end; `older`: written over, cut off or removed since. */
  state: 'kept' | 'older';
  words?: EntryWords;
  /** Bytes. */
  size?: number;
  /** Why it cannot be read. */
  fault?: EntriesFault | 'misfit';
}

export interface RaftLogFound {
  target: string;
  region: bigint;
  entries: FoundEntry[];
  /** More than the limit. */
  more: boolean;
  /** What the log holds of the region at its end. */
  log?: { first?: bigint; last?: bigint; values: number };
  files: number;
}

/**
 * Every place at which the files of a raft log hold an entry of a region, damaged ones as far as whole batches go, in the order of indexes.
 * `undefined` where the directory is no raft log. Rejects when the medium fails or with `Interrupted`.
 */
export async function findInRaftLog(
  target: string,
  wanted: RaftLogWanted,
): Promise<RaftLogFound | undefined> {
  const database = await readDatabase(target);
  if (database.detection.kind !== 'raft-engine') return undefined;
  const queues = queuesOf(database.inventory.entries.filter(({ place }) => place === 'database'));
  const found: { entry: FoundEntry; place: BatchPlace }[] = [];
  const { region, from = 0n, to, limit } = wanted;
  let more = false;
  const { machine } = await heldRaftLog(queues, async (batch, place, reader) => {
    stopIfInterrupted();
    const items = batch.items.flatMap((item) =>
      item.kind === 'entries' && item.region === region ? [item] : [],
    );
    if (items.length === 0) return;
    const entries = place.fault ?? (await reader.entriesOf(batch));
    for (const { first, from: begin, ends } of items)
      for (let i = 0; i < ends.length; i++) {
        const index = first + BigInt(i);
        if (index < from || (to !== undefined && index > to)) continue;
        if (found.length >= limit) {
          more = true;
          return;
        }
        const isMisfit = place.misfits?.some((each) => each.region === region && each.index === index);
        const bytes =
          typeof entries === 'string' ? undefined : entries.subarray(i === 0 ? begin : ends[i - 1], ends[i]);
        const fault = typeof entries === 'string' ? entries : isMisfit ? ('misfit' as const) : undefined;
        const words = bytes && fault === undefined ? entryWords(bytes) : undefined;
        const { file, offset, queue } = place;
        const entry: FoundEntry = {
          ...{ index, file, offset, queue, state: 'older' },
          ...(words && { words }),
          ...(bytes && { size: bytes.length }),
          ...(fault && { fault }),
        };
        found.push({ entry, place });
      }
  });
  const log = machine.regions.get(region);
  for (const { entry, place } of found) if (isKept(machine, region, entry.index, place)) entry.state = 'kept';
  const entries = found
    .map(({ entry }) => entry)
    .sort((a, b) => (a.index < b.index ? -1 : a.index > b.index ? 1 : 0));
  return {
    target: database.target,
    region,
    entries,
    more,
    ...(log && {
      log: {
        ...(log.first !== undefined && { first: log.first, last: log.last! }),
        values: log.values.size,
      },
    }),
    files: queues.append.files.length + queues.rewrite.files.length,
  };
}

function isKept({ regions }: ReplayMachine, region: bigint, index: bigint, place: BatchPlace): boolean {
  const runs = regions.get(region)?.runs ?? [];
  return runs.some(
    (run) => index >= run.first && index < run.first + BigInt(run.count) && run.place === place,
  );
}
