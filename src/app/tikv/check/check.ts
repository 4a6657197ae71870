import type { Finding } from '../../../finding/finding.js';
import type { View } from '../../../lsm/view.js';
import { factsOfView } from '../../facts.js';
import type { ProfileFacts } from '../../profile.js';
import { Reported } from '../../reported.js';
import type { TikvLayout } from '../layout.js';
import { loadStore } from '../load.js';
import type { Regions } from '../regions.js';
import { checkData } from './contents.js';
import { checkAgainstLog } from './raft-log.js';
import { checkRegions } from './regions.js';
import { type ApplyStates, checkLogStates, checkStates } from './states.js';

/** Where the raft log lies, as the kv database sees it: a RocksDB database, since 6.1 raft-engine's own files. */
const RAFT_LOG = '../raft';
const RAFT_ENGINE = '../raft-engine';

/** Holds what readers see against the rules of TiKV. */
export async function checkTikv(
  view: View,
  { families }: TikvLayout,
  neighbours: Pick<ProfileFacts, 'open' | 'kindOf'>,
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

/** Holds apply states against the raft log, where one lies beside the database and can be read. */
async function checkRaftLog(
  { open, kindOf }: Pick<ProfileFacts, 'open' | 'kindOf'>,
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
  if ((await kindOf(RAFT_ENGINE)) === 'directory')
    reported.report('tikv/raft-log-unread', {
      message:
        'the raft log is in ../raft-engine, whose format is not read: how far regions have applied theirs is not held against it',
    });
  else if ((await kindOf(RAFT_LOG)) === 'directory')
    reported.report('tikv/raft-log-unread', {
      message:
        'the raft log in ../raft does not open: how far regions have applied theirs is not held against it',
    });
}
