import type { Symptom } from '../../app/log-knowledge.js';

const scanAll = ['kvdoctor scan {dir}'];

/** Messages about CURRENT, the MANIFEST and column families. */
export const manifestSymptoms: readonly Symptom[] = [
  {
    id: 'current-damaged',
    pattern: /CURRENT file does not end with newline|CURRENT file corrupted/i,
    anchors: ['current file does not end', 'current file corrupted'],
    severity: 'error',
    meaning: 'CURRENT, which names the MANIFEST, is empty, cut or zeroed.',
    look: 'CURRENT, and the MANIFEST files beside it',
    causes: ['torn', 'zeroed', 'full'],
    action:
      'Nothing else need be lost: the newest MANIFEST that parses and whose files exist is the right one.',
    next: scanAll,
    rules: ['directory/current-no-newline', 'directory/current-malformed', 'directory'],
    references: ['facebook/rocksdb#8682', 'ethereum/go-ethereum#1601', 'tikv/tikv#19963'],
  },
  {
    id: 'manifest-missing',
    pattern:
      /MANIFEST-\d+:? No such file|(?<!\d\.(?:sst|ldb|blob|log): )No such file or directory(?:(?!\d\.(?:sst|ldb|blob|log)\b).){0,400}MANIFEST-\d+|CURRENT points to a non-existent file/i,
    anchors: ['manifest-', 'current points to'],
    severity: 'error',
    meaning: 'CURRENT names a MANIFEST that is not there.',
    look: 'MANIFEST files in the directory and in backups',
    causes: ['missing', 'truncated'],
    action:
      'A copy that left it out is the usual case: copy again. An older MANIFEST may do; a scan checks each.',
    next: scanAll,
    rules: ['directory'],
    references: ['facebook/rocksdb#1554', 'leveldb db/version_set.cc (Recover)'],
  },
  {
    id: 'manifest-incomplete',
    pattern: /no meta-(nextfile|lognumber|lastseq).* entry in descriptor/i,
    anchors: ['no meta-'],
    severity: 'error',
    meaning: 'The MANIFEST ends before it has said everything that a database needs.',
    look: 'the MANIFEST and older ones',
    causes: ['torn', 'truncated'],
    action: 'Use an older MANIFEST whose files still exist, or rebuild it from the tables.',
    next: scanAll,
    rules: ['manifest'],
    references: ['facebook/rocksdb#2808', 'omniscale/imposm3#118'],
  },
  {
    id: 'manifest-suffix',
    pattern: /The file .{0,400}MANIFEST-\d+ may be corrupted/i,
    anchors: ['may be corrupted'],
    severity: 'warning',
    unknown: true,
    meaning:
      'RocksDB puts this sentence after every corruption that it meets while it reads the MANIFEST and opens the tables named there. What stands before it is the error; the sentence alone says nothing about the MANIFEST.',
    look: 'the text before the sentence, or the line before',
    causes: [],
    action: 'A scan says which file is damaged; most often it is a table.',
    next: scanAll,
    rules: ['manifest', 'directory', 'sst'],
    references: ['rocksdb db/version_edit_handler.cc (VersionEditHandlerBase::Iterate)'],
  },
  {
    id: 'manifest-edit',
    pattern:
      /Corruption: VersionEdit\b|VersionEdit: (new-file\d? entry|unknown tag|invalid tag|deleted file|column family add)/i,
    anchors: ['versionedit'],
    severity: 'error',
    meaning:
      'A record of the MANIFEST has the right checksum and does not parse. The words after VersionEdit name the field.',
    look: 'the record, and the release that wrote it (OPTIONS, LOG)',
    causes: ['configuration', 'software', 'memory'],
    action:
      '“unknown tag” and “new-file4 entry: invalid …” in a MANIFEST of a newer release: open it with that release. Otherwise the record was wrong before it was written; the edit before it is a state that can be gone back to.',
    next: scanAll,
    rules: ['manifest'],
    references: ['rocksdb db/version_edit.cc (DecodeFrom)', 'facebook/rocksdb#6316'],
  },
  {
    id: 'manifest-versions',
    pattern:
      /Cannot delete table file #\d+ from level|VersionBuilder: (Cannot|Blob file #|Links are inconsistent)|Blob file #\d+ (already added|not found|consists entirely of garbage)|Corruption: not found \d+/i,
    anchors: ['cannot delete table file', 'versionbuilder', 'blob file #', 'corruption: not found'],
    severity: 'error',
    meaning: 'An edit of the MANIFEST does not fit the state that the edits before it make.',
    look: 'the history of the named file in the MANIFEST',
    causes: ['software', 'two-processes', 'memory'],
    action:
      'Pieces of two MANIFEST files, two processes on one directory, or a bug. A scan shows the edit where it goes wrong; the state before it can be gone back to while its files exist.',
    next: scanAll,
    rules: ['manifest'],
    references: ['facebook/rocksdb#12619', 'rocksdb db/version_builder.cc'],
  },
  {
    id: 'manifest-families',
    pattern:
      /adding the same column family twice|dropping non-existing column family|record referencing unknown column family/i,
    anchors: [
      'adding the same column family',
      'dropping non-existing column family',
      'record referencing unknown',
    ],
    severity: 'error',
    meaning: 'The edits of the MANIFEST about column families contradict each other.',
    look: 'the history of column families in the MANIFEST',
    causes: ['software', 'truncated'],
    action: 'Pieces of two MANIFEST files in one, or a bug: a scan shows the edit where it goes wrong.',
    next: scanAll,
    rules: ['manifest'],
    references: ['rocksdb db/version_edit_handler.cc'],
  },
  {
    id: 'families-not-opened',
    pattern: /Column families not opened: /i,
    anchors: ['column families not opened'],
    severity: 'warning',
    meaning: 'The program did not name all column families when it opened the database. Nothing is damaged.',
    look: 'the column families in the MANIFEST',
    causes: ['configuration'],
    action: 'Open it with the program that owns it, or name the column families that a scan lists.',
    next: scanAll,
    references: ['facebook/rocksdb#8005'],
  },
  {
    id: 'comparator-differs',
    pattern: /does not match existing comparator/i,
    anchors: ['does not match existing comparator'],
    severity: 'warning',
    meaning:
      'The database was written with another key order than the program that opens it has. Nothing is damaged.',
    look: 'the comparator that the MANIFEST names',
    causes: ['configuration'],
    action: 'The wrong tool for this database: kvdoctor reads it all the same.',
    next: scanAll,
    references: ['facebook/rocksdb#3741', 'facebook/rocksdb#8216'],
  },
  {
    id: 'myrocks-family-flags',
    pattern: /Failed to get column family flags from cf id/i,
    anchors: ['failed to get column family flags'],
    severity: 'error',
    meaning: 'The dictionary of MyRocks names a column family that RocksDB no longer has.',
    look: 'the system column family of MyRocks against the MANIFEST',
    causes: ['software'],
    action: '`ldb repair` drops column families: go back to the copy from before it ran.',
    next: scanAll,
    references: ['facebook/rocksdb#5084'],
  },
  {
    id: 'database-missing',
    pattern:
      /create_if_missing is false|Database does not exist|[\\/]CURRENT:? No such file|No such file or directory.{0,400}[\\/]CURRENT\b/i,
    anchors: ['create_if_missing is false', 'database does not exist', 'current'],
    severity: 'error',
    meaning: 'There is no CURRENT at the path that was opened.',
    look: 'the path; whether tables or a MANIFEST lie there',
    causes: ['configuration', 'missing', 'two-processes'],
    action:
      'Files but no CURRENT: the pointer is lost and can be made again. No files: the wrong path or mount.',
    next: scanAll,
    rules: ['directory'],
    references: ['tikv/tikv#19962', 'rocksdb db/version_set.cc (GetCurrentManifestPath)'],
  },
  {
    id: 'options-unknown',
    pattern:
      /Can't parse BlockBasedTableOptions|Could not find option\b|Unrecognized option|Unable to parse (the specified|DBOptions)/i,
    anchors: [
      "can't parse blockbasedtableoptions",
      'could not find option',
      'unrecognized option',
      'unable to parse ',
    ],
    severity: 'warning',
    meaning:
      'An OPTIONS file or option string names an option that this release does not know. Nothing is damaged.',
    look: 'rocksdb_version in the newest OPTIONS file, and the release of the program',
    causes: ['configuration'],
    action:
      'Open it with the release that wrote it, or with ignore_unknown_options, or without the file: the server’s own settings do.',
    next: scanAll,
    rules: ['directory/options-malformed', 'directory/options-truncated'],
    references: [
      'rocksdb options/options_parser.cc',
      'rocksdb table/block_based/block_based_table_factory.cc',
    ],
  },
  {
    id: 'family-unknown',
    pattern: /Column family not found/i,
    anchors: ['column family not found'],
    severity: 'warning',
    meaning: 'The program asks for a column family that the database does not have.',
    look: 'the column families in the MANIFEST, and whether a repair has been here (lost/)',
    causes: ['configuration', 'software'],
    action:
      'RepairDB drops column families that only the MANIFEST or the logs know: look for lost/ before you make a new one.',
    next: scanAll,
    rules: ['directory/options-column-families', 'directory/repaired-before', 'manifest'],
    references: ['rocksdb db/version_edit_handler.cc', 'rocksdb db/repair.cc'],
  },
];
