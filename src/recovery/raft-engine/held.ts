import {
  decodeRaftLogHeader,
  type Queue,
  RAFT_LOG_HEADER,
  raftLogSignature,
} from '../../format/raft-engine/file.js';
import type { BatchPlace, QueueFile } from '../../format/raft-engine/place.js';
import { type RaftLogBatch, RaftLogReader } from '../../format/raft-engine/reader.js';
import { searchBatches } from '../../format/raft-engine/search.js';
import { readHead } from '../../io/head.js';
import { openSource } from '../../io/source.js';
import type { QueueFiles } from './files.js';
import { holdEntries } from './open.js';
import { ReplayMachine } from './replay.js';

/** A whole batch of a file. */
interface WholeBatch {
  offset: number;
  length: number;
}

export interface HeldLog {
  /** What all whole batches come to, over damage and holes: no state of the engine, but all that its files hold of each region. */
  machine: ReplayMachine;
  /** By file, in file order. */
  batches: Map<string, WholeBatch[]>;
}

/** Is shown a batch that is whole, and what a reader needs to look into it. Items are views that end when it has settled. */
type BatchWatch = (batch: RaftLogBatch, place: BatchPlace, reader: RaftLogReader) => Promise<void>;

/** Everything that the files of both queues hold in whole batches, after damage, too. Rejects only when the medium fails. */
export async function heldRaftLog(queues: Record<Queue, QueueFiles>, watch?: BatchWatch): Promise<HeldLog> {
  const batches = new Map<string, WholeBatch[]>();
  const heldBy = async (queue: Queue) => {
    const machine = new ReplayMachine(queue, true);
    for (const file of queues[queue].files) batches.set(file.file, await takeWhole(file, machine, watch));
    return machine;
  };
  const machine = await heldBy('rewrite');
  machine.mergeAppended(await heldBy('append'));
  return { machine, batches };
}

async function takeWhole(
  file: QueueFile,
  machine: ReplayMachine,
  watch: BatchWatch | undefined,
): Promise<WholeBatch[]> {
  const whole: WholeBatch[] = [];
  const read = decodeRaftLogHeader(await readHead(file.source, RAFT_LOG_HEADER));
  const header = 'fault' in read ? { version: 2 as const, alignment: 0n, length: RAFT_LOG_HEADER } : read;
  const signature = raftLogSignature(header.version, file.number);
  const source = await openSource(file.source);
  try {
    let from = 'fault' in read ? 0 : header.length;
    while (from < source.size) {
      const reader = new RaftLogReader(source, header, file.number);
      reader.position = from;
      for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
        whole.push({ offset: batch.offset, length: batch.length });
        const place = await holdEntries(reader, batch, file);
        machine.replay(batch.items, place);
        await watch?.(batch, place, reader);
      }
      const { stop, position } = reader;
      // one whose checksum holds is found again
      const passed = stop?.reason === 'items-malformed' ? (stop.header?.length ?? 0) : 0;
      const { own } = await searchBatches(source, position + passed, signature);
      if (own === undefined) break;
      from = own.offset;
    }
  } finally {
    await source.close();
  }
  return whole;
}
