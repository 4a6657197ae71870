import { keyBytes } from '../../../finding/evidence.js';
import type { View } from '../../../lsm/view.js';
import type { Reported } from '../../reported.js';
import { decodeRaftEntryKey, decodeRaftStateKey } from '../log-keys.js';
import {
  decodeHardState,
  decodeRaftSnapshot,
  decodeRestateEntry,
  decodeVoters,
  type HardState,
} from '../log-values.js';
import { walkFamily } from './walk.js';

/** What a metadata server knows beside its log. */
interface RaftStates {
  hardState?: HardState;
  /** The member's own storage marker is there. */
  marked: boolean;
  /** The last entry that is in the snapshot; 0 without one. */
  snapshot: bigint;
}

/** Walks the raft log of a metadata server once, holding two entries' numbers. */
export async function checkRaft(
  view: View,
  families: { data: number; metadata: number },
  reported: Reported,
): Promise<void> {
  const states = await readStates(view, families.metadata, reported);
  let first: bigint | undefined;
  let last = 0n;
  let lastTerm = 0n;
  await walkFamily(view, families.data, (bytes, value) => {
    const key = decodeRaftEntryKey(bytes);
    if (key?.kind !== 'raft-entry') {
      reported.report('restate/unknown-key', {
        message: 'a key of the raft log is no entry’s',
        evidence: { key: keyBytes(bytes.slice()) },
      });
      return;
    }
    const { index } = key;
    first ??= index;
    if (last !== 0n && index !== last + 1n) reportGap(last, index, reported);
    last = index;
    const entry = decodeRestateEntry(value);
    if (entry === undefined || entry.index !== index) {
      const what = entry === undefined ? 'does not decode' : `says that it is entry ${entry.index}`;
      reported.report('restate/undecodable-value', {
        message: `raft entry ${index} ${what}`,
        evidence: { index: String(index), value: { value: keyBytes(value.slice(0, 64)) } },
      });
      return;
    }
    if (entry.term < lastTerm)
      reported.report('restate/term-backwards', {
        message: `raft entry ${index} is of term ${entry.term}, after one of term ${lastTerm}`,
        evidence: { index: String(index), term: String(entry.term), before: String(lastTerm) },
      });
    lastTerm = entry.term;
  });
  judge(states, first, last, reported);
}

async function readStates(view: View, family: number, reported: Reported): Promise<RaftStates> {
  const states: RaftStates = { marked: false, snapshot: 0n };
  await walkFamily(view, family, (bytes, value) => {
    const key = decodeRaftStateKey(bytes);
    if (key?.kind !== 'raft-state') {
      reported.report('restate/unknown-key', {
        message: 'a key among the states of raft is none that Restate writes',
        evidence: { key: keyBytes(bytes.slice()) },
      });
      return;
    }
    const { name } = key;
    let decodes = true;
    if (name === 'storage-marker') states.marked = true;
    else if (name === 'hard-state') {
      states.hardState = decodeHardState(value);
      decodes = states.hardState !== undefined;
    } else if (name === 'snapshot') {
      const snapshot = decodeRaftSnapshot(value);
      decodes = snapshot !== undefined;
      states.snapshot = snapshot?.index ?? 0n;
    } else if (name === 'conf-state') decodes = decodeVoters(value) !== undefined;
    if (!decodes)
      reported.report('restate/undecodable-value', {
        message: `${name} does not decode`,
        evidence: { key: name, value: { value: keyBytes(value.slice(0, 64)) } },
      });
  });
  return states;
}

function reportGap(last: bigint, next: bigint, reported: Reported): void {
  const [from, to] = [last + 1n, next - 1n];
  const what = from === to ? `entry ${from} is` : `entries ${from} to ${to} are`;
  reported.report('restate/raft-log-gap', {
    message: `raft ${what} missing, ${last} and ${next} are there`,
    evidence: { missingFrom: String(from), missingTo: String(to) },
  });
}

/** An empty log begins after its snapshot. */
function judge(
  { hardState, marked, snapshot }: RaftStates,
  first: bigint | undefined,
  last: bigint,
  reported: Reported,
): void {
  if (!marked && (first !== undefined || snapshot > 0n))
    reported.report('restate/marker-missing', {
      message: 'the metadata server’s storage marker is not there, and a raft log or snapshot is',
      evidence: { lastIndex: String(first === undefined ? snapshot : last), snapshotIndex: String(snapshot) },
    });
  const begin = first ?? snapshot + 1n;
  const end = first === undefined ? snapshot : last;
  const log = first === undefined ? 'is empty' : `goes from ${begin} to ${end}`;
  const evidence = {
    firstIndex: String(begin),
    lastIndex: String(end),
    snapshotIndex: String(snapshot),
    ...(hardState && { commit: String(hardState.commit), term: String(hardState.term) }),
  };
  if (first !== undefined && snapshot + 1n < first)
    reported.report('restate/snapshot-behind-log', {
      message: `the snapshot ends with entry ${snapshot}, and the raft log ${log}`,
      evidence,
    });
  if (hardState === undefined) return;
  const { commit } = hardState;
  if (commit > end)
    reported.report('restate/commit-out-of-range', {
      message: `entry ${commit} was committed, and the raft log ${log}`,
      evidence,
    });
  else if (commit + 1n < begin)
    reported.report('restate/commit-out-of-range', {
      message: `only entry ${commit} is known to be committed, and the raft log ${log}`,
      evidence,
    });
}
