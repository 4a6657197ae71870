import type { Finding } from '../../../finding/finding.js';
import type { View } from '../../../lsm/view.js';
import { factsOfView } from '../../facts.js';
import type { ProfileFacts } from '../../profile.js';
import type { TikvLayout } from '../layout.js';
import { loadStore } from '../load.js';
import { checkContents } from './contents.js';
import { checkAgainstLog } from './raft-log.js';
import { checkRegions } from './regions.js';
import { Reported } from './reported.js';
import { checkLogStates, checkStates } from './states.js';

/** Where the raft log lies, as the kv database sees it, when it is a RocksDB database. */
const RAFT_LOG = '../raft';

/** Holds what readers see against the rules of TiKV. */
export async function checkTikv(
  view: View,
  { families }: TikvLayout,
  { open }: Pick<ProfileFacts, 'open'>,
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
  const raftLog = await open(RAFT_LOG);
  if (raftLog !== undefined) {
    try {
      await checkAgainstLog(factsOfView(raftLog), store.regions, applied, reported);
    } finally {
      raftLog.close();
    }
  }
  await checkContents(view, layout, reported);
  reported.finish();
}
