import { append } from '../bytes/append.js';
import type { ByteSource } from '../bytes/source.js';
import { checkBatch, checkStop, type RaftLogTail, tailOf } from '../check/raft-engine/log-file.js';
import { checkPanic, checkPassed } from '../check/raft-engine/queue.js';
import { RaftLogDiagnosis } from '../diagnose/raft-engine.js';
import type { Database } from '../engine/database.js';
import type { Cause, Finding } from '../finding/finding.js';
import { findingAt } from '../finding/finding-at.js';
import { isReservedRaftLog, raftLogSignature } from '../format/raft-engine/file.js';
import type { BatchPlace, FileStop, QueueFile } from '../format/raft-engine/place.js';
import { type Beyond, searchBatches } from '../format/raft-engine/search.js';
import { unlessInterrupted } from '../io/interruption.js';
import type { InventoryEntry } from '../io/inventory.js';
import { probeLock } from '../io/lock.js';
import { openSource } from '../io/source.js';
import { TargetError } from '../io/target-error.js';
import { DEFAULT_RAFT_MODE } from '../recovery/mode.js';
import { queuesOf } from '../recovery/raft-engine/files.js';
import { type RaftReplay, replayRaftEngine } from '../recovery/raft-engine/open.js';
import type { FileReport, FileStatus, TargetReport } from '../report/report.js';
import type { ScanHooks } from './options.js';
import type { ScanOrigin } from './origin.js';
import { modifiedAt } from './select.js';
import type { Subject } from './subject.js';
import { blankTarget } from './target.js';

/** A raft log of raft-engine. It is read in one go: what a batch comes to depends on those before it. */
export function raftEngineSubject(origin: ScanOrigin, database: Database, hooks: ScanHooks): Subject {
  const report: TargetReport = {
    ...blankTarget(origin.target, 'database'),
    engine: { name: 'raft-engine' },
  };
  return {
    report,
    units: [],
    // with those of the kv database that it is the log of
    checksContents: true,
    judged: (_unit, findings) => [...findings],
    async conclude() {
      if (!origin.seekable) {
        report.unchecked.push({ file: '.', reason: 'a raft log cannot be read in a compressed archive' });
        return report;
      }
      const lock = origin.inPlace ? await probeLock(origin.target, { quick: true, flock: true }) : undefined;
      const owned = lock?.state === 'held';
      const [pid] = lock?.pids ?? [];
      if (owned && pid !== undefined) report.owner = { pid };
      await unlessInterrupted(() => readWhole(report, database.inventory.entries, owned, hooks), undefined);
      return report;
    },
  };
}

async function readWhole(
  report: TargetReport,
  entries: readonly InventoryEntry[],
  owned: boolean,
  hooks: ScanHooks,
): Promise<void> {
  try {
    await scanQueues(report, entries, owned, hooks);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    report.unchecked.push({ file: '.', reason: TargetError.from(error, report.path).message });
  }
}

/** What is known of a file when it has been read. */
interface ReadFile {
  batches: number;
  tail: RaftLogTail;
  isUnread?: boolean;
}

async function scanQueues(
  report: TargetReport,
  entries: readonly InventoryEntry[],
  owned: boolean,
  hooks: ScanHooks,
): Promise<void> {
  const queues = queuesOf(entries.filter(({ place }) => place === 'database'));
  const total = [...queues.append.files, ...queues.rewrite.files].reduce((sum, { size }) => sum + size, 0);
  const read = new Map<string, ReadFile>();
  const of = ({ file }: Pick<QueueFile, 'file'>) => {
    const known = read.get(file) ?? { batches: 0, tail: 'clean' as const };
    read.set(file, known);
    return known;
  };
  const found = (finding: Finding) => {
    report.findings.push(finding);
    hooks.onFinding?.(finding);
  };
  const aboutEntries: AboutEntries[] = [];
  const cutOff: FileStop[] = [];
  let ofFile: AboutEntries[] = [];
  const replay = await replayRaftEngine(queues, {
    batch(file, batch, place) {
      of(file).batches++;
      for (const finding of checkBatch(batch, place)) ofFile.push({ finding, place });
      if (place.fault === 'limit') unchecked(report, file, place.offset, batch.length);
    },
    async file(file, stop, unreadable) {
      const known = of(file);
      for (const range of unreadable)
        found(findingAt({ file: file.file }, 'io/unreadable-range', { ...range, message: MEDIUM }));
      const entries = ofFile;
      ofFile = [];
      if (entries.length > 0) await withSource(file, (source) => diagnoseEntries(file, source, entries));
      for (const { finding } of entries) found(finding);
      append(aboutEntries, entries);
      if (stop === undefined) return;
      if (stop.cause.kind === 'batch' && stop.cause.stop.reason === 'limit') {
        unchecked(report, file, stop.offset, file.size - stop.offset);
        known.isUnread = true;
        return;
      }
      // while a process writes, the end of the newest file is in flight
      const { tail, beyond, cause } = await endOf(stop);
      known.tail = tail;
      if (tail === 'damaged') cutOff.push(stop);
      for (const finding of checkStop(stop, beyond, tail))
        found({
          ...finding,
          ...(owned && tail === 'torn' && { severity: 'note' as const }),
          ...(cause && { cause }),
        });
    },
    read(bytes) {
      report.bytesRead += bytes;
      hooks.onProgress?.({ done: Math.min(report.bytesRead, total), total });
    },
  });
  for (const queue of [queues.append, queues.rewrite]) append(report.findings, checkPassed(queue));
  append(report.findings, panicsOf(replay));
  judgeEntries(aboutEntries, replay, cutOff);
  report.files = entries.map((entry) => fileReport(entry, read.get(entry.file), report.findings));
}

