import type { Instance } from './instance.js';

/**
 * How a node of Restate opens each of its databases after a crash, and which records may be cut off the end of a log
 * (restatedev/restate#3154 and #3161; crates/metadata-server raft/storage/rocksdb_builder.rs, crates/log-server
 * rocksdb_logstore/builder.rs, crates/bifrost providers/local_loglet/log_store.rs). No setting chooses the mode.
 */
export const recoveryWords: Readonly<Record<Instance, string>> = {
  'metadata-server':
    'Restate 1.2.0 to 1.3.0 opens it in absolute-consistency mode, 1.3.1 and later in tolerate-corrupted-tail. Writes are synced ' +
    'before they are acknowledged: a torn last record is a raft entry or vote that nobody was told of, and is safe to cut. ' +
    'A record that was whole and is damaged is not.',
  'log-server':
    'Restate opens it in tolerate-corrupted-tail mode. Unless rocksdb-disable-wal-fsync is set, writes are synced before they are ' +
    'acknowledged: a torn last record was acknowledged to nobody, and is safe to cut. Whole records that are lost may have ' +
    'copies on other log servers.',
  'local-loglet':
    'Restate opens it in tolerate-corrupted-tail mode. Unless rocksdb-disable-wal-fsync is set, writes are synced before they are ' +
    'acknowledged: a torn last record was acknowledged to nobody, and is safe to cut. Of whole records there is no other copy.',
  'partition-store':
    'Restate writes it without WALs and replays what is missing from its log, so the recovery mode has no effect. The directory may ' +
    'be removed as a whole: it is built again from a snapshot and the log, as far as the log has not been trimmed.',
};
