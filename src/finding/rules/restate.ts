import type { Rule } from '../rule.js';

const notTheDisk =
  'Where the files have no other findings they match their checksums, so the disk gave back what was written. Else a record ' +
  'or block that could not be read held it: see the findings of the files first.';

const rejoin =
  'The other metadata servers hold the same log: compare with one of them. Where a majority of them is whole, remove this ' +
  'server’s directory and let it join again as a new member; never copy files from one server to another.';

const otherLogServers =
  'Where the log is replicated the other log servers of its node set hold the record: restatectl shows the log. ' +
  'Else restore a snapshot of the partition that is newer than what is missing.';

const partitionStore =
  'Remove the directory of the partition store while the node is down: it is built again from a snapshot and the log, ' +
  'as far as the log has not been trimmed.';

const raftSource = 'restate crates/metadata-server/src/raft/storage/rocksdb.rs';
const logSource = 'restate crates/log-server/src/rocksdb_logstore/store.rs';
const partitionSource = 'restate crates/partition-store/src/keys.rs';

export const restateRules = {
  'restate/unknown-key': {
    severity: 'warning',
    title: 'Key is not one that Restate writes there',
    meaning:
      'Each column family of Restate has keys of a few known forms. The server stops with a panic where it meets another one ' +
      'while it decodes, or never looks at it.',
    origin: `A newer Restate wrote a table that kvdoctor does not know; or another program wrote here. ${notTheDisk}`,
    action: 'kvdoctor find --key-hex shows when it was written and by which batch.',
    references: [raftSource, logSource, partitionSource],
  },
  'restate/undecodable-value': {
    severity: 'error',
    title: 'Value of Restate does not decode',
    meaning:
      'A raft entry, a state of raft, a record of a log or a trim point is not written the way that Restate writes it, or says ' +
      'that it is another one than its key does. The server fails when it reads it.',
    origin: `Memory that changed before the value was written, or a mix of two databases. ${notTheDisk}`,
    action: `kvdoctor inspect shows the bytes. ${rejoin}`,
    references: [raftSource, 'restate crates/log-server/src/rocksdb_logstore/record_format.rs'],
  },
  'restate/raft-log-gap': {
    severity: 'error',
    title: 'Raft entries are missing in between',
    meaning:
      'The log of a metadata server has all entries from the one after its snapshot to the last. With a hole the server cannot ' +
      'hand the entries on or apply them: it reports the storage as unavailable and does not take part.',
    origin: `Damage in the middle of a log that a recovery mode skipped (skip-any-corrupted), or a table that is gone. ${notTheDisk}`,
    action: `Do not keep a repair that leaves holes: choose one that ends the log before them. ${rejoin}`,
    references: [raftSource, 'restatedev/restate#3161'],
  },
  'restate/snapshot-behind-log': {
    severity: 'error',
    title: 'Raft log begins after the end of its snapshot',
    meaning:
      'Entries are removed once a snapshot has them, so the log begins at the latest with the entry after the snapshot. ' +
      'Here entries are in neither: the metadata that they changed is lost on this server.',
    origin: `The newer snapshot is lost, while the removal of the entries is not. ${notTheDisk}`,
    action: rejoin,
    references: [raftSource],
  },
  'restate/commit-out-of-range': {
    severity: 'error',
    title: 'Committed raft entry is not in the log',
    meaning:
      'The hard state says how far the log is committed. raft-rs stops at the start with "hs.commit … is out of range" when that ' +
      'entry lies after the end of the log or before its beginning. After the end, entries are lost that a majority relied on.',
    origin:
      `The end of the log was lost and a later state was not (skip-any-corrupted, a salvage, an older table), or the other way ` +
      `round. ${notTheDisk}`,
    action: `A repair that ends the WAL earlier keeps both together: kvdoctor simulate --application shows the modes. ${rejoin}`,
    references: ['raft-rs src/raft.rs', raftSource],
  },
  'restate/term-backwards': {
    severity: 'error',
    title: 'Term of a raft entry is lower than the one before',
    meaning:
      'Terms never decrease along a log. Entries of an older leader stand after those of a newer one: some were overwritten, ' +
      'and the overwriting is lost.',
    origin: `Removals or writes that a recovery mode skipped. ${notTheDisk}`,
    action: rejoin,
    references: [raftSource],
  },
  'restate/log-gap': {
    severity: 'error',
    title: 'Records of a loglet are missing',
    meaning:
      'A local loglet holds every record from its trim point to the last that it released: a hole stops the partition that reads ' +
      'it. A log server holds those of its copies only, so holes are usual there and a note; a warning where no other node has ' +
      'ever written to this one.',
    origin: `On a log server: the record has its copies on other nodes. Else ${notTheDisk.charAt(0).toLowerCase()}${notTheDisk.slice(1)}`,
    action: `On a local loglet do not keep a repair that leaves holes. ${otherLogServers}`,
    references: [logSource, 'restate crates/bifrost/src/providers/local_loglet/keys.rs'],
  },
  'restate/log-beginning-gone': {
    severity: 'error',
    title: 'Records are missing before the first of a loglet',
    meaning:
      'Records are removed only by a trim, which leaves a trim point. Here the first record that is there lies after the trim ' +
      'point, or there is none: the server reads the log as if those records had never been written, and state that was built ' +
      'from them is not built again. A log server that joined late rightly lacks the beginning (restate/log-gap). But ' +
      'it stores the sequencer in one batch with the first record that it gets: that record is gone, so records were lost here.',
    origin: `A table of the log is gone, and a repair went on without it. ${notTheDisk}`,
    action: `Do not start a node on it: look for the table (kvdoctor scan names it) in backups and older copies. ${otherLogServers}`,
    references: [logSource, 'restate crates/log-server/src/loglet_worker.rs'],
  },
  'restate/marker-missing': {
    severity: 'error',
    title: 'Storage marker of Restate is missing',
    meaning:
      'A log server and a metadata server write a marker before anything else. A log server without it takes its data for lost: ' +
      'it says "The log-server marker is missing", marks itself as data-loss in the cluster’s metadata for good, and stops. A ' +
      'metadata server without it provisions itself anew, over what is there.',
    origin: `The table with column family metadata is gone, and a repair went on without it. ${notTheDisk}`,
    action:
      'Do not start the node: the first start is what makes it final. Look for the lost table in backups and older copies of the ' +
      'directory, and put it back.',
    references: [
      'restate crates/log-server/src/service.rs',
      'restate crates/metadata-server/src/raft/server/uninitialized.rs',
    ],
  },
  'restate/trim-beyond-tail': {
    severity: 'error',
    title: 'Loglet is trimmed beyond its tail',
    meaning:
      'Records up to the trim point are removed together with the change of the trim point, and a loglet’s tail is computed from ' +
      'its last record. Here all records lie at or before the trim point and are still there: the server takes a tail that is ' +
      'lower than the trim point, and may give offsets out again.',
    origin: `The removal was lost and the trim point was not: a table with the range tombstone is gone. ${notTheDisk}`,
    action: otherLogServers,
    references: [logSource],
  },
  'restate/trimmed-record': {
    severity: 'warning',
    title: 'Trimmed records are there again',
    meaning:
      'Records at or below the trim point were removed by a range deletion in the batch that moved it. They take up space and ' +
      'are not served; that they are back says that a deletion was lost, and others may be.',
    origin: `A table with the range tombstone is gone, or an older one came back. ${notTheDisk}`,
    action: 'kvdoctor scan shows missing and obsolete tables. The records themselves do no harm.',
    references: [logSource],
  },
  'restate/storage-version-missing': {
    severity: 'error',
    title: 'Partition has lost the version of its tables',
    meaning:
      'Since 1.5 each partition says how its tables are laid out. Restate 1.6 and later take a partition without that for one of ' +
      'before 1.5 and block it: "restate-server cannot perform data migration … Cannot upgrade from version <1.5". Another ' +
      'partition of this store has its version, so this one had it too, and more of it is likely to be lost.',
    origin: `The table or block that held it is lost, and a repair went on without it. ${notTheDisk}`,
    action: partitionStore,
    references: ['restate crates/partition-store/src/migrations.rs', partitionSource],
  },
  'restate/wrong-partition': {
    severity: 'error',
    title: 'Key of one partition lies in another’s column family',
    meaning:
      'Tables of the partition store that go by partition carry its number in their keys, and each partition has a column family ' +
      'of its own. The partition that it belongs to does not see this key.',
    origin: `A table was attached to the wrong column family, by a repair or a copy. ${notTheDisk}`,
    action: partitionStore,
    references: [partitionSource],
  },
  'restate/journal-gap': {
    severity: 'warning',
    title: 'Journal of an invocation lacks entries',
    meaning:
      'The entries of a journal are numbered from 0 without holes. An invocation whose journal has one cannot be replayed and ' +
      'is stuck.',
    origin: `A table or block of the partition store is lost. ${notTheDisk}`,
    action: partitionStore,
    references: ['restate crates/partition-store/src/journal_table_v2/mod.rs'],
  },
} as const satisfies Record<`restate/${string}`, Rule>;
