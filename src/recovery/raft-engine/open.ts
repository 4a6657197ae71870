/**
 * What opening a raft-engine directory comes to in each of its recovery modes (tikv/raft-engine src/file_pipe_log/pipe_builder.rs,
 * 0.4.2). The modes differ in what they refuse, never in what they make of the rest: one replay answers for all.
 */
import type { SourceRange } from '../../bytes/source.js';
import { entryIndex } from '../../format/raft-engine/entry.js';
import { decodeRaftLogHeader, type Queue, RAFT_LOG_HEADER } from '../../format/raft-engine/file.js';
import type { LogItem } from '../../format/raft-engine/items.js';
import type { BatchPlace, FileStop, QueueFile } from '../../format/raft-engine/place.js';
import { type RaftLogBatch, RaftLogReader } from '../../format/raft-engine/reader.js';
import { readHead } from '../../io/head.js';
import { openSource } from '../../io/source.js';
import { type RaftRecoveryMode, raftRecoveryModes } from '../mode.js';
import { type QueueFiles, shares } from './files.js';
import { ReplayPanic } from './memtable.js';
import { lasting, ReplayMachine } from './replay.js';

/** What one who watches a replay is shown. Items and entries are views that end when it returns. */
interface ReplayWatch {
  batch?(file: QueueFile, batch: RaftLogBatch, place: BatchPlace): void;
  /** A file has been read: where reading it ended, and what the medium did not give back. */
  file?(file: QueueFile, stop: FileStop | undefined, unreadable: readonly SourceRange[]): Promise<void>;
  /** Bytes read since the last call. */
  read?(bytes: number): void;
}

export interface RaftReplay {
  /** What is there once it is open; of no meaning where every mode refuses or panics. */
  machine: ReplayMachine;
  stops: FileStop[];
  /** Why it does not open, by mode. */
  refusals: Partial<Record<RaftRecoveryMode, Refused>>;
}

export type Refused = { stop: FileStop } | { panic: ReplayPanic };

/** Whether a mode refuses to open over a stop. A file that is not the newest is opened for reading only but in the last mode. */
function refuses(mode: RaftRecoveryMode, { isLast, cause }: FileStop): boolean {
  if (mode === 'absolute-consistency') return true;
  if (cause.kind === 'batch' && cause.stop.reason === 'alignment') return true;
  return mode === 'tolerate-tail-corruption' && !isLast;
}

interface Share {
  machine: ReplayMachine;
  stops: FileStop[];
  panic?: { at: ReplayPanic; stopsBefore: number };
}

/** Replays both queues. Reads all of all files, entries too. Rejects only when the medium fails. */
export async function replayRaftEngine(
  queues: Record<Queue, QueueFiles>,
  watch: ReplayWatch = {},
): Promise<RaftReplay> {
  const appended = await replayQueue('append', queues, watch);
  const rewritten = await replayQueue('rewrite', queues, watch);
  const stops = [...appended, ...rewritten].flatMap((share) => share.stops);
  const refusals: RaftReplay['refusals'] = {};
  for (const mode of raftRecoveryModes) {
    const refused = refusalOf(mode, appended, rewritten);
    if (refused !== undefined) refusals[mode] = refused;
  }
  try {
    const machine = merged('rewrite', rewritten);
    machine.mergeAppended(merged('append', appended));
    return { machine, stops, refusals };
  } catch (error) {
    if (!(error instanceof ReplayPanic)) throw error;
    for (const mode of raftRecoveryModes) refusals[mode] ??= { panic: error };
    return { machine: new ReplayMachine('rewrite'), stops, refusals };
  }
}

/** A panic ends everything at once, also where other files are refused. */
function refusalOf(mode: RaftRecoveryMode, ...queues: readonly Share[][]): Refused | undefined {
  const all = queues.flat();
  for (const { stops, panic } of all) {
    const before = stops.slice(0, panic?.stopsBefore);
    if (panic !== undefined && !before.some((stop) => refuses(mode, stop))) return { panic: panic.at };
  }
  for (const { stops } of all) {
    const stop = stops.find((each) => refuses(mode, each));
    if (stop !== undefined) return { stop };
  }
  return undefined;
}

