import type { RaftLogTail } from '../check/raft-engine/log-file.js';
import type { Unchecked } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import type { EntriesFault } from '../format/raft-engine/batch.js';
import type { HeaderFault, Queue } from '../format/raft-engine/file.js';
import type { FileStop } from '../format/raft-engine/place.js';
import type { StopReason } from '../format/raft-engine/reader.js';
import { DEFAULT_RAFT_MODE, type RaftRecoveryMode, raftRecoveryModes } from '../recovery/mode.js';
import { type QueueFiles, queuesOf } from '../recovery/raft-engine/files.js';
import { type RaftReplay, type Refused, replayRaftEngine } from '../recovery/raft-engine/open.js';
import type { ReplayMachine } from '../recovery/raft-engine/replay.js';
import type { RecoveryReport, TargetReport, UnreadableReport } from '../report/report.js';
import { endOf, type FileEnd } from '../scan/raft-engine.js';
import type { SimulateHooks } from '../scan/simulate-database.js';
import { blankTarget } from '../scan/target.js';
import { raftAdvice } from './raft-engine-advice.js';

/** What raft-engine would do with a raft log in each of its recovery modes. Reads all of it. */
export async function simulateRaftEngine(
  target: string,
  database: Database,
  hooks: SimulateHooks,
): Promise<TargetReport> {
  const { reports, unchecked, bytesRead, ends } = await simulatedRaftEngine(database, hooks);
  const proven = [...ends.values()].some(({ cause }) => cause !== undefined);
  const recommendation = raftAdvice(database, reports, proven);
  return {
    ...blankTarget(target, 'database'),
    engine: { name: 'raft-engine' },
    recovery: reports,
    unchecked,
    bytesRead,
    ...(recommendation && { recommendation }),
  };
}

/** What a simulation was made from, and what it comes to. */
interface SimulatedRaftLog {
  queues: Record<Queue, QueueFiles>;
  replay: RaftReplay;
  /** How files end in which reading stopped. */
  ends: ReadonlyMap<FileStop, FileEnd>;
  /** A recovery mode each. */
  reports: RecoveryReport[];
  unchecked: Unchecked[];
  bytesRead: number;
}

/** The queues of a raft log whose directory has been read. */
export function raftQueuesOf({ inventory }: Database): Record<Queue, QueueFiles> {
  return queuesOf(inventory.entries.filter(({ place }) => place === 'database'));
}

export async function simulatedRaftEngine(
  database: Database,
  hooks: SimulateHooks = {},
): Promise<SimulatedRaftLog> {
  const queues = raftQueuesOf(database);
  const unchecked: Unchecked[] = [];
  let bytesRead = 0;
  const total = [...queues.append.files, ...queues.rewrite.files].reduce((sum, { size }) => sum + size, 1);
  const taken = new Map<string, Taken>();
  for (const { file } of [...queues.rewrite.files, ...queues.append.files])
    taken.set(file, { records: 0, operations: 0 });
  const replay = await replayRaftEngine(queues, {
    batch({ file }, { offset, length, items }, { fault }) {
      const counts = taken.get(file)!;
      counts.records++;
      counts.operations += items.length;
      if (fault === 'limit')
        unchecked.push({ file, reason: 'a batch is larger than what is looked at', offset, length });
    },
    read(bytes) {
      bytesRead += bytes;
      hooks.onProgress?.(bytesRead / total);
    },
  });
  const ends = new Map<FileStop, FileEnd>();
  for (const stop of replay.stops) {
    if (stop.cause.kind === 'batch' && stop.cause.stop.reason === 'limit')
      unchecked.push({ file: stop.file.file, reason: 'a batch is larger than what is looked at' });
    ends.set(stop, await endOf(stop));
  }
  const unreadable = unreadableOf(replay.machine);
  const reports = raftRecoveryModes.map((mode) => modeReport(mode, replay, ends, { taken, unreadable }));
  return { queues, replay, ends, reports, unchecked, bytesRead };
}

/** Batches and items of a file. */
interface Taken {
  records: number;
  operations: number;
}

