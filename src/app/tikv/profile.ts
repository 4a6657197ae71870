import type { DetectProfile, Profile, ProfileFacts } from '../profile.js';
import { tikvBatchText } from './batch-text.js';
import { checkTikv } from './check/check.js';
import { tikvKeyText, tikvValueText } from './key-text.js';
import { decodeTikvKey } from './keys.js';
import type { TikvLayout } from './layout.js';
import { loadStore } from './load.js';
import { tikvRangeText } from './range.js';
import type { TikvFamily } from './region-text.js';
import { Regions } from './regions.js';

/** A database with these column families is TiKV's, even when they are empty. */
const KV_FAMILIES = ['default', 'lock', 'write', 'raft'] as const;
/** With partitioned raft-kv each region has its own database; states are elsewhere. */
const TABLET_FAMILIES = ['default', 'lock', 'write'] as const;
/** Keys by which a raft log or a tablet is known. */
const SAMPLED = 16;

/** TiKV: the kv database by its column families, the raft log by its keys. */
export const detectTikv: DetectProfile = async (facts) => {
  const byName = new Map(facts.columnFamilies.map(({ id, name }) => [name, id]));
  if (KV_FAMILIES.every((name) => byName.has(name))) {
    const families = new Map<number, TikvFamily>(KV_FAMILIES.map((name) => [byName.get(name)!, name]));
    return tikvProfile('TiKV', { families, store: await loadStore(facts) }, facts);
  }
  if (
    facts.columnFamilies.length === TABLET_FAMILIES.length &&
    TABLET_FAMILIES.every((name) => byName.has(name))
  ) {
    const families = new Map<number, TikvFamily>(TABLET_FAMILIES.map((name) => [byName.get(name)!, name]));
    if (await isTablet(facts))
      return tikvProfile(tabletTitle(facts.directory), { families, store: { regions: Regions.none } }, facts);
  }
  if (!(await isRaftLog(facts))) return undefined;
  const families = new Map<number, TikvFamily>([[byName.get('default')!, 'raft-log']]);
  return tikvProfile('TiKV raft log', { families, store: { regions: Regions.none } }, facts);
};

/** Its column families have names that others might give theirs. */
async function isTablet({ sample }: ProfileFacts): Promise<boolean> {
  const keys = [...(await sample('write', SAMPLED)), ...(await sample('default', SAMPLED))];
  return keys.length > 0 && keys.every((key) => decodeTikvKey(key) !== undefined);
}

/** Tablets lie in directories that are called by their region and an index: `tablets/12_5`. */
function tabletTitle(directory: string): string {
  const region = /(?:^|[\\/])(\d+)_\d+[\\/]?$/.exec(directory)?.[1];
  return region === undefined ? 'TiKV tablet' : `TiKV tablet of region ${region}`;
}

async function isRaftLog({ columnFamilies, sample }: ProfileFacts): Promise<boolean> {
  if (columnFamilies.length !== 1 || columnFamilies[0].name !== 'default') return false;
  const keys = (await sample('default', SAMPLED)).map(decodeTikvKey);
  const raft = new Set<string | undefined>(['raft-log', 'raft-state', 'region-state', 'apply-state']);
  return (
    keys.some((key) => raft.has(key?.kind)) && keys.every((key) => key !== undefined && key.kind !== 'data')
  );
}

/** What the bytes of a TiKV database mean that is laid out so. */
function tikvProfile(
  title: string,
  layout: TikvLayout,
  facts: Pick<ProfileFacts, 'open' | 'kindOf' | 'directory'>,
): Profile {
  const { regions, ident } = layout.store;
  const detail = [
    ...(ident === undefined ? [] : [`store ${ident.storeId} of cluster ${ident.clusterId}`]),
    ...(regions.held.length === 0 ? [] : [`${regions.held.length} regions`]),
  ];
  return {
    name: 'tikv',
    title,
    ...(detail.length > 0 && { detail: detail.join(', ') }),
    recovery: [...layout.families.values()].includes('raft-log') ? tikvRecovery.raftLog : tikvRecovery.kv,
    keyText: (family, key) => tikvKeyText(layout, family, key),
    valueText: (family, key, value) => tikvValueText(layout, family, key, value),
    batchWords: (ops) => tikvBatchText(ops, layout),
    rangeText: (_, smallest, largest) => tikvRangeText(layout, smallest, largest),
    check: (view, found) => checkTikv(view, layout, facts, found),
  };
}

/**
 * How TiKV comes back after a crash (tikv components/raftstore/src/store/fsm/apply.rs, peer_storage.rs): said where recovery
 * modes are shown. The mode is a setting, `rocksdb.wal-recovery-mode` and `raftdb.wal-recovery-mode`.
 */
const tikvRecovery = {
  kv:
    'TiKV writes data together with how far it has applied its raft log, without sync: what is missing at the end is applied again, ' +
    'so a cut there loses nothing as long as the raft log is whole. What is missing in the middle does not come back.',
  raftLog:
    'TiKV syncs raft entries before it acknowledges them, unless an old release ran with sync-log turned off: a torn last record was ' +
    'acknowledged to nobody. Where whole entries are lost, the kv database may have applied more than the log holds: ' +
    'kvdoctor scan --application of the kv database tells.',
} as const;
