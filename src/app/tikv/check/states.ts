import { keyBytes } from '../../../finding/evidence.js';
import type { ProfileFacts } from '../../profile.js';
import type { Reported } from '../../reported.js';
import { decodeTikvKey, type TikvKey } from '../keys.js';
import {
  type ApplyState,
  decodeApplyState,
  decodeRaftState,
  decodeRegionState,
  decodeStoreIdent,
  decodeTikvEntry,
} from '../states.js';

/** Apply states by region. Memory: some 200 bytes a region, at most `MAX_REGIONS` regions. */
export type ApplyStates = ReadonlyMap<bigint, ApplyState>;

/** More regions than this are not one store's. */
const MAX_REGIONS = 500_000;

/** Decodes every key and value of column family raft. */
export async function checkStates(
  facts: Pick<ProfileFacts, 'entries'>,
  reported: Reported,
): Promise<ApplyStates> {
  const applied = new Map<bigint, ApplyState>();
  await facts.entries('raft', (bytes, value) => {
    const key = decodeTikvKey(bytes);
    const wrong = wrongState(key, value);
    if (wrong !== undefined) malformed(reported, bytes, wrong);
    else if (key?.kind === 'apply-state' && applied.size < MAX_REGIONS)
      applied.set(key.region, decodeApplyState(value)!);
    return true;
  });
  return applied;
}

/** The same of a raft log. */
export async function checkLogStates(
  facts: Pick<ProfileFacts, 'entries'>,
  reported: Reported,
): Promise<void> {
  await facts.entries('default', (bytes, value) => {
    const wrong = wrongState(decodeTikvKey(bytes), value);
    if (wrong !== undefined) malformed(reported, bytes, wrong);
    return true;
  });
}

function malformed(reported: Reported, key: Uint8Array, message: string): void {
  reported.report('tikv/malformed-state', { message, evidence: { key: keyBytes(key.slice()) } });
}

/** What is wrong with a value of TiKV's own. */
function wrongState(key: TikvKey | undefined, value: Uint8Array): string | undefined {
  if (key === undefined || key.kind === 'data')
    return 'a key is none of those that TiKV keeps its states under';
  switch (key.kind) {
    case 'region-state': {
      const state = decodeRegionState(value);
      if (state === undefined) return `the state of region ${key.region} does not decode`;
      return state.region.id === key.region
        ? undefined
        : `under the key of region ${key.region} is the state of region ${state.region.id}`;
    }
    case 'apply-state':
      return decodeApplyState(value) ? undefined : `the apply state of region ${key.region} does not decode`;
    case 'raft-state':
      return decodeRaftState(value) ? undefined : `the raft state of region ${key.region} does not decode`;
    case 'raft-log': {
      const entry = decodeTikvEntry(value);
      if (entry === undefined) return `log entry ${key.index} of region ${key.region} does not decode`;
      return entry.index === key.index
        ? undefined
        : `under the key of log entry ${key.index} of region ${key.region} is entry ${entry.index}`;
    }
    case 'store-ident':
      return decodeStoreIdent(value) ? undefined : 'the store’s ident does not decode';
    default:
      return undefined;
  }
}
