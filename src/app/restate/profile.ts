import type { DetectProfile, Profile, ProfileFacts } from '../profile.js';
import { checkRestate } from './check/check.js';
import { decodeKey } from './decode.js';
import { type RestateLayout, restateLayout, titles } from './instance.js';
import { partitionStoreRebuilding } from './rebuilding.js';
import { restateBatchWords, restateKeyText, restateRangeText, restateValueText } from './record-text.js';
import { restateRecovery } from './recovery.js';

/** Restate's databases, each told by its column families, its keys and the name of its directory. */
export const detectRestate: DetectProfile = async (facts) => {
  const layout = await restateLayout(facts);
  return layout && restateProfile(layout, facts);
};

/** `facts` tell what lies beside the database; without them nothing is said of that. */
export function restateProfile(layout: RestateLayout, facts?: ProfileFacts): Profile {
  return {
    name: 'restate',
    title: titles[layout.instance],
    recovery: restateRecovery[layout.instance],
    keyText(columnFamily, key) {
      const decoded = decodeKey(layout, columnFamily, key);
      return decoded && restateKeyText(decoded);
    },
    valueText(columnFamily, key, value) {
      const decoded = decodeKey(layout, columnFamily, key);
      return decoded && restateValueText(layout, decoded, value);
    },
    batchWords: (ops) => restateBatchWords(layout, ops),
    rangeText: (columnFamily, smallest, largest) => restateRangeText(layout, columnFamily, smallest, largest),
    ...(layout.instance === 'partition-store' &&
      facts && { rebuilding: () => partitionStoreRebuilding(layout, facts) }),
    check: (view, found) => checkRestate(view, layout, found),
  };
}
