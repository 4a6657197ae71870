import type { Rule } from '../rule.js';

/** What only shows when several files are held against each other. */
export const continuityRules = {
  'sequence/gap-between-wals': {
    severity: 'warning',
    title: 'Sequence numbers are missing between two WALs',
    meaning:
      'The WAL starts at a higher sequence number than the one before it ends at. Either writes in between never went to a WAL (disableWAL, an ingested file), or a WAL was lost, emptied, or cut exactly at the end of a record. No recovery mode of RocksDB notices such a hole without WAL tracking: the database opens and the writes in the hole are gone in silence. LOG may tell which: where it names a table or a log that had these sequences and that is gone, this is an error.',
    origin:
      'A WAL deleted by hand or left out of a copy; a file system that lost the tail of an unsynced file after a power cut; a backup taken while files were changing. Also, harmlessly, writes with the WAL turned off.',
    action:
      'Ask whether the application writes with disableWAL or ingests files. If not, look for the missing file in the archive, in backups and in lost+found, and keep the directory as it is until you know. `kvdoctor simulate` shows what opening would recover.',
    references: ['rocksdb db/db_impl/db_impl_open.cc (RecoverLogFiles)', 'facebook/rocksdb#6963'],
  },
  'sequence/gap-before-first-wal': {
    severity: 'warning',
    title: 'The oldest live WAL starts later than the MANIFEST ends',
    meaning:
      'The first WAL that recovery reads begins at a higher sequence number than the last one that the MANIFEST knows to be in tables. The writes in between are in neither place: an older WAL is missing, or they were written with the WAL turned off. LOG may tell which: where it names a table or a log that had these sequences and that is gone, this is an error.',
    origin: 'A WAL that was deleted, emptied, or not copied; writes with disableWAL that were never flushed.',
    action:
      'Look for the older WAL in the archive and in backups. If the application writes with disableWAL, the hole is what that option costs after a crash.',
    references: ['rocksdb db/db_impl/db_impl_open.cc'],
  },
  'sequence/overlap-between-wals': {
    severity: 'error',
    title: 'A WAL repeats sequence numbers of the one before it',
    meaning:
      'Two live WALs hold batches with the same sequence numbers. Sequence numbers are never given twice, so one of the files is not what its name says: a copy of another WAL, an older version of itself, or the WAL of another database. Replay applies both, or stops.',
    origin: 'A file restored or copied under the wrong name; files of two databases or two backups mixed.',
    action:
      'Compare the two files (`kvdoctor inspect`), find out which one is foreign, and restore the right one from the copy it came from.',
    references: ['rocksdb db/db_impl/db_impl_open.cc (sequence number set backwards)'],
  },
  'sequence/last-sequence-too-low': {
    severity: 'error',
    title: 'Live data is newer than the last sequence the engine would start from',
    meaning:
      "A live table holds sequence numbers above the MANIFEST's last_sequence, and no WAL raises it. The engine opens silently, yet rows above that number are invisible to every read, and new writes are given numbers that are already used.",
    origin: 'A MANIFEST whose tail was lost; a table of a later state beside an older MANIFEST.',
    action:
      'Do not let the engine write here. Find a MANIFEST of the same state as the tables (backup, older copy), or rebuild it.',
    references: ['rocksdb db/version_set.cc'],
  },
  'wal/obsolete-number': {
    severity: 'error',
    title: 'A WAL that recovery does not read holds writes that nothing else has',
    meaning:
      'By its number everything in the WAL has been flushed, so recovery passes over it and the engine deletes it. Its sequence numbers are ' +
      'above all that tables and the other WALs hold: its content is that of a newer WAL. Opened now, the writes are gone, and where an ' +
      'obsolete WAL took the place of the newer one, old operations are applied again.',
    origin:
      'Two WALs whose names were exchanged, or a WAL that was renamed or restored under an older one’s name.',
    action:
      'Do not open it with the engine. Copy the file, and give it the number of the WAL that its content belongs to: the one that the message ' +
      'names as read, or the one that the MANIFEST says was begun. kvdoctor repair does so where it goes on from the tables and the other one ' +
      'holds nothing that is not in them.',
    references: [
      'rocksdb db/db_impl/db_impl_open.cc (RecoverLogFiles)',
      'rocksdb db/db_impl/db_impl_files.cc',
    ],
  },
  'wal/emptied': {
    severity: 'warning',
    title: 'A WAL that recovery needs is empty, and newer ones are not',
    meaning:
      'RocksDB begins a new WAL only when the one before it holds something. An empty one in the middle was emptied afterwards, or its content never reached the disk, and the writes in it are gone. No recovery mode notices without WAL tracking.',
    origin:
      'A power cut that took the data of an unsynced file but not its name; a copy that ran out of space; `> file` by hand.',
    action:
      'Look for the file in the archive and in backups before the engine opens the directory and removes it. `kvdoctor simulate` shows what is left without it.',
    references: ['rocksdb db/db_impl/db_impl_write.cc (SwitchMemtable)'],
  },
  'wal/predecessor-mismatch': {
    severity: 'error',
    title: 'A WAL does not follow the file that it was written after',
    meaning:
      "The WAL's first record names the WAL before it, with its size and last sequence number, and what is in the directory differs. The predecessor was removed, cut or replaced after it was closed: acknowledged writes are gone.",
    origin: 'A WAL deleted by hand, truncated by a file system repair, or restored in another version.',
    action:
      'Restore the named predecessor. With `track_and_verify_wals` RocksDB refuses to open (or, in point-in-time mode, stops before this WAL); `kvdoctor simulate` tells which.',
    references: ['rocksdb db/log_format.h (kPredecessorWALInfoType, 9.11)'],
  },
  'wal/outdated': {
    severity: 'error',
    title: 'A WAL that recovery reads holds writes from before it was begun',
    meaning:
      'Everything in it is older than a table that was there when the WAL of this number was begun: it is the content of an older WAL. Recovery ' +
      'applies it again, and where a compaction has set the sequences of newer versions to 0 readers get the older ones. What the WAL of this ' +
      'number held is not in it.',
    origin: 'A WAL that was exchanged with an older one, or that an older one was copied or restored over.',
    action:
      'Do not open it with the engine. Look for its content under the number of an older WAL, and exchange the two; else put it back from a ' +
      'copy (kvdoctor repair --from).',
    references: ['rocksdb db/db_impl/db_impl_open.cc (RecoverLogFiles)', 'rocksdb db/flush_job.cc'],
  },
  'wal/unknown-column-family': {
    severity: 'error',
    title: 'A WAL writes to a column family that the MANIFEST never created',
    meaning:
      'Batches name a column family id above every id that the MANIFEST has given out. The edit that created the column family is lost, and recovery skips its writes silently.',
    origin: 'The tail of the MANIFEST was lost or an older MANIFEST was put back beside newer WALs.',
    action: 'Find the newer MANIFEST. Opening the database now drops these writes for good.',
    references: ['rocksdb db/write_batch.cc (ColumnFamilyMemTablesImpl::Seek)'],
  },
  'blob/dangling-reference': {
    severity: 'error',
    title: 'A table refers to a blob that is not there',
    meaning:
      'Keys of a live table have their values in a blob file that the MANIFEST does not name, at an offset after its end, or at one where no record of that key stands. Reading those keys fails.',
    origin:
      "A blob file lost or cut, a table of another state, a repair that forgot blob files (RocksDB's RepairDB does).",
    action: 'Restore the blob file. `kvdoctor find --key` tells which keys are hit.',
    references: ['rocksdb db/blob/blob_index.h', 'rocksdb db/repair.cc'],
  },
} as const satisfies Record<string, Rule>;
