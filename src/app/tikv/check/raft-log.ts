import type { ProfileFacts } from '../../profile.js';
import type { Reported } from '../../reported.js';
import { entryEpoch } from '../entry-text.js';
import { decodeTikvKey } from '../keys.js';
import type { HeldRegion, Regions } from '../regions.js';
import { type ApplyState, decodeRaftState, MERGING, type RaftState } from '../states.js';
import type { ApplyStates } from './states.js';

/** What the raft log holds of one region. */
interface Logged {
  state?: RaftState;
  /** The entry that is there next to the applied one, and where entries after the cut are missing. */
  appliedIsThere: boolean;
  gap?: { from: bigint; to: bigint };
  last: bigint;
  /** An applied entry that was proposed at an epoch which the region's state has not reached. */
  ahead?: { index: bigint; confVersion: bigint; version: bigint };
}

/** A region begins at this index and term, without entries. */
const FIRST_INDEX = 5n;
const NORMAL = 0;

/**
 * How far regions have applied their logs against the logs, region by region in one walk through the raft database. A region
 * that is taking in a snapshot is left out: its log begins anew.
 */
export async function checkAgainstLog(
  raftLog: Pick<ProfileFacts, 'entries'>,
  regions: Regions,
  applied: ApplyStates,
  reported: Reported,
): Promise<void> {
  const waiting = new Map<bigint, HeldRegion>();
  for (const region of regions.held)
    if ((region.state === NORMAL || region.state === MERGING) && applied.has(region.id))
      waiting.set(region.id, region);
  let current: { id: bigint; region: HeldRegion; apply: ApplyState; logged: Logged } | undefined;
  const settle = () => {
    if (current === undefined) return;
    judge(current.id, current.apply, current.logged, reported);
    waiting.delete(current.id);
    current = undefined;
  };
  await raftLog.entries('default', (bytes, value) => {
    const key = decodeTikvKey(bytes);
    if (key === undefined || !('region' in key) || key.kind === 'region-state') return true;
    if (current?.id !== key.region) {
      settle();
      const region = waiting.get(key.region);
      const apply = region && applied.get(key.region);
      if (region === undefined || apply === undefined) return true;
      current = {
        id: key.region,
        region,
        apply,
        logged: { appliedIsThere: false, last: apply.truncatedIndex },
      };
    }
    const { apply, logged, region } = current;
    if (key.kind === 'raft-state') logged.state = decodeRaftState(value);
    else if (key.kind === 'raft-log') {
      take(logged, apply, key.index);
      if (key.index <= apply.appliedIndex) holdEpoch(logged, region, key.index, value);
    }
    return true;
  });
  settle();
  for (const { id } of waiting.values())
    judge(id, applied.get(id)!, { appliedIsThere: false, last: applied.get(id)!.truncatedIndex }, reported);
}

/** An entry, in the order of their indexes. */
function take(logged: Logged, { truncatedIndex, appliedIndex }: ApplyState, index: bigint): void {
  // what was cut off is removed in the background
  if (index <= truncatedIndex) return;
  if (index > logged.last + 1n && logged.gap === undefined)
    logged.gap = { from: logged.last + 1n, to: index - 1n };
  if (index === appliedIndex) logged.appliedIsThere = true;
  logged.last = index;
}

/**
 * An entry is proposed at the epoch that entries before it had made: whoever has applied it has reached that. Splits and merges raise the
 * version, changes of peers the conf version.
 */
function holdEpoch(logged: Logged, region: HeldRegion, index: bigint, value: Uint8Array): void {
  if (logged.ahead !== undefined) return;
  const epoch = entryEpoch(value);
  if (epoch === undefined) return;
  if (epoch.version > region.version || epoch.confVersion > region.confVersion)
    logged.ahead = { index, ...epoch };
}

function judge(id: bigint, apply: ApplyState, logged: Logged, reported: Reported): void {
  const { appliedIndex, truncatedIndex, commitIndex, commitTerm } = apply;
  const { state, appliedIsThere, gap, last, ahead } = logged;
  const evidence = {
    region: String(id),
    appliedIndex: String(appliedIndex),
    truncatedIndex: String(truncatedIndex),
    commitIndex: String(commitIndex),
    ...(state && {
      lastIndex: String(state.lastIndex),
      logCommit: String(state.commit),
      term: String(state.term),
    }),
    lastEntry: String(last),
  };
  const mismatch = (message: string) =>
    reported.report('tikv/apply-log-mismatch', { message: `region ${id}: ${message}`, evidence });
  if (state === undefined) {
    if (appliedIndex > FIRST_INDEX)
      mismatch(
        `entries up to ${appliedIndex} have been applied, and the raft log knows nothing of the region`,
      );
    return;
  }
  const { lastIndex } = state;
  let committed = commitIndex;
  if (state.commit > committed) committed = state.commit;
  if (truncatedIndex > appliedIndex)
    mismatch(`the log has been cut at ${truncatedIndex}, and only ${appliedIndex} has been applied`);
  else if (lastIndex < appliedIndex)
    mismatch(`entries up to ${appliedIndex} have been applied, and the raft log ends at ${lastIndex}`);
  else if (lastIndex < committed)
    mismatch(`entry ${committed} was committed, and the raft log ends at ${lastIndex}`);
  else if (appliedIndex > committed)
    mismatch(
      `entries up to ${appliedIndex} have been applied, and only ${committed} is known to be committed`,
    );
  else if (appliedIndex > truncatedIndex && !appliedIsThere)
    mismatch(`the entry at the applied index ${appliedIndex} is not in the raft log`);
  else if (state.term < commitTerm)
    mismatch(`an entry of term ${commitTerm} was committed, and the raft state is of term ${state.term}`);
  if (ahead !== undefined)
    mismatch(
      `entry ${ahead.index}, which has been applied, was proposed at version ${ahead.version} and conf version ${ahead.confVersion} of the region, and its state has not reached these: it lacks a split, a merge or a change of peers`,
    );
  const missing = gap ?? (last < lastIndex ? { from: last + 1n, to: lastIndex } : undefined);
  if (missing === undefined || missing.from > lastIndex) return;
  const { from, to } = missing;
  const what = from === to ? `entry ${from} is` : `entries ${from} to ${to} are`;
  const needed = to >= appliedIndex;
  reported.report('tikv/raft-log-gap', {
    ...(needed ? {} : { severity: 'warning' as const }),
    message: `region ${id}: ${what} missing from the raft log, which goes from ${truncatedIndex + 1n} to ${lastIndex}`,
    evidence: { ...evidence, missingFrom: String(from), missingTo: String(to) },
  });
}
