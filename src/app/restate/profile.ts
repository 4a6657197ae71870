import type { DetectProfile, Profile, ProfileFacts } from '../profile.js';
import { checkRestate } from './check/check.js';
import { decodeKey } from './decode.js';
import { type Instance, type RestateLayout, restateLayout, titles } from './instance.js';
import { partitionStoreRebuilding } from './rebuilding.js';
import { restateBatchWords, restateKeyText, restateRangeText, restateValueText } from './record-text.js';

/** Restate's databases, each told by its column families, its keys and the name of its directory. */
export const detectRestate: DetectProfile = async (facts) => {
  const layout = await restateLayout(facts);
  return layout && restateProfile(layout, facts);
};

/** `facts` describe the files beside the database. Without them nothing is reported about these. */
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

/** Of writes that are synced before they are answered. */
const torn =
  'Writes are synced before they are acknowledged: what a kill tears is a last record that nobody was told of, and is safe to ' +
  'cut. Where the file was cut afterwards, by a copy or a disk, the record may have been acknowledged.';

/**
 * How a node of Restate opens each of its databases after a crash, and which records may be cut off the end of a log
 * (restatedev/restate#3154 and #3161; crates/metadata-server raft/storage/rocksdb_builder.rs, crates/log-server
 * rocksdb_logstore/builder.rs, crates/bifrost providers/local_loglet/log_store.rs). No setting chooses the mode.
 */
const restateRecovery: Readonly<Record<Instance, string>> = {
  'metadata-server':
    `Restate 1.2.0 to 1.3.0 opens it in absolute-consistency mode, 1.3.1 and later in tolerate-corrupted-tail. ${torn} Raft may ` +
    'count on it then, and the first start be fenced (“node … was shut down or removed”, SequencerMismatch); a second start has ' +
    'all. A record that was whole and is damaged is not safe to cut.',
  'log-server':
    'Restate opens it in tolerate-corrupted-tail mode. Where rocksdb-disable-wal-fsync is set, the last writes may be missing. Else: ' +
    `${torn} Whole records that are lost may have copies on other log servers.`,
  'local-loglet':
    'Restate opens it in tolerate-corrupted-tail mode. Where rocksdb-disable-wal-fsync is set, the last writes may be missing. Else: ' +
    `${torn} Of whole records there is no other copy.`,
  'partition-store':
    'Restate writes it without WALs and replays what is missing from its log, so the recovery mode has no effect.',
  'local-metadata-store':
    'Restate up to 1.5 keeps it. Once it holds a seal, its contents are in the replicated metadata server and it is not read any more.',
};
