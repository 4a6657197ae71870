import type { Instance } from './instance.js';

/**
 * How a node of Restate opens each of its databases after a crash, and what a log costs whose torn end is cut off
 * (restatedev/restate#3154 and #3161; crates/log-server rocksdb_logstore/builder.rs, crates/bifrost
 * providers/local_loglet/log_store.rs, crates/metadata-server raft/storage/rocksdb_builder.rs). No setting chooses the mode.
 */
export const recoveryWords: Readonly<Record<Instance, string>> = {
  'metadata-server':
    'Restate 1.2.0 to 1.3.0 opens it in absolute-consistency mode, 1.3.1 and later in tolerate-corrupted-tail. Every write is ' +
    'synced before it is acknowledged, so a record that a crash cut off is a raft entry or vote that nobody was told of: ' +
    'cutting it is safe, and the leader sends the entry again. A record that was whole and is damaged now is another matter: ' +
    'the server may have voted or acknowledged on it, and should then come back as a new member.',
  'log-server':
    'Restate opens it in tolerate-corrupted-tail mode. Unless rocksdb-disable-wal-fsync is set every write is synced before it is ' +
    'acknowledged, so a record that a crash cut off was acknowledged to nobody: cutting it is safe. What else is lost other ' +
    'log servers hold, where the log is replicated.',
  'local-loglet':
    'Restate opens it in tolerate-corrupted-tail mode. Unless rocksdb-disable-wal-fsync is set every write is synced before it is ' +
    'acknowledged, so a record that a crash cut off was acknowledged to nobody: cutting it is safe. Nothing else is: there is no ' +
    'other copy of this log.',
  'partition-store':
    'Restate writes it without a log and flushes all tables at once; what is missing is replayed from the log that the log server ' +
    'or the local loglet holds. The whole directory may be removed: it is built again from there and from snapshots, as far back ' +
    'as the log has not been trimmed.',
};
