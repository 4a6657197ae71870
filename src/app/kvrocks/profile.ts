import type { DetectProfile, Profile } from '../profile.js';
import { batchWords } from './batch-words.js';
import { checkKvrocks } from './check/check.js';
import { checkReplicationIds } from './check/replication-ids.js';
import { keyText, rangeText } from './key-text.js';
import { type KvrocksLayout, kvrocksLayout } from './layout.js';
import { valueText } from './value-text.js';

/** Kvrocks, told by the names of its column families. */
export const detectKvrocks: DetectProfile = async (facts) => {
  const layout = await kvrocksLayout(facts);
  return layout && kvrocksProfile(layout);
};

/** What the bytes of a Kvrocks database mean whose keys are written so. */
export function kvrocksProfile(layout: KvrocksLayout): Profile {
  return {
    name: 'kvrocks',
    title: 'Kvrocks',
    ...(layout.slots && { detail: 'keys carry cluster slots' }),
    keyText: (family, key) => keyText(layout, family, key),
    valueText: (family, key, value) => valueText(layout, family, key, value),
    batchWords: (ops) => batchWords(ops, layout),
    rangeText: (family, smallest, largest) => rangeText(layout, family, smallest, largest),
    check: (view, found) => checkKvrocks(view, layout, found),
    checkLogs: (database, view, found) => checkReplicationIds(database, view, layout, found),
  };
}
