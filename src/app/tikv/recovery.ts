/**
 * How TiKV comes back after a crash (tikv components/raftstore/src/store/fsm/apply.rs, peer_storage.rs): said where recovery
 * modes are shown. The mode is a setting, `rocksdb.wal-recovery-mode` and `raftdb.wal-recovery-mode`.
 */
export const tikvRecovery = {
  kv:
    'TiKV writes data together with how far it has applied its raft log, without sync: what is missing at the end is applied again, ' +
    'so a cut there loses nothing as long as the raft log is whole. What is missing in the middle does not come back.',
  raftLog:
    'TiKV syncs raft entries before it acknowledges them, unless an old release ran with sync-log turned off: a torn last record was ' +
    'acknowledged to nobody. Where whole entries are lost, the kv database may have applied more than the log holds: ' +
    'kvdoctor scan --application of the kv database tells.',
} as const;
