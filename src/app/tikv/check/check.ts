import type { KeyBytes } from '../../../finding/evidence.js';
import type { Finding } from '../../../finding/finding.js';
import { compareBytes } from '../../../format/sst/comparator.js';
import type { View } from '../../../lsm/view.js';
import { factsOfView } from '../../facts.js';
import type { ProfileFacts } from '../../profile.js';
import { Reported } from '../../reported.js';
import { raftEngineDirectory } from '../data-directory.js';
import type { TikvLayout } from '../layout.js';
import { loadStore } from '../load.js';
import { openRaftEngine } from '../raft-engine-log.js';
import { epochText, namedBound } from '../region-text.js';
import type { HeldRegion, Regions } from '../regions.js';
import { checkData } from './contents.js';
import { checkAgainstLog } from './raft-log.js';
import { type ApplyStates, checkLogStates, checkStates } from './states.js';

/** Where the raft log is, seen from the kv database: a RocksDB database; since TiKV 6.1 raft-engine's files. */
const RAFT_LOG = '../raft';
const RAFT_ENGINE = '../raft-engine';

/** How other directories of the store are reached. */
type Neighbours = Pick<ProfileFacts, 'open' | 'kindOf' | 'directory'>;

/** Holds what readers see against the rules of TiKV. */
export async function checkTikv(
  view: View,
  { families }: TikvLayout,
  neighbours: Neighbours,
  found: (finding: Finding) => void,
): Promise<void> {
  const reported = new Reported(found);
  const facts = factsOfView(view);
  if ([...families.values()].includes('raft-log')) {
    await checkLogStates(facts, reported);
    reported.finish();
    return;
  }
  // what the view shows, which in another recovery mode is not what the profile was made of
  const store = await loadStore(facts);
  const layout: TikvLayout = { families, store };
  const applied = await checkStates(facts, reported);
  checkRegions(store.regions, applied, reported);
  await checkRaftLog(neighbours, store.regions, applied, reported);
  await checkData(view, layout, reported);
  reported.finish();
}

/** Compares apply states with the raft log, where one is beside the database and can be read. */
async function checkRaftLog(
  { open, kindOf, directory }: Neighbours,
  regions: Regions,
  applied: ApplyStates,
  reported: Reported,
): Promise<void> {
  const raftLog = await open(RAFT_LOG);
  if (raftLog !== undefined) {
    try {
      await checkAgainstLog(factsOfView(raftLog), regions, applied, reported);
    } finally {
      raftLog.close();
    }
    return;
  }
  const log = await openRaftEngine(await raftEngineDirectory(directory));
  if (log !== undefined && 'entries' in log) {
    await checkLogStates(log, reported);
    await checkAgainstLog(log, regions, applied, reported);
  } else if (log !== undefined) unread(`../raft-engine ${refusals[log.refused]}`, reported);
  else if ((await kindOf(RAFT_ENGINE)) === 'directory') unread('../raft-engine holds no files', reported);
  else if ((await kindOf(RAFT_LOG)) === 'directory') unread('../raft does not open', reported);
}

const refusals = {
  refused: 'does not open, since a file of it is damaged',
  hole: 'does not open, since the log of a region has a hole',
  unreadable: 'cannot be read',
} as const;

function unread(why: string, reported: Reported): void {
  reported.report('tikv/raft-log-unread', {
    message: `the raft log in ${why}: how far regions have applied theirs is not held against it`,
  });
}

const NORMAL = 0;

/** Regions against each other, and that each says how far its log has been applied. */
function checkRegions(regions: Regions, applied: ApplyStates, reported: Reported): void {
  for (const { older, newer } of regions.overlaps()) {
    const [from, to] = shared(older, newer);
    const order =
      older.version === newer.version && older.confVersion === newer.confVersion
        ? 'their epochs are the same'
        : `region ${older.id} is the older claim`;
    reported.report('tikv/overlapping-regions', {
      message: `regions ${older.id} (${epochText(older)}) and ${newer.id} (${epochText(newer)}) both claim keys; ${order}`,
      evidence: {
        older: String(older.id),
        newer: String(newer.id),
        ...bounds({ startKey: from, endKey: to }),
      },
    });
  }
  for (const region of regions.held) {
    if (region.state !== NORMAL || applied.has(region.id)) continue;
    reported.report('tikv/apply-state-missing', {
      message: `region ${region.id} has no apply state`,
      evidence: { region: String(region.id), ...bounds(region) },
    });
  }
}

/** An absent bound is the first or the last key. */
function bounds({ startKey, endKey }: Pick<HeldRegion, 'startKey' | 'endKey'>): { [name: string]: KeyBytes } {
  return {
    ...(startKey.length > 0 && { from: namedBound(startKey) }),
    ...(endKey.length > 0 && { to: namedBound(endKey) }),
  };
}

/** The keys that both claim. */
function shared(a: HeldRegion, b: HeldRegion): [Uint8Array, Uint8Array] {
  const from = compareBytes(a.startKey, b.startKey) > 0 ? a.startKey : b.startKey;
  if (a.endKey.length === 0) return [from, b.endKey];
  if (b.endKey.length === 0) return [from, a.endKey];
  return [from, compareBytes(a.endKey, b.endKey) < 0 ? a.endKey : b.endKey];
}