function modeReport(
  mode: RaftRecoveryMode,
  { refusals, stops }: RaftReplay,
  ends: ReadonlyMap<FileStop, FileEnd>,
  { taken, unreadable }: { taken: ReadonlyMap<string, Taken>; unreadable?: UnreadableReport | undefined },
): RecoveryReport {
  const own = mode === DEFAULT_RAFT_MODE && { own: true as const };
  const refused = refusals[mode];
  if (refused !== undefined)
    return { mode, ...own, opens: false, harmless: false, ...refusalReport(mode, refused), lost: {} };
  const bytesOf = (tail: RaftLogTail) =>
    stops.reduce(
      (sum, stop) => (ends.get(stop)?.tail === tail ? sum + stop.file.size - stop.offset : sum),
      0,
    );
  const damagedBytes = bytesOf('damaged');
  const tornBytes = bytesOf('torn');
  return {
    mode,
    ...own,
    opens: true,
    harmless: damagedBytes === 0 && unreadable === undefined,
    lost: { ...(damagedBytes > 0 && { damagedBytes }), ...(tornBytes > 0 && { tornBytes }) },
    wals: [...taken].map(([file, counts]) => {
      const stop = stops.find((each) => each.file.file === file);
      const tail = stop && ends.get(stop)?.tail;
      if (stop === undefined || (tail !== 'damaged' && tail !== 'torn'))
        return { file, state: 'applied' as const, ...counts };
      return {
        file,
        state: 'stopped' as const,
        ...counts,
        stoppedAt: stop.offset,
        reason: `it is cut there (${wordsOf(stop)})`,
      };
    }),
    ...(unreadable && { unreadable }),
  };
}

/** Why a mode does not open, as a report says it. */
export function refusalReport(
  mode: RaftRecoveryMode,
  refused: Refused,
): Pick<RecoveryReport, 'error' | 'errorKind' | 'errorFile'> {
  if ('panic' in refused) {
    const { region, hole } = refused.panic;
    return {
      error: `panic: memtable ${region} has a hole`,
      errorKind: 'hole',
      errorFile: hole.place.file,
    };
  }
  const { stop } = refused;
  // a file that is not the newest is open for reading only, and cannot be cut
  const isCut = mode !== 'absolute-consistency' && stop.cause.kind === 'entries';
  return {
    error: isCut ? 'IO Error: Invalid argument' : `Corruption: ${wordsOf(stop)}`,
    errorKind: stop.cause.kind,
    errorFile: stop.file.file,
  };
}

/** The engine's own words, but for the numbers in them. */
function wordsOf({ cause }: FileStop): string {
  if (cause.kind === 'header') return headerWords[cause.fault];
  return cause.kind === 'entries' ? entriesWords[cause.fault] : batchWords[cause.stop.reason];
}

const headerWords: Record<HeaderFault, string> = {
  magic: 'log file magic header mismatch',
  version: 'unrecognized log file version',
  cut: 'missing header payload',
  unfinished: 'log file magic header mismatch',
};

const batchWords: Record<StopReason, string> = {
  compression: 'Unrecognized compression type',
  'items-past-end': 'Log item offset exceeds log batch length',
  'items-in-header': 'Log item offset is smaller than log batch header length',
  'header-cut': 'Unexpected eof',
  'past-end': 'log batch header broken',
  'items-too-short': 'Content too short',
  'items-checksum': 'Checksum expected … but got …',
  'items-malformed': 'Unrecognized log item',
  alignment: 'memory for the padding of an alignment',
  limit: 'a batch that is larger than what is looked at',
};

const entriesWords: Record<EntriesFault, string> = {
  'too-short': 'Content too short',
  checksum: 'Checksum expected … but got …',
  lz4: 'Decompression failed',
  limit: 'entries that are larger than what is looked at',
};

/** Entries that are there for the engine, and that it ends over when it is asked for one. */
function unreadableOf({ regions }: ReplayMachine): UnreadableReport | undefined {
  const files = new Map<string, { entries: number; reason: string }>();
  for (const { region, runs } of regions.values())
    for (const { first, count, place } of runs) {
      const last = first + BigInt(count) - 1n;
      const misfits = place.misfits?.filter(
        (each) => each.region === region && each.index >= first && each.index <= last,
      );
      const lost = place.fault !== undefined && place.fault !== 'limit' ? count : (misfits?.length ?? 0);
      if (lost === 0) continue;
      const known = files.get(place.file);
      const reason =
        place.fault === undefined ? 'entries are not those that their batch says' : entriesWords[place.fault];
      files.set(place.file, { entries: (known?.entries ?? 0) + lost, reason: known?.reason ?? reason });
    }
  if (files.size === 0) return undefined;
  const each = [...files].map(([file, { entries, reason }]) => ({ file, entries, reason }));
  return { entries: each.reduce((sum, { entries }) => sum + entries, 0), files: each };
}