/** Puts shares together by halves, as rayon does: which ones meet first decides whether a hole between two of them is seen. */
function merged(queue: Queue, shared: readonly Share[]): ReplayMachine {
  const machine = new ReplayMachine(queue);
  if (shared.length === 1) machine.merge(shared[0].machine);
  if (shared.length < 2) return machine;
  const half = Math.floor(shared.length / 2);
  const older = merged(queue, shared.slice(0, half));
  older.merge(merged(queue, shared.slice(half)));
  return older;
}

async function replayQueue(
  queue: Queue,
  queues: Record<Queue, QueueFiles>,
  watch: ReplayWatch,
): Promise<Share[]> {
  const { files } = queues[queue];
  const others = queues[queue === 'append' ? 'rewrite' : 'append'].files.length;
  const last = files.at(-1);
  const shared: Share[] = [];
  for (const share of shares(files, others)) {
    const own: Share = { machine: new ReplayMachine(queue), stops: [] };
    shared.push(own);
    for (const file of share) await replayFile(file, file === last, own, watch);
  }
  return shared;
}

async function replayFile(file: QueueFile, isLast: boolean, share: Share, watch: ReplayWatch): Promise<void> {
  const { stops } = share;
  const before = stops.length;
  const header = decodeRaftLogHeader(await readHead(file.source, RAFT_LOG_HEADER));
  if ('fault' in header) {
    stops.push({ file, isLast, offset: 0, cause: { kind: 'header', fault: header.fault } });
    await watch.file?.(file, stops[before], []);
    return;
  }
  const source = await openSource(file.source);
  try {
    const stop = await replayBatches(file, new RaftLogReader(source, header, file.number), share, watch);
    if (stop !== undefined) stops.push({ file, isLast, header, ...stop });
    await watch.file?.(file, stops[before], source.unreadable ?? []);
  } finally {
    await source.close();
  }
}

type Stopped = Pick<FileStop, 'offset' | 'cause'>;

async function replayBatches(
  file: QueueFile,
  reader: RaftLogReader,
  share: Share,
  watch: ReplayWatch,
): Promise<Stopped | undefined> {
  // a batch whose entries are damaged counts unless it is the last one
  let held: (() => void) | undefined;
  let last: Stopped | undefined;
  for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) {
    held?.();
    const place = await holdEntries(reader, batch, file);
    watch.batch?.(file, batch, place);
    watch.read?.(batch.length);
    const { fault } = place;
    const entriesFirst = batch.items.find(({ kind }) => kind === 'entries');
    const isChecked = entriesFirst?.kind === 'entries' && entriesFirst.ends.length > 0;
    if (fault === undefined || fault === 'limit' || !isChecked) {
      replay(share, batch.items, place);
      held = undefined;
      last = undefined;
      continue;
    }
    const items = batch.items.map(lasting);
    held = () => replay(share, items, place);
    const { offset, length, entries } = batch;
    last = { offset, cause: { kind: 'entries', fault, batch: { offset, length, entries } } };
  }
  const { stop } = reader;
  return last ?? (stop && { offset: stop.offset, cause: { kind: 'batch', stop } });
}

function replay(share: Share, items: readonly LogItem[], place: BatchPlace): void {
  if (share.panic !== undefined) return;
  try {
    share.machine.replay(items, place);
  } catch (error) {
    if (!(error instanceof ReplayPanic)) throw error;
    share.panic = { at: error, stopsBefore: share.stops.length };
  }
}

/** Where a batch of a file lies, with what is wrong of its entries: each is held against what the batch says of it. */
export async function holdEntries(
  reader: RaftLogReader,
  batch: RaftLogBatch,
  { file, queue }: Pick<QueueFile, 'file' | 'queue'>,
): Promise<BatchPlace> {
  const place: BatchPlace = {
    file,
    queue,
    offset: batch.offset,
    entries: batch.entries,
    compression: batch.compression,
  };
  if (batch.entries.length === 0 && !batch.items.some(({ kind }) => kind === 'entries')) return place;
  const entries = await reader.entriesOf(batch);
  if (typeof entries === 'string') return { ...place, fault: entries };
  for (const item of batch.items) {
    if (item.kind !== 'entries') continue;
    let from = item.from;
    for (let i = 0; i < item.ends.length; i++) {
      const to = item.ends[i];
      const index = item.first + BigInt(i);
      const says = from <= to && to <= entries.length ? entryIndex(entries.subarray(from, to)) : undefined;
      if (says !== index)
        (place.misfits ??= []).push({ region: item.region, index, ...(says !== undefined && { says }) });
      from = to;
    }
  }
  return place;
}
