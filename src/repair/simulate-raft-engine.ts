import type { RaftLogTail } from '../check/raft-engine/log-file.js';
import type { Database } from '../engine/database.js';
import type { EntriesFault } from '../format/raft-engine/batch.js';
import type { HeaderFault } from '../format/raft-engine/file.js';
import type { FileStop } from '../format/raft-engine/place.js';
import type { StopReason } from '../format/raft-engine/reader.js';
import { queuesOf } from '../recovery/raft-engine/files.js';
import {
  DEFAULT_RAFT_MODE,
  type RaftRecoveryMode,
  type RaftReplay,
  type Refused,
  raftRecoveryModes,
  replayRaftEngine,
} from '../recovery/raft-engine/open.js';
import type { ReplayMachine } from '../recovery/raft-engine/replay.js';
import type { RecoveryReport, TargetReport, UnreadableReport } from '../report/report.js';
import { endOf } from '../scan/raft-engine.js';
import type { SimulateHooks } from '../scan/simulate-database.js';
import { blankTarget } from '../scan/target.js';

/** What raft-engine would do with a raft log in each of its recovery modes. Reads all of it. */
export async function simulateRaftEngine(
  target: string,
  { inventory }: Database,
  hooks: SimulateHooks,
): Promise<TargetReport> {
  const report: TargetReport = { ...blankTarget(target, 'database'), engine: { name: 'raft-engine' } };
  const queues = queuesOf(inventory.entries.filter(({ place }) => place === 'database'));
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
        report.unchecked.push({ file, reason: 'a batch is larger than what is looked at', offset, length });
    },
    read(bytes) {
      report.bytesRead += bytes;
      hooks.onProgress?.(report.bytesRead / total);
    },
  });
  const tails = new Map<FileStop, RaftLogTail>();
  for (const stop of replay.stops) {
    if (stop.cause.kind === 'batch' && stop.cause.stop.reason === 'limit')
      report.unchecked.push({ file: stop.file.file, reason: 'a batch is larger than what is looked at' });
    tails.set(stop, (await endOf(stop)).tail);
  }
  const unreadable = unreadableOf(replay.machine);
  report.recovery = raftRecoveryModes.map((mode) => modeReport(mode, replay, tails, { taken, unreadable }));
  return report;
}

/** Batches and items of a file. */
interface Taken {
  records: number;
  operations: number;
}

function modeReport(
  mode: RaftRecoveryMode,
  { refusals, stops }: RaftReplay,
  tails: ReadonlyMap<FileStop, RaftLogTail>,
  { taken, unreadable }: { taken: ReadonlyMap<string, Taken>; unreadable?: UnreadableReport | undefined },
): RecoveryReport {
  const own = mode === DEFAULT_RAFT_MODE && { own: true as const };
  const refused = refusals[mode];
  if (refused !== undefined)
    return { mode, ...own, opens: false, harmless: false, ...refusalReport(mode, refused), lost: {} };
  const bytesOf = (tail: RaftLogTail) =>
    stops.reduce((sum, stop) => (tails.get(stop) === tail ? sum + stop.file.size - stop.offset : sum), 0);
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
      const tail = stop && tails.get(stop);
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

function refusalReport(
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
