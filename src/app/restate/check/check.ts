import type { Finding } from '../../../finding/finding.js';
import type { View } from '../../../lsm/view.js';
import { Reported } from '../../reported.js';
import type { RestateFamily, RestateLayout } from '../instance.js';
import { checkLoglets } from './loglets.js';
import { checkPartition, judgeVersions, type PartitionState } from './partitions.js';
import { checkRaft } from './raft.js';

/** Holds what readers see against the rules of Restate. */
export async function checkRestate(
  view: View,
  layout: RestateLayout,
  found: (finding: Finding) => void,
): Promise<void> {
  const reported = new Reported(found);
  const numberOf = (wanted: RestateFamily) =>
    [...layout.families].find(([, family]) => family === wanted)?.[0];
  const [data, metadata] = [numberOf('data'), numberOf('metadata')];
  if (data !== undefined && metadata !== undefined) {
    if (layout.instance === 'metadata-server') await checkRaft(view, { data, metadata }, reported);
    else await checkLoglets(view, layout, { data, metadata }, reported);
  }
  const states = new Map<bigint, PartitionState>();
  for (const [family, partition] of layout.partitions)
    if (layout.families.get(family) === 'partition')
      states.set(partition, await checkPartition(view, family, partition, reported));
  judgeVersions(states, reported);
  reported.finish();
}
