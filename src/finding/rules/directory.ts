import type { Rule } from '../rule.js';

export const directoryRules = {
  'directory/current-missing': {
    severity: 'error',
    title: 'CURRENT is missing',
    meaning:
      'Nothing says which MANIFEST is valid, so the engine does not open the database. Opened with create_if_missing=true, ' +
      'RocksDB makes a new, empty database in place and deletes every table: do not start the server.',
    origin: 'A copy or restore that left it out, a deletion by hand, or a file system that lost a rename.',
    action:
      'Copy the directory first. If the newest MANIFEST is whole, CURRENT follows from it: its name and one newline. ' +
      'Keep anything that opens the database with create_if_missing away from it.',
    references: ['rocksdb db/manifest_ops.cc', 'rocksdb db/db_impl/db_impl_open.cc'],
  },
  'directory/current-no-newline': {
    severity: 'error',
    title: 'CURRENT does not end with a newline',
    meaning: 'The engine refuses to open: "CURRENT file does not end with newline".',
    origin:
      'CURRENT was edited or written by a script, or cut when the disk was full or the machine lost power.',
    action:
      'If the MANIFEST it names is whole, write the name again, followed by exactly one newline (0x0a).',
    references: ['rocksdb db/manifest_ops.cc'],
  },
  'directory/current-malformed': {
    severity: 'error',
    title: 'CURRENT does not name a MANIFEST',
    meaning: 'The engine refuses to open: "CURRENT file corrupted". The data files may all be well.',
    origin: 'An editor that wrote CRLF or a second line, a script that wrote a path, or a damaged page.',
    action:
      'Find the newest MANIFEST that replays without error and let CURRENT name it: MANIFEST-NNNNNN and one newline.',
    references: ['rocksdb db/manifest_ops.cc'],
  },
  'directory/missing-manifest': {
    severity: 'error',
    title: 'CURRENT names a MANIFEST that is not there',
    meaning:
      'The MANIFEST says which tables are live and at which level. Without it the engine does not open the database; the ' +
      'tables alone do not tell which of them are obsolete.',
    origin:
      'A copy that missed the file or was made while the engine switched MANIFESTs, or a deletion by hand.',
    action:
      'Look for the file in backups, checkpoints and lost+found of the same database. An older MANIFEST names older tables ' +
      'and is right only if all of them still exist.',
    references: ['rocksdb db/version_set.cc'],
  },
  'directory/current-names-empty-manifest': {
    severity: 'error',
    title: 'CURRENT names a MANIFEST without tables; another has them',
    meaning:
      'CURRENT was lost and RocksDB, told to create what is missing, began a new database beside the old files. The next ' +
      'ordinary open deletes every table of the old one.',
    origin: 'An open with create_if_missing=true while CURRENT was missing and a WAL was present.',
    action:
      'Do not start the server. Copy the directory. The larger MANIFEST is the old database: let CURRENT name it again.',
    references: ['rocksdb db/db_impl/db_impl_open.cc'],
  },
  'directory/missing-table': {
    severity: 'error',
    title: 'A live table is missing',
    meaning:
      'The MANIFEST names a table that is not in the directory. RocksDB refuses to open, or, with a bounded max_open_files, ' +
      'opens and fails when a read reaches the table. Everything in it is lost unless another copy exists.',
    origin:
      'Deleted by hand or by a cleaner, missed by a copy, lost by a file system; the table lies in another db_path or ' +
      'cf_path, which OPTIONS does not record; or the MANIFEST lost its last edit, the one that dropped the table.',
    action:
      'If the database uses several paths, name them with --db-path. Look for the file in checkpoints and backups (they ' +
      'hard-link tables). Only then think of a MANIFEST without it: older values and deleted keys below it may come back.',
    references: ['rocksdb db/version_set.cc', 'rocksdb db/table_cache.cc'],
  },
  'directory/wrong-table-size': {
    severity: 'error',
    title: 'A live table has another size than the MANIFEST says',
    meaning: 'The engine refuses to open: "Sst file size mismatch". The file was cut, extended or replaced.',
    origin:
      'A truncated copy, a full disk, a file system that lost the tail, or another table under this name.',
    action:
      'Compare with a checkpoint or backup of the same table (same name and size as the MANIFEST says) and put it back.',
    references: ['rocksdb db/version_set.cc'],
  },
  'directory/missing-blob': {
    severity: 'error',
    title: 'A live blob file is missing',
    meaning:
      'The MANIFEST names a blob file that is not in the directory. The database opens, and every read of a value in it fails.',
    origin: 'Deleted by hand, missed by a copy, or by a tool that does not know blob files.',
    action:
      'Put it back from a checkpoint or backup. Keys whose values were in it can be listed with kvdoctor export.',
    references: ['rocksdb db/version_builder.cc', 'rocksdb db/blob/blob_file_reader.cc'],
  },
  'directory/wrong-blob-size': {
    severity: 'error',
    title: 'A live blob file has another size than the MANIFEST says',
    meaning:
      'A blob file holds its records plus 62 bytes of header and footer. Another size means that it was cut or replaced; ' +
      'reads of the values after the cut fail.',
    origin: 'A truncated copy, a full disk, a file system that lost the tail.',
    action: 'Put the file back from a checkpoint or backup.',
    references: ['rocksdb db/blob/blob_file_meta.h'],
  },
  'directory/missing-wal': {
    severity: 'error',
    title: 'A tracked WAL is missing',
    meaning:
      'The MANIFEST records this WAL as closed and synced, so its writes were acknowledged, and no table holds them. ' +
      'RocksDB refuses to open: "Missing WAL with log number". LevelDB, whose log number names a WAL that was there when it was ' +
      'written, opens silently.',
    origin: 'Deleted by hand to free space, left out of a copy, or a wal_dir that was not mounted.',
    action: 'Put it back. Check that wal_dir is where OPTIONS says (--wal-dir).',
    references: ['rocksdb db/wal_edit.cc'],
  },
  'directory/short-wal': {
    severity: 'error',
    title: 'A tracked WAL is shorter than the MANIFEST says',
    meaning:
      'The MANIFEST records how many bytes of this WAL were synced; fewer are there, so acknowledged writes are gone. ' +
      'RocksDB refuses to open: "Size mismatch: WAL (log number: …)".',
    origin: 'A truncated copy, or a disk or file system that did not keep what it said it had synced.',
    action: 'Put the whole file back from a copy. If there is none, repair to the last consistent point.',
    references: ['rocksdb db/wal_edit.cc'],
  },
  'directory/removed-wal': {
    severity: 'warning',
    title: 'A WAL was removed that the engine had not finished with',
    meaning:
      'The MANIFEST says that this WAL was begun, or that the last flush kept it, and recovery would read it, or an older one is still ' +
      'there, though the engine deletes the oldest first. What it held and no table holds is lost: RocksDB opens silently, or puts later ' +
      'writes on top of the hole. A WAL that a newer one followed held writes: an error where no file that is left holds their sequence numbers, ' +
      'a warning where the numbers go on without a gap, as in a copy that was made without it. The newest may have been empty.',
    origin:
      'Deleted by hand to free space, left out of a copy, a wal_dir that is not mounted, lost by a file system.',
    action:
      'Look for the file in archive/, in backups and in wal_dir (--wal-dir). If it is found, put it back before the server ' +
      'starts. The sequence numbers of its neighbours say how many writes it held.',
    references: ['rocksdb db/db_impl/db_impl_files.cc'],
  },
  'directory/wal-dir-not-here': {
    severity: 'warning',
    title: 'The wal_dir that the database names is not here',
    meaning:
      'OPTIONS or LOG names a directory for WALs, none that recovery would read lies in the database directory, and the named ' +
      'one is absent, empty, or may not be read. Everything written since the last flush may be in it. All other results ' +
      'leave those WALs out, and every command ends with status 3.',
    origin:
      'A file system that is not mounted, a copy of the database directory alone, a database that was moved. Releases of RocksDB ' +
      "before 6.23 write the database's own directory there, so the name of the original stays in a copy without WALs.",
    action:
      'Mount it, or say where it is now: --wal-dir DIR. Where nothing is left of it, or WALs belong into the database directory ' +
      'itself, name the database directory: --wal-dir DB.',
    references: ['rocksdb HISTORY.md (6.23.0)', 'rocksdb db/db_impl/db_impl_open.cc (SanitizeOptions)'],
  },
  'directory/db-path-not-here': {
    severity: 'warning',
    title: 'A db_path or cf_path of the database is not here',
    meaning:
      'The MANIFEST names tables that lie in another directory than the database, which is absent, may not be read, or is not ' +
      'known: OPTIONS does not record db_paths and cf_paths. Nothing is known of these tables, and every command ends with status 3.',
    origin:
      'A file system that is not mounted, a copy of the database directory alone, a database that was moved.',
    action:
      'Mount it, or name all paths in their order: --db-path DB --db-path DIR, where DB is the database directory if tables lie in it too.',
    references: ['rocksdb options/db_options.cc', 'rocksdb db/db_info_dumper.cc (DumpDBFileSummary)'],
  },
  'directory/no-wal': {
    severity: 'warning',
    title: 'A directory that was in use has no WAL',
    meaning:
      'Every open of RocksDB begins a WAL, and a clean shutdown leaves it behind, empty or not. This directory has LOCK or LOG, so it was ' +
      'in use, and no WAL. If one was left out, its writes are lost silently: RocksDB opens what is in the tables.',
    origin:
      'WALs left out of a copy or deleted by hand, a wal_dir that OPTIONS does not name, a tool that drops empty files, or a flushed ' +
      'checkpoint that an open failed on.',
    action: 'Look for N.log files where the directory came from, and in a wal_dir (--wal-dir).',
    references: ['rocksdb db/db_impl/db_impl_open.cc'],
  },
  'directory/wals-only': {
    severity: 'note',
    title: 'WALs without their database',
    meaning:
      'The directory holds WALs and nothing else: no CURRENT, MANIFEST, OPTIONS, IDENTITY, LOCK, LOG or tables. Each WAL is checked by ' +
      'itself. Which of them the database still needs, and what it would replay, only its MANIFEST tells.',
    origin:
      'A wal_dir, an archive/ of obsolete WALs, a copy of WALs alone. If it is the directory of the database itself, everything ' +
      'else of it is gone.',
    action:
      'Check them with their database: kvdoctor scan --wal-dir DIR DB. kvdoctor find and kvdoctor inspect read them as they are.',
    references: ['rocksdb db/db_impl/db_impl_open.cc'],
  },
  'directory/orphan-table': {
    severity: 'note',
    title: 'A table that the MANIFEST does not name',
    meaning:
      'Usual after a crash: the output of an unfinished flush or compaction, or an input that was about to be deleted. The ' +
      'next open deletes it. If the MANIFEST is damaged or has been cut, it may hold the only copy of its data.',
    origin: 'A crash or kill during flush, compaction or ingestion; a MANIFEST that lost its last edits.',
    action: 'Nothing, if the MANIFEST is well. Otherwise keep it until the database has been repaired.',
    references: ['rocksdb db/db_impl/db_impl_files.cc'],
  },
  'directory/unborn-table': {
    severity: 'note',
    title: 'A number was given out for a file that is not there',
    meaning:
      'The MANIFEST has given out a file number after the newest WAL was begun, no edit of the MANIFEST and no file uses ' +
      'it. It was meant for the output of a flush or compaction that never ended. No data depends on it: inputs are ' +
      'removed only after the output is named.',
    origin:
      'A process that was killed while it wrote a table, and somebody who removed the unfinished file; a copy without it.',
    action: 'Nothing.',
    references: ['rocksdb db/compaction/compaction_job.cc (OpenCompactionOutputFile)'],
  },
  'directory/compaction-pending': {
    severity: 'note',
    title: 'A compaction was due and has left no output',
    meaning:
      'Level 0 holds as many files as start a compaction, and no unfinished output lies about. The compaction had not begun when ' +
      'the process ended, or its unfinished output was removed since. No data depends on it: inputs stay until the output is ' +
      'named. The finding names the file that the first output would be.',
    origin: 'A process that was killed under load; a copy without files that the MANIFEST does not name.',
    action: 'Nothing. The engine compacts when it opens the directory.',
    references: ['rocksdb db/compaction/compaction_picker_level.cc (level0_file_num_compaction_trigger)'],
  },
  'directory/orphan-blob': {
    severity: 'note',
    title: 'A blob file that the MANIFEST does not name',
    meaning:
      'The output of an unfinished flush or compaction, or an obsolete file. The next open deletes it.',
    origin: 'A crash or kill during flush or compaction; a MANIFEST that lost its last edits.',
    action: 'Nothing, if the MANIFEST is well.',
    references: ['rocksdb db/db_impl/db_impl_files.cc'],
  },
  'directory/stale-temporary': {
    severity: 'note',
    title: 'A temporary file was left behind',
    meaning:
      'An unfinished write of CURRENT, OPTIONS or IDENTITY, an unfinished restore or checkpoint. It is not read.',
    origin: 'A crash or kill at that moment.',
    action: 'Nothing; RocksDB deletes most of them when it opens.',
    references: ['rocksdb file/filename.cc'],
  },
  'directory/repaired-before': {
    severity: 'note',
    title: 'RepairDB has been here',
    meaning:
      "lost/ holds files that RocksDB's own repair set aside. It puts every table on level 0, forgets column families that " +
      'only WAL or MANIFEST knew, and drops blob metadata.',
    origin: 'ldb repair, or RepairDB called by a server.',
    action:
      'Keep lost/: it has the original MANIFEST and WALs, from which more may be had than the repair kept.',
    references: ['rocksdb db/repair.cc'],
  },
  'directory/identity-malformed': {
    severity: 'warning',
    title: 'IDENTITY does not hold a database id',
    meaning:
      'The engine rewrites it from the MANIFEST, or makes a new id. Backups and unique ids refer to the old one.',
    origin: 'A cut or overwritten file.',
    action: 'Nothing is lost. If the MANIFEST records the id, write it back.',
    references: ['rocksdb db/db_impl/db_impl_open.cc'],
  },
  'directory/identity-mismatch': {
    severity: 'warning',
    title: 'IDENTITY and MANIFEST name different databases',
    meaning:
      'Files of two databases may have been mixed. The engine keeps the id of the MANIFEST and rewrites IDENTITY.',
    origin: 'A directory put together from several copies, or IDENTITY copied from another host.',
    action: 'Compare the database ids in the table properties before trusting the mixture.',
    references: ['rocksdb db/db_impl/db_impl_open.cc'],
  },
  'directory/options-missing': {
    severity: 'note',
    title: 'There is no OPTIONS file',
    meaning:
      "The recovery mode, wal_dir, comparators and merge operators of this database are not known; RocksDB's defaults are " +
      'assumed. The engine opens without it when the server brings its own options.',
    origin: 'Deleted by hand, left out of a copy, or a database older than RocksDB 4.3.',
    action: 'Nothing, where the server configures the engine itself.',
    references: ['rocksdb options/options_parser.cc'],
  },
  'directory/options-truncated': {
    severity: 'warning',
    title: 'The OPTIONS file is cut',
    meaning:
      'Options after the cut are unknown, and tools that load options from the file refuse to open. A server that brings its ' +
      'own options opens and writes a new file.',
    origin: 'A full disk, a crash while it was written, a truncated copy.',
    action: 'Use the second newest OPTIONS file, or let the server write a new one by opening.',
    references: ['rocksdb options/options_parser.cc'],
  },
  'directory/options-malformed': {
    severity: 'warning',
    title: 'The OPTIONS file does not parse',
    meaning:
      'Tools that load options from the file refuse to open. A server that brings its own options does not care.',
    origin: 'An edit by hand, or a damaged page.',
    action: 'Use the second newest OPTIONS file, or let the server write a new one by opening.',
    references: ['rocksdb options/options_parser.cc'],
  },
  'directory/options-missing-section': {
    severity: 'warning',
    title: 'The OPTIONS file lacks a section',
    meaning: 'Tools that load options from the file refuse to open; what the section said is unknown.',
    origin: 'A cut file or an edit by hand.',
    action: 'Use the second newest OPTIONS file, or let the server write a new one by opening.',
    references: ['rocksdb options/options_parser.cc'],
  },
  'directory/options-column-families': {
    severity: 'note',
    title: 'OPTIONS and MANIFEST list different column families',
    meaning:
      'The MANIFEST decides. Tools that open with the OPTIONS file fail with "Column family not found" or leave one closed.',
    origin:
      'RepairDB, a dropped column family before options were written again, or a MANIFEST that lost its last edits.',
    action: 'If the MANIFEST is damaged, this may name what it lost. Otherwise nothing.',
    references: ['rocksdb db/repair.cc'],
  },
  'directory/options-comparator': {
    severity: 'warning',
    title: 'OPTIONS and MANIFEST name different comparators',
    meaning:
      'Tools that open with the OPTIONS file are refused: "does not match existing comparator". The MANIFEST is right.',
    origin: 'An edit by hand, or OPTIONS of another database.',
    action: 'Check whose OPTIONS file it is.',
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  'directory/best-efforts-recovery': {
    severity: 'warning',
    title: 'OPTIONS asks for best-efforts recovery',
    meaning:
      'Every open that loads this file ignores all WALs and, if a table is missing, goes back to an older state or to an ' +
      'empty database, then deletes what it no longer names.',
    origin: 'best_efforts_recovery was true when the database was last opened; OPTIONS keeps it.',
    action: 'Do not open with options loaded from the file. Set best_efforts_recovery=false.',
    references: ['rocksdb db/version_set.cc'],
  },
  'directory/stray-wal': {
    severity: 'error',
    title: 'A WAL of another history lies in a LevelDB directory',
    meaning:
      'Its number is far above all that the MANIFEST has given out. LevelDB replays every WAL from its log number on without a ' +
      'look at sequence numbers: what the file holds is merged into the database, over newer values. A warning where other files ' +
      'hold the same sequence numbers.',
    origin: 'A file copied or renamed into the directory, two databases restored into one place.',
    action: 'Move it away before anything opens the database.',
    references: ['leveldb db/db_impl.cc'],
  },
  'directory/forsaken-table': {
    severity: 'error',
    title: 'A table holds what no live file has, and the MANIFEST never named it',
    meaning:
      'The edit that named the table is lost: a MANIFEST cut at the end of a record tells nothing of it. LevelDB and Pebble ' +
      'open without the table, and delete it.',
    origin: 'A MANIFEST that lost its last edits in a crash, or was restored from another moment.',
    action: 'Do not open the database: copy the directory first.',
    references: ['leveldb db/db_impl.cc'],
  },
  'directory/renamed-file': {
    severity: 'note',
    title: 'A log, table or MANIFEST under a name that the engine does not read',
    meaning:
      "By its bytes the file is the engine's own, and its name is not. A log that holds sequences which nothing else here has is an " +
      'error where it runs on from what is here, and a warning where it does not: what was written to it is gone when the engine ' +
      'opens, and nothing tells of it.',
    origin: 'A file that was renamed or copied by hand, as before an attempt to repair.',
    action:
      'A log that is an error: kvdoctor repair --strategy auto puts its content back under its own name. Others: find out where they ' +
      'come from, and move them away.',
    references: ['rocksdb file/filename.cc', 'leveldb db/filename.cc', 'pebble internal/base/filenames.go'],
  },
  'directory/unused-file': {
    severity: 'note',
    title: 'A file that the engine does not read',
    meaning:
      'Nothing depends on it. Files whose names the engine knows are deleted when it opens, others stay.',
    origin: 'An open or a compaction that was killed before it cleaned up; copies made by hand.',
    action: 'Nothing.',
    references: ['leveldb db/db_impl.cc'],
  },
} as const satisfies Record<`directory/${string}`, Rule>;
