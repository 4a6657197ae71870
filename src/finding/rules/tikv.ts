import type { Rule } from '../rule.js';

const notTheDisk =
  'Where the files match their checksums the disk gave back what was written: TiKV, its memory, or a repair that took away ' +
  'part of what belongs together was wrong. Where files are damaged as well, it is a consequence of that.';

const fromOtherPeers =
  'Where a majority of the region’s other peers is whole, tombstone this one (tikv-ctl --data-dir DIR tombstone -p PD -r REGION) and let the ' +
  'cluster make a new peer. Copy the directory first.';

export const tikvRules = {
  'tikv/malformed-state': {
    severity: 'error',
    title: 'State that TiKV keeps does not decode',
    meaning:
      'The state of a region, how far it has applied its log, its raft state or an entry of its log is no protobuf message of ' +
      'that kind, or names another region or index than its key. TiKV reads all of them when it starts and ends with an error.',
    origin: `${notTheDisk} Or a much newer TiKV wrote it.`,
    action: fromOtherPeers,
    references: ['pingcap/kvproto proto/raft_serverpb.proto', 'tikv components/keys/src/lib.rs'],
  },
  'tikv/malformed-record': {
    severity: 'error',
    title: 'Record of a transaction does not decode',
    meaning:
      'A key in column family write or lock is not a memcomparable key with the timestamp that belongs there, or its value is no ' +
      'Write or Lock record. Reads of the key fail with "bad format key" or "bad format write data", or TiKV ends with a panic.',
    origin: `${notTheDisk} Or another program wrote into the directory.`,
    action: fromOtherPeers,
    references: ['tikv components/txn_types/src/write.rs', 'tikv components/txn_types/src/lock.rs'],
  },
  'tikv/overlapping-regions': {
    severity: 'error',
    title: 'Two regions claim the same keys',
    meaning:
      'Regions of a store never overlap. TiKV, which finds a region by the key that it ends at, loses sight of one of them when ' +
      'it starts, or two raft groups write into the same keys. The region with the higher version is the later owner: a split or merge raised it.',
    origin:
      'The state of a region that was split, merged or moved away came back: a repair dropped newer tables or logs, or ' +
      `directories of different times were mixed. ${notTheDisk}`,
    action:
      'Ask PD for both regions (pd-ctl region ID). Tombstone the peer of the older epoch with tikv-ctl, on a copy first.',
    references: ['tikv components/raftstore/src/store/fsm/store.rs'],
  },
  'tikv/apply-state-missing': {
    severity: 'error',
    title: 'Region has no apply state',
    meaning:
      'For a region with peers the kv database says how far its raft log has been applied. Without it TiKV begins at the first ' +
      'entry, which is long gone, and refuses the region: "log at recorded commit index doesn’t exist, may lose data".',
    origin: `The table or log that held it was lost while the region’s state was kept. ${notTheDisk}`,
    action: fromOtherPeers,
    references: ['tikv components/raftstore/src/store/peer_storage.rs'],
  },
  'tikv/apply-log-mismatch': {
    severity: 'error',
    title: 'Apply state and raft log do not fit together',
    meaning:
      'What has been applied must lie between the entries that were cut off and the last one, and what was committed must be in ' +
      'the log. TiKV refuses to start: "entry at apply index … doesn’t exist, may lose data", "log at recorded commit index … ' +
      'doesn’t exist", in old releases "unexpected raft log index: last_index … < applied_index …".',
    origin:
      'The raft database lost its tail (a machine that went down without sync-log, a repair that cut its WAL further back than ' +
      'the kv database’s), or db and raft are from different times, as after restoring one of them.',
    action:
      `${fromOtherPeers} If several stores are hit, unsafe recovery is the last resort. Cutting the kv database back by as much ` +
      'is not a repair: other regions would lose what they acknowledged.',
    references: [
      'pingcap/tidb#4731',
      'pingcap/tidb#17099',
      'tikv components/raftstore/src/store/peer_storage.rs',
    ],
  },
  'tikv/raft-log-gap': {
    severity: 'error',
    title: 'Raft log lacks entries in its middle',
    meaning:
      'Entries from the one after the cut to the last must all be there. Those after the applied index are applied again at ' +
      'start, and TiKV ends with a panic at the first that is missing; older ones are needed by followers that lag behind.',
    origin: `A table or log of the raft database was lost or removed. ${notTheDisk}`,
    action: fromOtherPeers,
    references: ['tikv components/raftstore/src/store/entry_storage.rs'],
  },
  'tikv/raft-log-unread': {
    severity: 'note',
    title: 'Raft log beside the store is not read',
    meaning:
      'How far each region has applied its log can only be held against the log, and that does not open: a file of raft-engine is ' +
      'damaged, a region’s log in it has a hole, or the raft database is damaged.',
    origin:
      'TiKV keeps its raft log in raft-engine by default since 6.1, before that in a RocksDB database under raft.',
    action:
      'Scan it by itself first: kvdoctor scan ../raft-engine, or ../raft. tikv-ctl raft-engine-ctl looks into raft-engine, too.',
    references: ['tikv/raft-engine'],
  },
  'tikv/missing-value': {
    severity: 'error',
    title: 'Committed write has no value',
    meaning:
      'A put in column family write, or a lock that is about to be committed, has its value in column family default under the ' +
      'time at which the transaction began, and it is not there. Reads of the key end in "default not found". Of a version that ' +
      'newer ones hide it is a note: garbage collection removes the value first.',
    origin: `The table or log that held the value was lost while the write was kept. ${notTheDisk}`,
    action:
      `${fromOtherPeers} Where no other peer has the value, tikv-ctl recover-mvcc removes the write, and the key goes back to ` +
      'the version before.',
    references: ['tikv src/storage/mvcc/reader', 'tikv src/server/debug.rs'],
  },
  'tikv/orphan-value': {
    severity: 'note',
    title: 'Values belong to no write',
    meaning:
      'Column family default holds values to which neither a write nor a lock belongs. Nobody reads them; they take up space. ' +
      'Many of them beside damage in column family write are writes that were lost.',
    origin:
      'Transactions that were rolled back, garbage collection that was interrupted, or tables of column family write that are lost.',
    action: 'Nothing, unless tables of column family write are damaged. tikv-ctl recover-mvcc removes them.',
    references: ['tikv src/server/debug.rs'],
  },
  'tikv/stale-lock': {
    severity: 'warning',
    title: 'Lock is older than a commit of its key',
    meaning:
      'A lock keeps others from committing to its key, so no commit can be newer than the time at which it was taken, and the ' +
      'commit of its own transaction removes it. Readers of the key wait for it, and resolving it may write a second time.',
    origin: `A deletion in column family lock was lost with a table or the tail of a log. ${notTheDisk}`,
    action:
      'tikv-ctl recover-mvcc removes such locks. Look first whether the same damage took more than locks.',
    references: ['tikv src/server/debug.rs'],
  },
  'tikv/data-outside-regions': {
    severity: 'note',
    title: 'Keys belong to no region of this store',
    meaning:
      'Data lies where no region of this store is. It is not served. TiKV removes the data of a peer that moved away in the ' +
      'background; where the state of the region was lost, it is the region’s data.',
    origin:
      'A peer that was moved away or merged, and whose data had not been removed yet; or region states that were lost.',
    action:
      'Nothing, unless tables of column family raft are damaged or missing: then compare with PD which regions this store should have.',
    references: ['tikv components/raftstore/src/store/worker/region.rs'],
  },
} as const satisfies Record<`tikv/${string}`, Rule>;
