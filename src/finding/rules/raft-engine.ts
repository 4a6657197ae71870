import type { Rule } from '../rule.js';

const fromOtherPeers =
  'Copy the directory first. A region whose log is damaged is whole on its other peers: where a majority of them is, tombstone ' +
  'this one (tikv-ctl --data-dir DIR tombstone -p PD -r REGION) and let the cluster make a new peer; or rebuild the whole store.';

const modes =
  'With recovery-mode "tolerate-tail-corruption", which TiKV sets where nothing else is said, raft-engine refuses to open over it ' +
  'where the file is not the newest of its queue, and cuts the newest one there. "tolerate-any-corruption" cuts every file, and ' +
  'ends with a panic where a region’s entries then have a hole.';

export const raftEngineRules = {
  'raft-engine/header': {
    severity: 'error',
    title: 'Header of a raft log file is damaged',
    meaning: `A file of raft-engine begins with 53 fixed bytes and its version. Without them none of it is read. ${modes}`,
    origin: 'The disk lost or changed the first block, another program wrote over it, or a copy was cut off.',
    action: `Where only these bytes are wrong, they can be written again: all batches after them are whole. ${fromOtherPeers}`,
    references: ['tikv/raft-engine src/file_pipe_log/format.rs'],
  },
  'raft-engine/batch': {
    severity: 'error',
    title: 'Log batch is damaged',
    meaning: `The header of a batch makes no sense, or the checksum of what it says of its regions does not match. Nothing after it in the file is read. ${modes}`,
    origin:
      'The disk or memory changed bits, or a part of the file was lost. A batch that a killed process did not finish is the last ' +
      'one of the newest file.',
    action: fromOtherPeers,
    references: ['tikv/raft-engine src/log_batch.rs', 'tikv/raft-engine src/file_pipe_log/pipe_builder.rs'],
  },
  'raft-engine/torn-tail': {
    severity: 'warning',
    title: 'Newest raft log file ends in a part of a batch',
    meaning:
      'What a process was writing when it ended. raft-engine cuts it off when it opens (in recovery-mode "absolute-consistency" it ' +
      'refuses). TiKV acknowledges nothing before its log is synced, so nothing that was acknowledged is lost where the disk kept its word.',
    origin:
      'A killed process, a power loss, a copy that was made while TiKV ran, or a file that was cut off.',
    action: 'Nothing, in TiKV’s own directory. In a copy: it is of a moment in the middle of a write.',
    references: ['tikv/raft-engine src/file_pipe_log/pipe_builder.rs'],
  },
  'raft-engine/malformed-batch': {
    severity: 'error',
    title: 'Log batch with a valid checksum does not decode',
    meaning: `The checksum holds, so the disk gave back what was written, and what it is of is no list of entries, commands and key values. ${modes}`,
    origin:
      'A newer raft-engine with kinds that are not known here, or a fault of memory or software before the checksum.',
    action: fromOtherPeers,
    references: ['tikv/raft-engine src/log_batch.rs'],
  },
  'raft-engine/entries': {
    severity: 'error',
    title: 'Entries of a log batch are damaged',
    meaning:
      'The checksum of the entries does not match, or they do not decompress. raft-engine looks at entries only when they are asked ' +
      'for: it opens, and TiKV ends with a panic when it applies or sends one of them. Of the last batch of a file it looks at them ' +
      'when it opens: then the batch is cut off, or the open refused. Of entries that were cut off or written over since it is a note.',
    origin: 'The disk or memory changed bits.',
    action: fromOtherPeers,
    references: ['tikv/raft-engine src/log_batch.rs', 'tikv/raft-engine src/engine.rs'],
  },
  'raft-engine/entry': {
    severity: 'error',
    title: 'Entry is not the one that its batch says',
    meaning:
      'Under the index that the batch names lies an entry of another index, or nothing that decodes. The checksum holds. ' +
      'raft-engine ends with a panic when the entry is asked for.',
    origin: 'A fault of memory or software before the checksum was made.',
    action: fromOtherPeers,
    references: ['tikv/raft-engine src/engine.rs'],
  },
  'raft-engine/log-hole': {
    severity: 'error',
    title: 'Entries of a region do not follow one another',
    meaning:
      'The files hold entries of a region up to an index and go on after it, with nothing between and no command that removed it. ' +
      'raft-engine ends with a panic when it opens, in every recovery mode: "memtable … has a hole".',
    origin:
      'A batch or a file in between was lost: cut off by "tolerate-any-corruption", removed, or replaced by another copy.',
    action: fromOtherPeers,
    references: ['tikv/raft-engine src/memtable.rs'],
  },
  'raft-engine/passed-files': {
    severity: 'note',
    title: 'Raft log files before a missing number',
    meaning:
      'raft-engine reads only the files after the last number that is missing. A purge leaves such files to use them again, so that ' +
      'a killed process ends with them. A file that was lost looks the same: with the store’s kv database beside, kvdoctor scan ' +
      '--application of the data directory tells whether entries are missing.',
    origin: 'A purge that was under way or kept files for reuse; a file that was removed.',
    action: 'Nothing, unless a region’s log is found to lack entries.',
    references: ['tikv/raft-engine src/file_pipe_log/pipe_builder.rs'],
  },
} as const satisfies Record<string, Rule>;
