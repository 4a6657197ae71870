import type { Milestone, Symptom } from '../log-knowledge.js';

/** Messages of Restate (1.5 to 1.7). A message stands on lines of its own, below the one with time and level. */
export const restateSymptoms: readonly Symptom[] = [
  {
    id: 'restate-metadata-store',
    pattern: /building metadata store failed: /i,
    anchors: ['building metadata store failed'],
    severity: 'error',
    meaning: 'Restate’s metadata server does not open its database; what RocksDB says of it stands after.',
    look: 'replicated-metadata-server/ below base_dir',
    causes: ['rot', 'torn', 'missing'],
    action:
      'The status after it is the message to follow. Where bytes are proven (--strategy heal) the node then has all its state; ' +
      'where the log must be cut, raft may have acknowledged what is lost.',
    next: ['kvdoctor scan {dir}', 'kvdoctor simulate --application {dir}'],
    rules: ['wal', 'sst', 'manifest', 'directory', 'batch'],
    references: ['restatedev/restate#3154', 'restate crates/node/src/lib.rs'],
  },
  {
    id: 'restate-log-server',
    pattern: /building log-server failed: /i,
    anchors: ['building log-server failed'],
    severity: 'error',
    meaning: 'Restate’s log server does not open its database; what RocksDB says of it stands after.',
    look: 'log-store/ below base_dir',
    causes: ['rot', 'missing', 'torn'],
    action:
      'The status after it is the message to follow. Everything that the node keeps is built from this log: keep a copy, and do not ' +
      'start the node on a repair that loses records or the storage marker.',
    next: ['kvdoctor scan {dir}', 'kvdoctor simulate --application {dir}'],
    rules: ['wal', 'sst', 'manifest', 'directory', 'batch'],
    references: ['restate crates/node/src/lib.rs'],
  },
  {
    id: 'restate-marker-missing',
    pattern:
      /log-server marker is missing|it has detected that it has lost its data|storage-state as `data-loss`/i,
    anchors: [
      'log-server marker is missing',
      'it has detected that it has lost its data',
      'storage-state as `data-loss`',
    ],
    severity: 'error',
    meaning:
      'The log server’s database is there and the marker that it wrote first is not: it takes all its data for lost and stops.',
    look: 'log-store/ below base_dir: the storage marker in column family metadata, and the table that held it',
    causes: ['missing', 'software'],
    action:
      'A table is gone, or a repair went on without it; or the directory is another node’s or empty. The cluster’s metadata says ' +
      '`data-loss` from the first start on: bring back log-store and replicated-metadata-server of one moment from a backup, ' +
      'with the lost table.',
    next: ['kvdoctor scan --application {dir}'],
    rules: ['restate/marker-missing', 'directory'],
    references: ['restate crates/log-server/src/service.rs'],
  },
  {
    id: 'restate-log-read',
    pattern: /Failed to iterate over log store/i,
    anchors: ['failed to iterate over log store'],
    severity: 'error',
    meaning: 'The log server cannot read records; partitions that need them wait and try again without end.',
    look: 'log-store/ below base_dir, the table that the status names',
    causes: ['rot'],
    action:
      'Where the bytes are proven (--strategy heal) nothing is lost. Else restore the table from a backup.',
    next: ['kvdoctor scan {dir}', 'kvdoctor repair --strategy heal --dry-run {dir}'],
    rules: ['sst', 'directory'],
    references: ['restate crates/log-server/src/rocksdb_logstore/store.rs'],
  },
  {
    id: 'restate-partition-blocked',
    pattern: /partition is blocked; restate-server cannot perform data migration/i,
    anchors: ['partition is blocked'],
    severity: 'error',
    meaning: 'A partition has no storage version, and Restate takes it for one of a release before 1.5.',
    look: 'db/ below base_dir: the state machine’s variables of that partition',
    causes: ['missing', 'configuration'],
    action:
      'After a repair of db that lost entries this is what is left of the partition: move the directory db away while the node is ' +
      'stopped, it is built again from the log. Else the upgrade left out 1.5.',
    next: ['kvdoctor scan --application {dir}'],
    rules: ['restate/storage-version-missing', 'directory'],
    references: ['restate crates/partition-store/src/migrations.rs'],
  },
  {
    id: 'restate-partition-stops',
    pattern: /Partition processor exited unexpectedly/i,
    anchors: ['partition processor exited unexpectedly'],
    severity: 'error',
    meaning:
      'A partition stopped; the node starts it again every few seconds. The reason stands below, after err.',
    look: 'the line after it: a status of RocksDB is about db/ below base_dir',
    causes: ['rot', 'missing', 'software'],
    action: 'The status after err is the message to follow.',
    next: ['kvdoctor scan {dir}'],
    rules: ['sst', 'manifest', 'directory', 'restate'],
    references: ['restate crates/worker/src/partition_processor_manager.rs'],
  },
  {
    id: 'restate-fenced',
    pattern: /node N\d+:\d+ was shut down or removed|status: SequencerMismatch/i,
    anchors: ['was shut down or removed', 'status: sequencermismatch'],
    severity: 'warning',
    meaning:
      'The node is fenced: its metadata is after what it said before, so its new generation is taken for an older one.',
    look: 'the end of the newest *.log of replicated-metadata-server',
    causes: ['torn', 'truncated'],
    action:
      'The cut end of that log held what raft had acknowledged. Stop the node and start it again: a second start has all state.',
    next: ['kvdoctor scan {dir}'],
    rules: ['wal/torn-tail'],
    references: ['restatedev/restate#3161'],
  },
];

/** How far a server of Restate got. */
export const restateMilestones: readonly Milestone[] = [
  { id: 'restate-start', pattern: /Starting Restate Server \d/i, anchors: ['starting restate server'] },
  // a part of it that logs has opened what it needs
  { id: 'restate-work', pattern: /\brestate_(?!server\b)[a-z_]+/i, anchors: ['restate_'] },
];
