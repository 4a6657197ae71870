import type { Rule } from '../rule.js';

export const manifestRules = {
  'manifest/checksum-mismatch': {
    severity: 'error',
    title: 'MANIFEST record checksum does not match',
    meaning:
      'An edit cannot be trusted, and with it nothing after it: RocksDB refuses to open, even if it is the last record. ' +
      'Tables are not affected.',
    origin: 'A flipped bit or an overwritten sector on disk, in a controller, in memory or in a copy.',
    action:
      'If one flipped bit explains the checksum, kvdoctor says which, and heal puts it back. Otherwise a MANIFEST can be ' +
      'written again from the edits that are whole and from the tables.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'manifest/bad-record-length': {
    severity: 'error',
    title: 'MANIFEST record is longer than its block',
    meaning:
      'The length field is wrong; RocksDB refuses to open, or, in the last block, takes everything from here on for a tail and ' +
      'silently loses the edits after it.',
    origin: 'A damaged length field (no checksum covers it), or bytes missing or inserted before it.',
    action:
      'Look at the record with kvdoctor inspect. The true length often follows from where the next record starts.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'manifest/unknown-record-type': {
    severity: 'error',
    title: 'MANIFEST record of a type that does not belong there',
    meaning: 'The checksum is right, so it was written like that; RocksDB stops reading at it or ignores it.',
    origin: 'Another kind of log under this name, a newer format, or a software fault.',
    action: 'Check that the file is the MANIFEST of this database and which program wrote it.',
    references: ['rocksdb db/log_format.h'],
  },
  'manifest/missing-fragment': {
    severity: 'error',
    title: 'MANIFEST record lacks a fragment',
    meaning: 'An edit that was written in several pieces is not whole. RocksDB refuses to open.',
    origin: 'A lost, zeroed or overwritten block.',
    action:
      'Restore the MANIFEST from a checkpoint or backup, or write it again from the edits that are whole.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'manifest/zeroed-range': {
    severity: 'error',
    title: 'Zeros in the middle of the MANIFEST',
    meaning:
      'RocksDB takes zeros for unused space and skips the rest of the block silently: the edits that stood there are ' +
      'lost unnoticed, and tables that they added may be deleted.',
    origin: 'A page that never reached the disk, or a file system that gave back zeros after a crash.',
    action: 'Do not open the database. Restore the MANIFEST, or write it again.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'manifest/torn-tail': {
    severity: 'warning',
    title: 'The MANIFEST ends inside a record',
    meaning:
      'The last edit was not written whole. RocksDB ignores it silently. That is right if the process was killed while ' +
      'writing it: the work that it describes was not yet acknowledged. If files are missing that the remaining edits name, ' +
      'the lost edit had taken effect.',
    origin: 'A kill or power loss during the write; a copy of a live database; a truncated file.',
    action:
      'If nothing that is referenced is missing, nothing. Otherwise find out what truncated the file; the files named as ' +
      'orphans are likely what the lost edit added.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'manifest/zero-tail': {
    severity: 'note',
    title: 'The MANIFEST ends in zeros',
    meaning:
      'RocksDB ignores them. Edits may have stood there; if so, files would be missing or unreferenced.',
    origin: 'A crash after the file was extended and before the data was written, or preallocation.',
    action: 'Nothing, if all live files are there.',
    references: ['rocksdb db/log_reader.cc'],
  },
  'manifest/open-atomic-group': {
    severity: 'warning',
    title: 'The MANIFEST ends inside an atomic group',
    meaning: 'Edits that belong together are not all there; RocksDB silently drops those that are.',
    origin: 'A kill or power loss during the write, or a MANIFEST cut at a record end.',
    action: 'Nothing, if all live files are there.',
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  'manifest/malformed-edit': {
    severity: 'error',
    title: 'A version edit does not decode',
    meaning:
      'The checksum around it is right, so it was wrong before it was written, or was written by something else. RocksDB ' +
      'refuses to open.',
    origin:
      'A software or memory fault in the writer, a tool that edited the file, or an unsupported format.',
    action:
      'The disk is not to blame. Look at the record with kvdoctor inspect and at the version that wrote it.',
    references: ['rocksdb db/version_edit.cc'],
  },
  'manifest/unknown-tag': {
    severity: 'error',
    title: 'A version edit has a field that may not be skipped',
    meaning:
      'The reader does not know the field, and it is not marked as ignorable. RocksDB refuses to open.',
    origin: 'A newer release or another engine wrote the MANIFEST; or a software fault.',
    action: 'Open with the release that wrote it. OPTIONS says which.',
    references: ['rocksdb db/version_edit.h'],
  },
  'manifest/atomic-group': {
    severity: 'error',
    title: 'An atomic group is not coherent',
    meaning: 'Edits that must be applied together are incomplete or miscounted. RocksDB refuses to open.',
    origin: 'A lost record in the middle of the file, or a software fault.',
    action: 'Look at the records around it with kvdoctor inspect.',
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  'manifest/incomplete': {
    severity: 'error',
    title: 'The MANIFEST lacks its basic entries',
    meaning:
      'It is empty or was cut in its first records. RocksDB refuses to open: "no … entry in MANIFEST".',
    origin:
      'A full disk or crash while a new MANIFEST was begun, a truncated copy, a preallocated file that was never written.',
    action: 'An older MANIFEST may be whole: if all tables that it names still exist, let CURRENT name it.',
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  'manifest/unknown-column-family': {
    severity: 'error',
    title: 'An edit names a column family that does not exist',
    meaning: 'The edit that added it is missing. RocksDB refuses to open.',
    origin: 'A lost record, a MANIFEST put together from two, or a software fault.',
    action:
      "Look at the records around it with kvdoctor inspect; OPTIONS may still tell the column family's name.",
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  'manifest/duplicate-column-family': {
    severity: 'error',
    title: 'A column family is added twice',
    meaning: 'RocksDB refuses to open.',
    origin: 'Records repeated by a copy, or a software fault.',
    action: 'Look at the records around it with kvdoctor inspect.',
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  'manifest/deleted-file-not-live': {
    severity: 'error',
    title: 'An edit deletes a table that is not live',
    meaning: 'The edits contradict each other: one is lost, repeated or wrong. RocksDB refuses to open.',
    origin: 'A lost record, or a software fault in an engine or tool.',
    action: 'Look at the records around it with kvdoctor inspect.',
    references: ['rocksdb db/version_builder.cc'],
  },
  'manifest/file-added-twice': {
    severity: 'error',
    title: 'An edit adds a table that is already live',
    meaning: 'The edits contradict each other: one is lost, repeated or wrong. RocksDB refuses to open.',
    origin: 'A lost or repeated record, or a software fault in an engine or tool.',
    action: 'Look at the records around it with kvdoctor inspect.',
    references: ['rocksdb db/version_builder.cc'],
  },
  'manifest/ignored-file': {
    severity: 'error',
    title: 'A table is added where the engine ignores it',
    meaning:
      'Files in an edit that adds a column family are dropped silently, so the table is not live and the next open ' +
      'deletes it.',
    origin: 'A tool that wrote the MANIFEST and did not know this.',
    action: 'Do not open the database. The table must be added by an edit of its own.',
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  'manifest/wal-created-twice': {
    severity: 'error',
    title: 'A WAL is created twice',
    meaning: 'WAL tracking contradicts itself. RocksDB refuses to open.',
    origin: 'A repeated record or a software fault.',
    action: 'Look at the records around it with kvdoctor inspect.',
    references: ['rocksdb db/wal_edit.cc'],
  },
  'manifest/blob-file-state': {
    severity: 'error',
    title: "A blob file's edits contradict each other",
    meaning:
      'It is added twice, or garbage is counted in a file that is not live or beyond its size. RocksDB refuses to open.',
    origin: 'A lost or repeated record, or a software fault.',
    action: 'Look at the records around it with kvdoctor inspect.',
    references: ['rocksdb db/version_builder.cc'],
  },
  'manifest/wrong-table-size': {
    severity: 'error',
    title: 'The MANIFEST records a wrong size of a table',
    meaning:
      'The table is whole, with the identity that the MANIFEST gives it, and has another size. The checksum of the record is ' +
      'right, so it was wrong when it was written. RocksDB refuses to open: "Sst file size mismatch".',
    origin: 'A software or memory fault in the writer, or a tool that edited the MANIFEST.',
    action: 'The table needs no repair; the entry does. A fresh MANIFEST with the true size opens.',
    references: ['rocksdb db/version_set.cc'],
  },
  'manifest/file-number': {
    severity: 'warning',
    title: 'A live file has a number that was not given out',
    meaning:
      'next_file_number is not above it. RocksDB opens silently; with a lost or renamed file it could give the number ' +
      'to a new one.',
    origin: 'A lost edit at the end of the MANIFEST, or a tool that edited it.',
    action: 'A fresh MANIFEST with a larger next_file_number is safe.',
    references: ['rocksdb db/version_set.cc'],
  },
  'manifest/table-bounds': {
    severity: 'error',
    title: "A table's bounds are the wrong way round",
    meaning: 'Its smallest key or sequence is above its largest. Reads would not find what is in it.',
    origin: "A software or memory fault in the writer: the record's checksum is right.",
    action: "Compare with the table's own first and last key; a fresh MANIFEST can state them.",
    references: ['rocksdb db/version_edit.h'],
  },
  'manifest/empty-tombstones': {
    severity: 'note',
    title: 'Table holds only range tombstones that cover no key',
    meaning:
      'The bounds of a table without any other entry are those of its range tombstones: begin and end of a range that ends ' +
      'before it begins. RocksDB reads past it. Nothing is lost.',
    origin: 'DeleteRange with exchanged ends, which RocksDB before 6.11 lets through.',
    action:
      'Nothing for the database; a compaction removes the table. See sst/empty-range-tombstone for what the application may ' +
      'have meant to delete.',
    references: ['facebook/rocksdb#6788'],
  },
  'manifest/overlapping-tables': {
    severity: 'error',
    title: 'Tables on one level overlap',
    meaning:
      'On level 1 and below tables must not share keys. RocksDB refuses to open ("has overlapping ranges") unless ' +
      'force_consistency_checks is off; then reads may return old values or miss keys.',
    origin:
      'A lost or repeated edit, a software fault in compaction or ingestion, or a tool that moved tables.',
    action: 'Moving the tables of that level to level 0 in the order of their sequences keeps all data.',
    references: ['rocksdb db/version_builder.cc'],
  },
  'manifest/left-behind-table': {
    severity: 'error',
    title: 'A compaction left an older level-0 table after',
    meaning:
      'A compaction of LevelDB takes every table of level 0 that overlaps one that it takes, and the edit of this one leaves such a ' +
      'table live. Reads look at level 0 first: Get finds old values in it, also of keys that were deleted since. Where the file ' +
      'is gone already, LevelDB refuses to open ("missing files").',
    origin:
      'An edit that lost an entry: a memory fault, a tool that edited the MANIFEST, or a software fault.',
    action:
      'Do not let LevelDB compact it first: copy the directory. A MANIFEST without that table reads as the database did before.',
    references: ['leveldb db/version_set.cc'],
  },
  'manifest/level-0-order': {
    severity: 'error',
    title: 'Overlapping level-0 tables have the same epoch',
    meaning:
      'Epoch numbers say which level-0 table is newer. These two overlap and neither is. RocksDB refuses to open.',
    origin: 'A software fault, or a tool that edited the MANIFEST.',
    action: 'A fresh MANIFEST without epoch numbers lets the engine order them by sequence.',
    references: ['rocksdb db/version_builder.cc'],
  },
  'manifest/partial-epochs': {
    severity: 'warning',
    title: 'Some tables of a column family lack an epoch number',
    meaning:
      'If any table lacks one, RocksDB ignores them all and orders level 0 by sequence, silently. That is right unless ' +
      'tables were ingested after newer data.',
    origin: 'A tool that edited the MANIFEST; an older release that wrote to it.',
    action: 'Nothing, usually.',
    references: ['rocksdb db/version_builder.cc'],
  },
  'manifest/blob-link': {
    severity: 'error',
    title: 'Tables and blob files do not fit together',
    meaning:
      'A table needs a blob file that the MANIFEST does not have, or a blob file in use is counted as all garbage. Reads of ' +
      'the values fail, or RocksDB refuses to open.',
    origin: 'RepairDB, which drops blob metadata; a lost edit; a software fault.',
    action: 'If the blob file is still in the directory do not open the database, which would delete it.',
    references: ['rocksdb db/version_builder.cc', 'rocksdb db/repair.cc'],
  },
  'manifest/column-family-id': {
    severity: 'warning',
    title: 'Column family ids or names contradict each other',
    meaning:
      'Two column families have one name, or the MANIFEST states as the largest id ever given out one that is below an id ' +
      'it gave out before.',
    origin: 'A lost edit, a software fault, or a tool that edited the MANIFEST.',
    action: 'Look at the records with kvdoctor inspect before creating another column family.',
    references: ['rocksdb db/column_family.cc'],
  },
  'manifest/too-many-levels': {
    severity: 'warning',
    title: 'A table is on a level that OPTIONS does not have',
    meaning: 'An open with these options is refused: "db has more levels than options.num_levels".',
    origin: 'num_levels was lowered, or the level in the edit is wrong.',
    action: 'Open with a larger num_levels.',
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  'manifest/log-number': {
    severity: 'error',
    title: 'The log number of the MANIFEST does not fit the WALs',
    meaning:
      'LevelDB and Pebble only. If the number is too high, the engine ignores WALs whose operations are in no table, and deletes them when it opens. If it is too low, it ' +
      'replays operations that are in tables already.',
    origin: 'A MANIFEST of another moment than the WALs; faulty memory.',
    action: 'Do not open the database: copy the directory first.',
    references: ['leveldb db/db_impl.cc'],
  },
  'manifest/unknown-comparator': {
    severity: 'error',
    title: 'A LevelDB MANIFEST names a comparator that is not known',
    meaning:
      'LevelDB opens a directory only for a program that brings a comparator of this name; its own, which nearly all programs take, is ' +
      'refused: "does not match existing comparator". Where the tables show another order than that of bytes the name is believed, ' +
      'and this is a note: the keys are then checked, merged and compared in the order that the tables show.',
    origin:
      'A program with an order of its own, which is sound; or a MANIFEST written by a RepairDB that was given a wrong comparator, a ' +
      'software fault, faulty memory.',
    action:
      'Find out which program wrote the database. If it has this comparator, nothing is wrong: switch the rule off. If it takes ' +
      "LevelDB's own, the name has to be put right before anything can open the directory.",
    references: ['leveldb db/version_set.cc'],
  },
} as const satisfies Record<`manifest/${string}`, Rule>;
