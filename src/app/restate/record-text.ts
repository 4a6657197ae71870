import type { BatchOp } from '../../format/batch/batch.js';
import type { BatchWords } from '../profile.js';
import { decodeKey, type RestateKey } from './decode.js';
import type { RestateLayout } from './instance.js';
import { type LogletFact, logletText, MARKER, SEALED } from './log-keys.js';
import { decodeLogState } from './log-state.js';
import {
  decodeHardState,
  decodeLogRecord,
  decodeNodeId,
  decodeOffset,
  decodeRaftSnapshot,
  decodeRestateEntry,
  decodeVoters,
} from './log-values.js';
import { tableOf } from './partition-keys.js';
import { partitionKeyText, shownText } from './partition-text.js';

/** Lines of one batch. */
const MOST_LINES = 1000;

const factNames: Readonly<Record<LogletFact | 'loglet-state', string>> = {
  'known-global-tail': 'last known global tail',
  'local-tail': 'local tail',
  sequencer: 'sequencer',
  'trim-point': 'trim point',
  seal: 'seal',
  'loglet-state': 'release pointer, trim point and seal',
};

/** What a key belongs to: `raft entry 12`, `loglet 3_1, record 7`. */
export function restateKeyText(decoded: RestateKey): string {
  switch (decoded.kind) {
    case 'raft-entry':
      return `raft entry ${decoded.index}`;
    case 'raft-state':
      return decoded.name.replaceAll('-', ' ');
    case 'record':
      return `loglet ${logletText(decoded.loglet)}, record ${decoded.offset}`;
    case 'marker':
      return 'storage marker';
    case 'partition':
      return partitionKeyText(decoded);
    case 'metadata':
      return decoded.name === SEALED ? 'seal' : `metadata ${shownText(Buffer.from(decoded.name))}`;
    default:
      return `loglet ${logletText(decoded.loglet)}, ${factNames[decoded.kind]}`;
  }
}

/** What a value says, where that is known. */
export function restateValueText(
  { instance }: RestateLayout,
  key: RestateKey,
  value: Uint8Array,
): string | undefined {
  switch (key.kind) {
    case 'raft-entry': {
      const entry = decodeRestateEntry(value);
      const kind = entry && (entry.type === 0n ? 'command' : 'change of members');
      return entry && `term ${entry.term}, ${kind} of ${entry.data} bytes`;
    }
    case 'raft-state':
      return raftStateText(key.name, value);
    case 'record': {
      if (instance !== 'log-server') return undefined;
      const record = decodeLogRecord(value);
      if (record === undefined) return undefined;
      const { keys, range, payload } = record;
      const of =
        keys.length === 0 ? '' : `partition ${range ? 'keys' : 'key'} ${keys.join(range ? '–' : ', ')}, `;
      return `${of}payload of ${payload} bytes`;
    }
    case 'loglet-state':
      return logStateText(value);
    case 'known-global-tail':
    case 'local-tail':
    case 'trim-point':
      return offsetText(value);
    case 'sequencer':
      return decodeNodeId(value);
    case 'metadata':
      return key.name === SEALED ? shownText(value) : `${value.length} bytes`;
    case 'seal':
    case 'marker':
      return shownText(value);
    default:
      return undefined;
  }
}

function logStateText(value: Uint8Array): string | undefined {
  const state = decodeLogState(value);
  if (state === undefined) return undefined;
  const { released, trimPoint, sealed } = state;
  const said = [
    released > 0n && `released up to ${released}`,
    trimPoint > 0n && `trimmed up to ${trimPoint}`,
    sealed && 'sealed',
  ].filter((part) => part);
  return said.join(', ') || 'nothing yet';
}

function offsetText(value: Uint8Array): string | undefined {
  const offset = decodeOffset(value);
  return offset === undefined ? undefined : `offset ${offset}`;
}

function raftStateText(name: string, value: Uint8Array): string | undefined {
  if (name === 'hard-state') {
    const state = decodeHardState(value);
    return state && `term ${state.term}, vote ${state.vote}, commit ${state.commit}`;
  }
  if (name === 'snapshot') {
    const snapshot = decodeRaftSnapshot(value);
    return snapshot && `up to entry ${snapshot.index}, term ${snapshot.term}, ${snapshot.data} bytes`;
  }
  if (name === 'conf-state') {
    const voters = decodeVoters(value);
    return voters && `voters ${voters.join(', ') || 'none'}`;
  }
  return name === 'storage-marker' ? shownText(value) : undefined;
}

/** A run of entries or records that one batch writes or removes. */
interface Run {
  does: 'writes' | 'removes';
  what: string;
  first: bigint;
  last: bigint;
}