const MEDIUM = 'the medium did not give back these bytes';

/** How a file ends where reading it stopped. */
export interface FileEnd {
  tail: RaftLogTail;
  /** What lies after that point. */
  beyond: Beyond;
  cause?: Cause;
}

/** Looks at how a file ends. A batch that is whole but for one bit was written to its end: damage, and no part of a batch. */
export function endOf(stop: FileStop): Promise<FileEnd> {
  const signature = raftLogSignature(stop.header?.version ?? 2, stop.file.number);
  return withSource(stop.file, async (source) => {
    const beyond = await searchBatches(source, stop.offset + wholeAt(stop), signature);
    const tail = tailOf(stop, beyond);
    // a batch of an older file may lack one bit to be one of this file: the numbers of files are in its checksum
    const isOlder =
      tail === 'recycled' && stop.cause.kind === 'batch' && stop.cause.stop.header !== undefined;
    if (tail === 'zeros' || isOlder) return { tail, beyond };
    const cause = await new RaftLogDiagnosis(source, stop.file).stopped(stop);
    return cause === undefined ? { tail, beyond } : { tail: 'damaged', beyond, cause };
  });
}

async function withSource<T>(
  { source: of }: QueueFile,
  work: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const source = await openSource(of);
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

/** Findings of one file whose cause is sought. */
const MOST_DIAGNOSED = 200;

async function diagnoseEntries(
  file: QueueFile,
  source: ByteSource,
  about: readonly AboutEntries[],
): Promise<void> {
  const diagnosis = new RaftLogDiagnosis(source, file);
  for (const { finding, place } of about.slice(0, MOST_DIAGNOSED)) {
    const cause = await diagnosis.entries(place);
    if (cause !== undefined) finding.cause = cause;
  }
}

/** Bytes of a batch at the stop whose items are whole. */
function wholeAt({ cause }: FileStop): number {
  if (cause.kind === 'entries') return cause.batch.length;
  const { reason, header } = cause.kind === 'batch' ? cause.stop : {};
  return reason === 'items-malformed' ? (header?.length ?? 0) : 0;
}

function unchecked(report: TargetReport, { file }: QueueFile, offset: number, length: number): void {
  report.unchecked.push({ file, reason: 'a batch is larger than what is looked at', offset, length });
}

/** What is wrong with entries of one batch, and where that lies. */
interface AboutEntries {
  finding: Finding;
  place: BatchPlace;
}

/** Entries that were cut off or written over since are asked for by nobody. Damage over which an open cuts the file loses its batch. */
function judgeEntries(
  about: readonly AboutEntries[],
  { machine, refusals }: RaftReplay,
  cutOff: readonly FileStop[],
): void {
  if (about.length === 0 || refusals[DEFAULT_RAFT_MODE] !== undefined) return;
  const live = new Set<BatchPlace>();
  for (const { region, runs } of machine.regions.values())
    for (const { first, count, place } of runs) {
      const isThis = (index: bigint) => index >= first && index < first + BigInt(count);
      const misfit = place.misfits?.some((each) => each.region === region && isThis(each.index));
      if (place.fault !== undefined || misfit) live.add(place);
    }
  const isCutOff = ({ file, offset }: BatchPlace) =>
    cutOff.some((stop) => stop.file.file === file && stop.offset === offset);
  for (const { finding, place } of about) if (!live.has(place) && !isCutOff(place)) finding.severity = 'note';
}

/** A hole counts where no mode stops before it. */
function panicsOf({ refusals }: RaftReplay): Finding[] {
  const refused = refusals['tolerate-any-corruption'];
  return refused !== undefined && 'panic' in refused
    ? [checkPanic(refused.panic.region, refused.panic.hole)]
    : [];
}

function fileReport(
  entry: InventoryEntry,
  read: ReadFile | undefined,
  findings: readonly Finding[],
): FileReport {
  const { file, size, name, kind } = entry;
  const about = findings.filter((finding) => finding.file === file);
  return {
    path: file,
    kind: read === undefined ? (kind === 'lock' ? 'lock' : 'other') : 'wal',
    size,
    modified: modifiedAt(entry),
    status: read === undefined ? 'ignored' : statusOf(read, about),
    ...(read && { use: 'live' as const, entries: read.batches }),
    ...(isReservedRaftLog(name) && { use: 'obsolete' as const }),
  };
}

function statusOf({ isUnread }: ReadFile, about: readonly Finding[]): FileStatus {
  if (about.some(({ severity }) => severity === 'error')) return 'damaged';
  if (about.some(({ severity }) => severity === 'warning')) return 'suspicious';
  return isUnread ? 'unchecked' : 'clean';
}
