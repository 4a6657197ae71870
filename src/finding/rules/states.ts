import type { Rule } from '../rule.js';

/** Directories whose files are not of one moment, or not of one history. */
export const stateRules = {
  'directory/manifest-older': {
    severity: 'error',
    title: 'The MANIFEST is older than the directory',
    meaning:
      'Tables that no edit of the MANIFEST names hold writes beyond everything that it and its logs reach, were ingested before writes ' +
      'that the logs hold, or took the place of tables that it names and that are gone. The engine refuses to open, or opens an old state and deletes the newer tables.',
    origin:
      'A copy of a running database that took the MANIFEST first and the tables later, or a MANIFEST put back from an older copy.',
    action:
      'Do not open it with the engine: it deletes tables that the MANIFEST does not name. kvdoctor repair --strategy auto takes ' +
      'them over. A copy is safe when it is made by a checkpoint, a backup, or with the server stopped.',
    references: ['facebook/rocksdb#6430', 'rocksdb db/db_impl/db_impl_files.cc'],
  },
  'directory/manifest-newer': {
    severity: 'error',
    title: 'The MANIFEST goes further than the files that are here',
    meaning:
      'Its last edits name tables that are not here, while all files of an earlier edit are, or of a moment before its first edit: ' +
      'the files were copied before the MANIFEST was. The engine refuses to open.',
    origin:
      'A copy of a running database that took the tables first and the MANIFEST last, or all of a MANIFEST where only its first ' +
      'bytes belong to a list of live files.',
    action:
      'If the missing tables are nowhere, kvdoctor repair --strategy auto goes back to the last edit whose files are here, or puts ' +
      'the version before its first edit together from the tables, and replays the logs that connect to it. What was written later is lost.',
    references: ['facebook/rocksdb#5069', 'rocksdb db/db_filesnapshot.cc (GetLiveFiles)'],
  },
  'directory/flush-in-wals': {
    severity: 'note',
    title: 'What a missing table held is still in logs',
    meaning:
      'The logs from which the table was flushed are still here, up to the end: replayed again they give all that it held.',
    origin: 'A table that was lost after its flush and before its log was deleted, or left out of a copy.',
    action:
      'kvdoctor repair --strategy auto takes the flush back. Keep the logs; an open of the engine deletes them.',
    references: ['rocksdb db/flush_job.cc'],
  },
  'directory/second-opener': {
    severity: 'error',
    title: 'Two programs had the database open',
    meaning:
      'There are two MANIFESTs, and neither goes on from the other: both were written to at the same time. The files that one ' +
      'program wrote mean nothing to the other, and each deletes what it does not know.',
    origin:
      'A second process on the same directory, where the lock did not hold: a network file system, a container, a deleted LOCK, ' +
      'or ldb without --secondary beside a running server.',
    action:
      'Stop both. kvdoctor repair --strategy auto keeps the history that loses less and says what the other one held; ' +
      'kvdoctor repair --state N takes the other.',
    references: ['facebook/rocksdb#10425', 'facebook/rocksdb#10433'],
  },
  'directory/repairdb-losses': {
    severity: 'error',
    title: 'RepairDB was run here, and lost/ holds what it threw away',
    meaning:
      "RocksDB's own repair put every table on level 0, forgot what it did not find in tables (column families, blob files) and " +
      'may have brought deleted keys back. The MANIFEST and the logs that it set aside in lost/ still lead to the database as ' +
      "it was before. Opened now, the engine deletes the files that the new MANIFEST does not name. LevelDB's drops what it " +
      'cannot read of tables and WALs, and says OK: the finding names the keys of which lost/ holds a newer version than any live file.',
    origin: 'ldb repair, or RepairDB called by a server, on a database that was not as broken as it looked.',
    action:
      'Do not open it. kvdoctor repair --strategy auto goes back to the MANIFEST and the logs in lost/.',
    references: [
      'facebook/rocksdb#13884',
      'trezor/blockbook#890',
      'rocksdb db/repair.cc',
      'leveldb db/repair.cc',
    ],
  },
} as const satisfies Record<`directory/${string}`, Rule>;
