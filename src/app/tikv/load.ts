import type { ProfileFacts } from '../profile.js';
import { decodeTikvKey } from './keys.js';
import { Regions } from './regions.js';
import { decodeRegionState, decodeStoreIdent, type StoreIdent } from './states.js';

/** What TiKV says in a database of the regions and of the store that it is part of. */
export interface Store {
  regions: Regions;
  /** Absent where the database does not have it: a raft log, a tablet. */
  ident?: StoreIdent;
}

const REGION_STATES = Uint8Array.of(0x01, 0x03);
const STORE_IDENT = Uint8Array.of(0x01, 0x01);

/** Reads the states of regions and the store's ident. States that do not decode are skipped. */
export async function loadStore(facts: Pick<ProfileFacts, 'entries'>): Promise<Store> {
  const collector = Regions.collector();
  await facts.entries(
    'raft',
    (bytes, value) => {
      if (bytes[0] !== REGION_STATES[0] || bytes[1] !== REGION_STATES[1]) return false;
      const state = decodeTikvKey(bytes)?.kind === 'region-state' ? decodeRegionState(value) : undefined;
      return state === undefined || collector.add(state);
    },
    REGION_STATES,
  );
  let ident: StoreIdent | undefined;
  await facts.entries(
    'default',
    (bytes, value) => {
      if (decodeTikvKey(bytes)?.kind === 'store-ident') ident = decodeStoreIdent(value);
      return false;
    },
    STORE_IDENT,
  );
  return { regions: collector.finish(), ...(ident && { ident }) };
}