/** What a batch does, runs of entries and records in one line each. */
export function restateBatchWords(layout: RestateLayout, ops: readonly BatchOp[]): BatchWords | undefined {
  const said: (Run | string)[] = [];
  for (const op of ops) {
    if (!op.counted) continue;
    const key = decodeKey(layout, op.columnFamily, op.key);
    if (op.kind === 'range-delete') said.push(rangeDeleteText(layout, op));
    else if (key === undefined) said.push(`${verb(op)} a key that Restate does not use`);
    else if (key.kind === 'raft-entry' || key.kind === 'record') addToRun(said, key, verb(op));
    else {
      const value = op.value && restateValueText(layout, key, op.value);
      said.push(`${verb(op)} ${restateKeyText(key)}${value === undefined ? '' : `: ${value}`}`);
    }
    if (said.length > MOST_LINES) break;
  }
  if (said.length === 0) return undefined;
  const lines = said.slice(0, MOST_LINES).map((each) => (typeof each === 'string' ? each : runText(each)));
  return { lines, data: lines.map(() => ({})) };
}

const verb = ({ kind }: BatchOp) =>
  kind === 'delete' || kind === 'single-delete' ? 'removes' : kind === 'merge' ? 'moves' : 'writes';

function addToRun(
  said: (Run | string)[],
  key: Extract<RestateKey, { kind: 'raft-entry' | 'record' }>,
  does: string,
): void {
  const [what, number] =
    key.kind === 'raft-entry' ? ['raft', key.index] : [`loglet ${logletText(key.loglet)},`, key.offset];
  const last = said.at(-1);
  if (typeof last === 'object' && last.what === what && last.does === does && last.last + 1n === number)
    last.last = number;
  else said.push({ does: does === 'removes' ? does : 'writes', what, first: number, last: number });
}

function runText({ does, what, first, last }: Run): string {
  const one = what === 'raft' ? 'entry' : 'record';
  const many = what === 'raft' ? 'entries' : 'records';
  return `${does} ${what} ${first === last ? `${one} ${first}` : `${many} ${first}–${last}`}`;
}

function rangeDeleteText(layout: RestateLayout, { columnFamily, key, value }: BatchOp): string {
  const from = decodeKey(layout, columnFamily, key);
  const to = value && decodeKey(layout, columnFamily, value);
  if (from?.kind === 'record' && to?.kind === 'record' && from.loglet === to.loglet)
    return `trims loglet ${logletText(from.loglet)} up to record ${to.offset - 1n}`;
  return 'removes a range of keys';
}

function markerText({ instance }: RestateLayout, isCertain: boolean): string {
  const among = isCertain ? 'the storage marker is' : 'the storage marker may be';
  return instance === 'metadata-server'
    ? `${among} among them: a metadata server without it provisions itself anew, over what is there`
    : `${among} among them: a log server without it takes all its data for lost and does not start`;
}

/** Which entries, loglets or tables lie between two keys, both included. */
export function restateRangeText(
  layout: RestateLayout,
  columnFamily: number,
  smallest: Uint8Array,
  largest: Uint8Array,
): string[] {
  const from = decodeKey(layout, columnFamily, smallest);
  const to = decodeKey(layout, columnFamily, largest);
  if (from?.kind === 'raft-entry' && to?.kind === 'raft-entry')
    return [`raft entries ${from.index}–${to.index}`];
  if (from?.kind === 'record' && to?.kind === 'record') {
    if (from.loglet === to.loglet)
      return [`loglet ${logletText(from.loglet)}, records ${from.offset}–${to.offset}`];
    return [`records from ${restateKeyText(from)} to ${restateKeyText(to)}`];
  }
  if (layout.families.get(columnFamily) === 'metadata') {
    if (from === undefined || to === undefined) return [];
    const line = `from ${restateKeyText(from)} to ${restateKeyText(to)}`;
    const [marker, low, high] = [Buffer.from(MARKER), Buffer.from(smallest), Buffer.from(largest)];
    const hasMarker = marker.compare(low) >= 0 && marker.compare(high) <= 0;
    return [line, ...(hasMarker ? [markerText(layout, from.kind === 'marker' || to.kind === 'marker')] : [])];
  }
  const partition = layout.partitions.get(columnFamily);
  const [first, last] = [tableOf(smallest), tableOf(largest)];
  if (partition === undefined || first === undefined || last === undefined) return [];
  const [a, b] = [from, to].map((key) => (key?.kind === 'partition' ? partitionKeyText(key) : undefined));
  return [`partition ${partition}, from ${a ?? `table ${first}`} to ${b ?? `table ${last}`}`];
}
